"""Penalties on groups with smooth losses, against CVXPY, the composite solver and the conditions of optimality."""

import numpy as np
import pytest

import sparseopt as so
from sparseopt.penalties import Group, RowGroup, SparseGroup

cp = pytest.importorskip("cvxpy")
LABELS = np.random.default_rng(5).integers(0, 9, 40)
LOSSES = ["logistic", "poisson", "huber", "multinomial"]
PENALTIES = {
    "fours": Group(0.03, 4),
    "labels, ridge": Group(0.03, LABELS, l1_ratio=0.6),
    "sparse": SparseGroup(0.03, 0.4, LABELS),
    "weights": Group(0.03, 4, weights=[np.inf, 0.5, *[1.0] * 8]),
    "no weight on a norm": SparseGroup(0.03, 0.5, 4, weights=[0.0, *[2.0] * 9]),
}


def make_data(loss, n=70, p=40):
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((n, p)) + 0.5)
    X[:, 7] = 1.0  # constant
    eta = X[:, ::9].sum(axis=1)
    eta = (eta - eta.mean()) / eta.std() + 0.5 * rng.standard_normal(n)
    y = {"logistic": np.sign(eta), "poisson": np.round(np.exp(eta / 2.0)), "huber": eta,
         "multinomial": np.digitize(eta, [-0.5, 0.5])}[loss]  # fmt: skip
    return X, y, rng.integers(0, 3, n).astype(float)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_solutions_satisfy_the_conditions_and_gaps_are_bounds(loss, name):
    X, y, s = make_data(loss)
    for weights, intercept in ((None, True), (s, False)):
        problem = so.Problem(X, y, loss, PENALTIES[name], weights, intercept)
        result = so.solve(problem, tol=1e-11)
        assert result.solver == "prox_newton" and result.converged and np.any(result.coef)
        scale = np.abs(problem.gradient(np.zeros(problem.coef_shape))).max()
        assert problem.violation(result.coef, result.intercept) <= 1e-7 * scale
        assert result.violation == pytest.approx(problem.violation(result.coef, result.intercept), abs=1e-9 * scale)
        rough = so.solve(problem, tol=1e-2)
        assert rough.converged and rough.objective - result.objective <= rough.gap + 1e-12


@pytest.mark.parametrize("loss", LOSSES)
def test_objectives_are_those_of_cvxpy(loss):
    X, y, s = make_data(loss)
    for name in ("labels, ridge", "sparse"):
        problem = so.Problem(X, y, loss, PENALTIES[name], s)
        ours, reference = so.solve(problem, tol=1e-9), so.solve(problem, "cvxpy")
        assert ours.objective == pytest.approx(reference.objective, rel=1e-6)
        assert ours.objective <= reference.objective * (1.0 + 1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_composite_solver_ends_at_the_same_coefficients(loss):
    X, y, _ = make_data(loss)
    problem = so.Problem(X, y, loss, PENALTIES["fours"])
    ours, other = so.solve(problem, tol=1e-13), so.solve(problem, "prox_gradient", tol=1e-9)
    np.testing.assert_allclose(ours.coef, other.coef, rtol=0.0, atol=1e-7 * np.abs(other.coef).max())
    begun = so.solve(problem, tol=1e-13, init=other.coef)
    np.testing.assert_allclose(begun.coef, ours.coef, rtol=0.0, atol=1e-10 * np.abs(other.coef).max())


@pytest.mark.parametrize("loss", ["logistic", "multinomial"])
@pytest.mark.parametrize("name", ["fours", "sparse"])
def test_paths_are_made_of_single_solutions(loss, name):
    X, y, s = make_data(loss)
    penalty = PENALTIES[name]
    path = so.solution_path(X, y, loss=loss, penalty=penalty, n_alphas=8, eps=0.05, sample_weight=s, tol=1e-10)
    assert path.converged.all() and not np.any(path.coefs[0]) and np.any(path.coefs[1])
    for i in (2, 5):
        single = penalty.__class__(**penalty.get_params() | {"alpha": path.alphas[i]})
        result = so.solve(so.Problem(X, y, loss, single, s), tol=1e-10)
        assert path.objectives[i] == pytest.approx(result.objective, rel=1e-9)
        np.testing.assert_allclose(path.coefs[i], result.coef, atol=1e-4 * np.abs(result.coef).max())


def test_groups_of_one_are_rows_and_single_coefficients():
    X, y, _ = make_data("multinomial")
    rows = so.solve(so.Problem(X, y, "multinomial", RowGroup(0.03)), tol=1e-13)
    groups = so.solve(so.Problem(X, y, "multinomial", Group(0.03)), tol=1e-13)
    np.testing.assert_allclose(groups.coef, rows.coef, atol=1e-9)
    X, y, _ = make_data("logistic")
    lasso = so.solve(so.Problem(X, y, "logistic", so.penalties.L1(0.03)), tol=1e-13)
    for penalty in (Group(0.03), SparseGroup(0.03, 1.0, 4), SparseGroup(0.03, 0.3)):
        single = so.solve(so.Problem(X, y, "logistic", penalty), tol=1e-13)
        np.testing.assert_allclose(single.coef, lasso.coef, atol=1e-9)


def test_groups_without_penalty_are_left_to_the_composite_solver():
    X, y, _ = make_data("logistic")
    problem = so.Problem(X, y, "logistic", Group(0.05, 4, weights=[0.0, *[1.0] * 9]))
    assert so.solve(problem).solver == "prox_gradient"
    with pytest.raises(so.exceptions.IncompatibleError, match="penalty on every group"):
        so.solve(problem, "prox_newton")
