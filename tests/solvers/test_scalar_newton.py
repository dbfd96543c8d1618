"""Compiled losses against the formulas in Python, and compiled Newton steps against those driven from Python."""

import numpy as np
import pytest
from newton_problems import make
from scipy import sparse
from sparseopt._ext._scalar_losses import LogisticLoss
from sparseopt._ext._scalar_newton import NewtonSet

import sparseopt as so
from sparseopt.designs import Standardized, as_design
from sparseopt.penalties import L1, ElasticNet
from sparseopt.solvers import _smooth_state, prox_newton
from sparseopt.solvers._scalar_losses import compiled_loss

LOSSES = {"logistic": "logistic", "poisson": "poisson", "huber": so.losses.Huber(0.7)}
PENALTIES = {
    "l1": lambda p: L1(0.02),
    "weighted": lambda p: L1(0.02, weights=np.linspace(0.5, 2.0, p)),
    "elastic net": lambda p: ElasticNet(0.03, 0.6),
    "positive": lambda p: L1(0.02, positive=True),
    "excluded": lambda p: L1(0.02, weights=np.where(np.arange(p) % 3 == 0, np.inf, 1.0)),
}


def _wide(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


STORAGES = {
    "F": np.asfortranarray,
    "C": np.ascontiguousarray,
    "float32": lambda X: np.asfortranarray(X, dtype=np.float32),
    "csc, 64-bit": lambda X: _wide(sparse.csc_array(X)),
    "standardized": lambda X: Standardized(as_design(np.asfortranarray(X)), X.mean(axis=0), 1.0 + X.std(axis=0)),
    "standardized csc": lambda X: Standardized(as_design(sparse.csc_array(X)), X.mean(axis=0), 1.0 + X.std(axis=0)),
}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_compiled_loss_says_what_the_loss_says(loss, weighted, intercept):
    X, y, s = make(loss, n=57, p=9)
    s = np.where(np.arange(57) % 5 == 0, 0.0, s) if weighted else None
    problem = so.Problem(X, y, LOSSES[loss], L1(0.05), s, intercept)
    each = np.ones(57) if s is None else s
    start = X @ np.linspace(-0.3, 0.3, 9) + 0.4
    eta, u, theta, value = compiled_loss(problem).point(start)
    expected = start + problem._best_intercept(start)
    np.testing.assert_allclose(eta, expected, atol=1e-12)
    slopes = problem.loss.gradient(problem.y, expected)
    np.testing.assert_allclose(u, slopes, atol=1e-12)
    np.testing.assert_allclose(theta, -each * slopes, atol=1e-12)
    assert value == pytest.approx(each @ problem.loss.values(problem.y, expected), rel=1e-13)
    if intercept:
        assert abs(theta.sum()) <= 1e-13 * np.abs(theta).sum()
    c = X.T @ theta
    lam = np.full(9, 0.5 * np.abs(c).max())
    for mu in (0.0, 2.0):
        found, multiple = compiled_loss(problem).dual(u, c, lam, mu, False)
        rest = np.maximum(multiple * np.abs(c) - lam, 0.0)
        conjugate = each @ problem.loss.conjugate(problem.y, multiple * u)
        assert found == pytest.approx(-conjugate - (0.5 * rest @ rest / mu if mu else 0.0), rel=1e-12)
        assert mu > 0.0 or multiple == pytest.approx(0.5)


@pytest.mark.parametrize("storage, intercept", [*((storage, True) for storage in STORAGES), ("F", False)])
@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_compiled_steps_reach_the_minimum_of_steps_in_python(monkeypatch, loss, kind, storage, intercept):
    X, y, s = make(loss, n=50, p=40)
    s = s if storage in ("F", "csc, 64-bit") else None
    problem = so.Problem(STORAGES[storage](X), y, LOSSES[loss], PENALTIES[kind](40), s, intercept)
    used = []
    monkeypatch.setattr(prox_newton, "NewtonSet", lambda *parts: used.append(NewtonSet(*parts)) or used[-1])
    compiled = so.solve(problem, tol=1e-11)
    monkeypatch.setattr(_smooth_state, "compiled_loss", lambda problem: None)
    driven = so.solve(problem, tol=1e-11)
    assert compiled.converged and driven.converged and used and used[0].steps
    assert compiled.objective == pytest.approx(driven.objective, rel=1e-10)
    np.testing.assert_allclose(compiled.coef, driven.coef, atol=3e-5)
    assert problem.duality_gap(compiled.coef, compiled.intercept) <= 1.01e-11 * problem.null_objective


def test_threads_change_nothing():
    X, y, _ = make("logistic", n=3000, p=300)
    problem = so.Problem(X, y, "logistic", L1(0.01))
    one, two = (so.solve(problem, tol=1e-9, n_threads=k) for k in (1, 2))
    np.testing.assert_array_equal(one.coef, two.coef)


def test_a_loss_derived_from_a_built_in_one_keeps_its_own_formulas():
    class Doubled(so.losses.Logistic):
        def values(self, y, eta):
            return 2.0 * super().values(y, eta)

    X, y, _ = make("logistic", n=30, p=5)
    assert compiled_loss(so.Problem(X, y, Doubled())) is None
    assert isinstance(compiled_loss(so.Problem(X, y, "logistic")), LogisticLoss)


def test_wrong_shapes_are_refused():
    X, y, _ = make("logistic", n=30, p=5)
    problem = so.Problem(X, y, "logistic")
    loss, columns = compiled_loss(problem), problem.design.columns
    eta, u, theta, value = loss.point(np.zeros(30))
    with pytest.raises(ValueError, match="eta has 29"):
        loss.point(np.zeros(29))
    with pytest.raises(ValueError, match="u has 29"):
        loss.dual(np.zeros(29), np.zeros(5), np.ones(5), 0.0, False)
    with pytest.raises(ValueError, match="weights have shape"):
        LogisticLoss(problem.y, np.ones(29), True)
    with pytest.raises(ValueError, match="30 samples, X is 29 x 5"):
        NewtonSet(as_design(X[:29]).columns(), as_design(X[:29]).columns(), loss, True, False, 1)
    steps = NewtonSet(columns(), columns(), loss, True, False, 1)

    def improve(members, n_coefs=2):
        members = np.array(members)
        steps.improve(members, np.zeros(n_coefs), np.zeros(len(members)), eta, u, theta, value, np.ones(len(members)),
                      0.0, 1.0, 1e-6, 0.0)

    with pytest.raises(ValueError, match="outside"):
        improve([0, 5])
    with pytest.raises(ValueError, match="2 members"):
        improve([0, 1], n_coefs=3)
    improve([0, 1])
    with pytest.raises(ValueError, match="1 members, 2 before"):
        improve([0], n_coefs=1)
