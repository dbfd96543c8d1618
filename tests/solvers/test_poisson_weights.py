"""Poisson losses with samples of weight zero, and where expectations fall without end."""

import warnings

import numpy as np
import pytest
from scipy import sparse

import sparseopt as so
from sparseopt.penalties import L1, ElasticNet


def make(seed):
    """Return few samples that count, many that do not, and a weak penalty."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(6, 40)), int(rng.integers(2, 25))
    X = rng.standard_normal((n, p)) * rng.choice([0.3, 1.0, 3.0])
    y = rng.poisson(np.exp(np.clip(rng.choice([0.3, 1.0]) * X[:, 0], -3, 3))).astype(float)
    s = (rng.random(n) < 0.5) * rng.choice([1.0, 0.3])
    s[np.argmax(y)] = 1.0
    y[np.argmax(y)] += 1.0
    largest = np.abs(X.T @ (s * (y - s @ y / s.sum()))).max() / s.sum()
    return X, y, s, max(largest, 1e-3) * 10.0 ** rng.uniform(-8, -1)


def certificate(X, y, s, penalty, result):
    """The duality gap from its definition, in plain numpy, for an L1 penalty and an intercept."""
    used = s > 0.0
    X, y, s = X[used], y[used], s[used] / s.sum()
    mean = np.exp(X @ result.coef + result.intercept)
    mean *= (s @ y) / (s @ mean)  # a dual point sums to zero
    u = mean - y
    u /= max(1.0, np.abs(X.T @ (s * u)).max() / penalty.alpha)
    v = u + y
    zero = s @ np.where(y > 0, y * np.log(np.maximum(y, 1e-300)) - y, 0.0)  # what makes the smallest loss zero
    eta = X @ result.coef + result.intercept
    primal = s @ (np.exp(eta) - y * eta) + zero + penalty.alpha * np.abs(result.coef).sum()
    dual = -(s @ (np.where(v > 0, v * np.log(np.maximum(v, 1e-300)), 0.0) - v)) + zero
    return primal - dual


@pytest.mark.parametrize("seed", [*range(12), 359, 425, 505, 609])  # the last took dozens of rounds
def test_weak_penalties_converge_in_few_rounds(seed):
    X, y, s, alpha = make(seed)
    problem = so.Problem(X, y, "poisson", L1(alpha), s)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = so.solve(problem)
    assert result.converged and result.n_iter <= 20
    assert certificate(X, y, s, L1(alpha), result) <= 1.01e-6 * result.null_objective + 1e-13


@pytest.mark.parametrize("penalty", [L1, lambda alpha: ElasticNet(alpha, 0.5), lambda alpha: L1(alpha, positive=True)])
def test_samples_of_weight_zero_might_as_well_not_be_there(penalty):
    for seed in range(8):
        X, y, s, alpha = make(seed)
        X[s == 0.0] *= 50.0
        used = s > 0.0
        for layout in (np.asfortranarray, sparse.csc_matrix):
            one = so.solve(so.Problem(layout(X), y, "poisson", penalty(alpha), s), tol=1e-9)
            other = so.solve(so.Problem(layout(X[used]), y[used], "poisson", penalty(alpha), s[used]), tol=1e-9)
            assert one.converged and other.converged
            assert abs(one.objective - other.objective) <= 2e-9 * one.null_objective


def test_columns_without_penalty_when_expectations_vanish():
    """The other way of taking Newton steps: a group of samples without counts, told apart by one column."""
    X = np.column_stack([np.r_[np.ones(10), np.zeros(10)], np.random.default_rng(0).standard_normal(20)])
    y = np.r_[np.zeros(10), np.arange(10.0)]
    result = so.solve(so.Problem(X, y, "poisson", L1(1e-8, weights=[1.0, 0.0])))
    assert result.converged and result.n_iter <= 20
    assert np.exp(result.coef[0] + result.intercept) < 1e-5
