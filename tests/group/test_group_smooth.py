"""Penalties on groups with smooth losses, against CVXPY, the composite solver and the conditions of optimality."""

import numpy as np
import pytest

import sparseopt as so
from sparseopt.penalties import Group, RowGroup, SparseGroup
from sparseopt.solvers.checkpoint import Checkpoint, kept_in
from sparseopt.solvers.path import solve_path

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
        result = so.solve(problem, "prox_newton", tol=1e-11)
        assert result.converged and np.any(result.coef)
        scale = np.abs(problem.gradient(np.zeros(problem.coef_shape))).max()
        assert problem.violation(result.coef, result.intercept) <= 1e-7 * scale
        assert result.violation == pytest.approx(problem.violation(result.coef, result.intercept), abs=1e-9 * scale)
        rough = so.solve(problem, "prox_newton", tol=1e-2)
        assert rough.converged and rough.objective - result.objective <= rough.gap + 1e-12


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber"])
def test_objectives_are_those_of_cvxpy(loss):
    X, y, s = make_data(loss)
    w, b = cp.Variable(X.shape[1]), cp.Variable()
    eta = X @ w + b
    each = {"logistic": cp.logistic(-cp.multiply(y, eta)), "poisson": cp.exp(eta) - cp.multiply(y, eta),
            "huber": 0.5 * cp.huber(y - eta, 1.35)}[loss]  # fmt: skip
    norms = sum(np.sqrt(np.sum(LABELS == g)) * cp.norm(w[np.flatnonzero(LABELS == g)]) for g in np.unique(LABELS))
    values = {"labels, ridge": 0.6 * norms + 0.2 * cp.sum_squares(w), "sparse": 0.6 * norms + 0.4 * cp.norm1(w)}
    for name, value in values.items():
        problem = so.Problem(X, y, loss, PENALTIES[name], s)
        ours = so.solve(problem, "prox_newton", tol=1e-9)
        cp.Problem(cp.Minimize(s @ each / s.sum() + 0.03 * value)).solve(solver=cp.CLARABEL)
        reference = problem.objective(w.value, float(b.value))
        assert reference * (1.0 - 1e-6) <= ours.objective <= reference * (1.0 + 1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_composite_solver_ends_at_the_same_coefficients(loss):
    X, y, _ = make_data(loss)
    problem = so.Problem(X, y, loss, PENALTIES["fours"])
    ours, other = so.solve(problem, "prox_newton", tol=1e-13), so.solve(problem, tol=1e-9)
    assert other.solver == "prox_gradient"  # the faster one where nothing is sent
    np.testing.assert_allclose(ours.coef, other.coef, rtol=0.0, atol=1e-7 * np.abs(other.coef).max())
    begun = so.solve(problem, "prox_newton", tol=1e-13, init=other.coef)
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
        result = so.solve(so.Problem(X, y, loss, single, s), "prox_newton", tol=1e-10)
        assert path.objectives[i] == pytest.approx(result.objective, rel=1e-9)
        np.testing.assert_allclose(path.coefs[i], result.coef, atol=1e-4 * np.abs(result.coef).max())


def test_paths_go_on_from_a_checkpoint(tmp_path):
    X, y, _ = make_data("logistic")
    problem = so.Problem(X, y, "logistic", SparseGroup(1.0, 0.3, LABELS))
    options = dict(n_alphas=8, eps=0.05, tol=1e-9)
    with kept_in(Checkpoint(tmp_path / "whole")):
        whole = solve_path(problem, **options)
    with kept_in(Checkpoint(tmp_path / "cut")):
        assert not solve_path(problem, callback=lambda done: done == 4, **options).converged.all()
    with kept_in(Checkpoint(tmp_path / "cut")):
        path = solve_path(problem, **options)
    assert path.n_restored == 4 and path.n_passes < whole.n_passes and path.converged.all()
    np.testing.assert_allclose(path.coefs, whole.coefs, rtol=1e-10, atol=1e-12)


def test_the_largest_alpha_of_several_outputs_is_where_the_first_group_enters():
    X, y, _ = make_data("multinomial")
    highest = so.Problem(X, y, "multinomial", SparseGroup(1.0, 0.5, 4)).alpha_max()
    for share, enters in ((1.0001, False), (0.999, True)):
        problem = so.Problem(X, y, "multinomial", SparseGroup(share * highest, 0.5, 4))
        assert np.any(so.solve(problem, tol=1e-9).coef) == enters


def test_groups_of_one_are_rows_and_single_coefficients():
    X, y, _ = make_data("multinomial")
    rows = so.solve(so.Problem(X, y, "multinomial", RowGroup(0.03)), tol=1e-13)
    groups = so.solve(so.Problem(X, y, "multinomial", Group(0.03)), "prox_newton", tol=1e-13)
    np.testing.assert_allclose(groups.coef, rows.coef, atol=1e-9)
    X, y, _ = make_data("logistic")
    lasso = so.solve(so.Problem(X, y, "logistic", so.penalties.L1(0.03)), tol=1e-13)
    for penalty in (Group(0.03), SparseGroup(0.03, 1.0, 4), SparseGroup(0.03, 0.3)):
        single = so.solve(so.Problem(X, y, "logistic", penalty), "prox_newton", tol=1e-13)
        np.testing.assert_allclose(single.coef, lasso.coef, atol=1e-9)


def test_groups_without_penalty_are_left_to_the_composite_solver():
    X, y, _ = make_data("logistic")
    problem = so.Problem(X, y, "logistic", Group(0.05, 4, weights=[0.0, *[1.0] * 9]))
    assert so.solve(problem).solver == "prox_gradient"
    with pytest.raises(so.exceptions.IncompatibleError, match="penalty on every group"):
        so.solve(problem, "prox_newton")
