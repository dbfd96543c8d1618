"""Any loss: solutions against CVXPY and scikit-learn, gaps recomputed, weights as repetition, storages alike."""

import numpy as np
import pytest
from newton_problems import LOSSES, PENALTIES, make
from scipy import sparse
from sklearn.linear_model import LogisticRegression

import sparseopt as so


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_agrees_with_cvxpy(loss, kind):
    X, y, s = make(loss)
    problem = so.Problem(X, y, loss, PENALTIES[kind], s)
    ours, theirs = so.solve(problem, tol=1e-10), so.solve(problem, "cvxpy", tol=1e-5)
    assert ours.converged and ours.solver == "prox_newton"
    assert ours.objective <= theirs.objective + 1e-10
    np.testing.assert_allclose(ours.coef, theirs.coef, atol=1e-5)
    assert problem.duality_gap(ours.coef, ours.intercept) <= 1e-9 * problem.null_objective
    assert problem.violation(ours.coef, ours.intercept) < 1e-5


@pytest.mark.parametrize("loss", LOSSES)
def test_gap_bounds_the_distance_to_the_minimum(loss):
    X, y, s = make(loss)
    problem = so.Problem(X, y, loss, PENALTIES["l1"], s)
    best = so.solve(problem, tol=1e-10).objective
    rng = np.random.default_rng(1)
    for _ in range(20):
        w = 0.3 * rng.standard_normal(problem.coef_shape)
        assert problem.duality_gap(w) >= problem.objective(w) - best - 1e-12


def test_agrees_with_liblinear():
    X, y, _ = make("logistic", n=80)
    ours = so.solve(so.Problem(X, y, "logistic", so.penalties.L1(0.05), fit_intercept=False), tol=1e-12)
    peer = LogisticRegression(C=1 / (0.05 * 80), l1_ratio=1.0, solver="liblinear", tol=1e-12, fit_intercept=False,
                              max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(ours.coef, peer.coef_[0], atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_weights_are_repetition_and_storages_are_alike(loss):
    X, y, _ = make(loss)
    s = np.random.default_rng(2).integers(0, 3, len(y)).astype(float)
    again = np.repeat(np.arange(len(y)), s.astype(int))
    penalty = PENALTIES["l1"]
    weighted = so.solve(so.Problem(X, y, loss, penalty, s), tol=1e-11).coef
    repeated = so.solve(so.Problem(X[again], y[again], loss, penalty), tol=1e-11).coef
    np.testing.assert_allclose(weighted, repeated, atol=1e-6)
    csc = so.solve(so.Problem(sparse.csc_matrix(X), y, loss, penalty, s), tol=1e-11).coef
    np.testing.assert_allclose(csc, weighted, atol=1e-7)
    single = so.solve(so.Problem(X.astype(np.float32), y, loss, penalty, s)).coef
    np.testing.assert_allclose(single, weighted, atol=2e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_path_is_certified_at_every_alpha(loss):
    X, y, _ = make(loss)
    path = so.solution_path(X, y, loss=loss, n_alphas=15, eps=0.05)
    assert path.converged.all() and not np.any(path.coefs[0])
    for alpha, w, b in zip(path.alphas, path.coefs, path.intercepts, strict=True):
        problem = so.Problem(X, y, loss, so.penalties.L1(alpha))
        assert problem.duality_gap(w, b) <= 1.1e-6 * problem.null_objective


def test_bad_labels_are_refused():
    X, y, _ = make("logistic")
    with pytest.raises(ValueError, match="one class"):
        so.SparseLogisticRegression().fit(X, np.ones(40))
    with pytest.raises(ValueError, match="class_weight"):
        so.SparseLogisticRegression(class_weight={7: 2.0}).fit(X, y)
    with pytest.raises(ValueError, match="counts"):
        so.SparseRegressor("poisson").fit(X, y - 1.0)


def test_labels_may_be_strings():
    X, y, _ = make("multinomial")
    names = np.array(["low", "mid", "top"])[y.astype(int)]
    model = so.SparseLogisticRegression(penalty="group").fit(X, names)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert set(model.predict(X)) <= set(model.classes_) == {"low", "mid", "top"}
