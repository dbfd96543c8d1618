"""Separable penalties on a Gram matrix against brute force."""

import numpy as np
import pytest
from sparseopt._ext._separable import KINDS, gains, value
from sparseopt._ext._separable_gram import GramSeparable


def make(k, seed, convex=False):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((3 * k if convex else k, k))
    X[:, 1:] += 0.6 * X[:, :-1]
    y = X[:, :3] @ rng.choice([-2.0, 2.0], 3) + rng.standard_normal(len(X))
    return X, y, np.ascontiguousarray(X.T @ X), X.T @ y


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("positive", [False, True])
def test_no_coordinate_gains_and_products_are_kept(kind, positive):
    for k, seed in ((5, 0), (40, 1), (40, 2)):
        X, y, G, c = make(k, seed)
        lam, gam = np.full(k, 0.2 * np.abs(c).max() / k), np.full(k, 3.0)
        w, q = np.zeros(k), c.copy()
        worst = GramSeparable(KINDS[kind], float(k), positive, 1000).solve(G, w, q, lam, gam, 1e-16, 500)
        assert worst <= 1e-16
        np.testing.assert_allclose(q, c - G @ w, atol=1e-9 * np.abs(c).max())
        left = gains(KINDS[kind], lam, gam, w, c - G @ w, np.diag(G).copy(), float(k), positive)
        assert left.max() <= 1e-12 * (y @ y)
        assert not positive or w.min() >= 0.0


@pytest.mark.parametrize("max_support", [1000, 2])
def test_objective_never_rises_from_any_start(max_support):
    rng = np.random.default_rng(0)
    for seed in range(10):
        X, y, G, c = make(20, seed)
        lam, gam, start = np.full(20, 0.3), np.full(20, 3.0), rng.standard_normal(20)
        objectives = []
        for rounds in range(6):
            w = start.copy()
            GramSeparable(KINDS["mcp"], 20.0, False, max_support).solve(G, w, c - G @ w, lam, gam, 0.0, rounds)
            r = y - X @ w
            objectives.append(0.5 * r @ r + 20.0 * value(KINDS["mcp"], lam, gam, w))
        assert np.all(np.diff(objectives) <= 1e-12 * objectives[0])


def test_newton_steps_save_sweeps_and_end_at_the_minimiser():
    """The minimiser of a lasso by its conditions; sweeps alone need many times as many."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 30)) + 3.0 * rng.standard_normal((60, 1))
    G, c = X.T @ X, X.T @ (X[:, :5].sum(axis=1))
    lam, gam = np.full(30, 0.5), np.ones(30)
    counts = []
    for max_support in (100, 1):
        solver, w, q = GramSeparable(KINDS["l1"], 1.0, False, max_support), np.zeros(30), c.copy()
        solver.solve(G, w, q, lam, gam, 1e-20, 2000)
        q = c - G @ w
        assert np.abs(q[w != 0] - 0.5 * np.sign(w[w != 0])).max() < 1e-7 and np.abs(q).max() < 0.5 + 1e-7
        counts.append(solver.sweeps)
    assert 3 * counts[0] < counts[1]


def test_shapes_are_checked():
    solver = GramSeparable(0, 1.0, False, 10)
    with pytest.raises(ValueError, match="shapes disagree"):
        solver.solve(np.eye(3), np.zeros(4), np.zeros(4), np.ones(4), np.ones(4), 0.0, 1)
    assert solver.solve(np.empty((0, 0)), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0), 0.0, 1) == 0.0
