"""The composite solver: penalties and losses written in plain Python give what the built-in ones give."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

import sparseopt as so
from sparseopt.penalties import L0, L1, MCP, SCAD, Box, ElasticNet, Group, SparseGroup, TopK


class Soft:
    """An L1 penalty by a user: value and prox, nothing else."""

    def __init__(self, alpha):
        self.alpha = alpha

    def value(self, w):
        return self.alpha * np.abs(w).sum()

    def prox(self, w, step):
        return np.sign(w) * np.maximum(np.abs(w) - step * self.alpha, 0.0)


class SoftWithFacts(Soft):
    """The same, with everything that can be said about it."""

    convex = True
    separable = "coordinate"

    def distance(self, w, gradient):
        at_zero = np.maximum(np.abs(gradient) - self.alpha, 0.0)
        return np.where(w == 0, at_zero, np.abs(gradient + self.alpha * np.sign(w)))


class Wrapped:
    """A built-in penalty behind the smallest interface."""

    def __init__(self, inner):
        self.value, self.prox = inner.value, inner.prox


class HalfSquare:
    """The squared loss by a user, without a bound of its curvature."""

    def values(self, y, eta):
        return 0.5 * (y - eta) ** 2

    def gradient(self, y, eta):
        return eta - y


class Exponential:
    """A loss without any curvature bound: exp(eta) - y eta."""

    def values(self, y, eta):
        return np.exp(eta) - y * eta

    def gradient(self, y, eta):
        return np.exp(eta) - y


def make_data(n=70, p=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.4 * rng.standard_normal((n, 1)) + 0.5
    w = np.zeros(p)
    w[:6] = [2, -2, 1.5, -1.5, 1, -1]
    return np.asfortranarray(X), X @ w + 0.5 * rng.standard_normal(n) + 1.0


@pytest.mark.parametrize("penalty", [Soft(0.2), SoftWithFacts(0.2), L1(0.2)], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("loss", ["squared", HalfSquare()], ids=["built-in", "user"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_convex_problem_agrees_with_the_working_set_solver(penalty, loss, fit_intercept, weighted):
    X, y = make_data()
    s = np.random.default_rng(2).integers(0, 4, len(y)).astype(float) if weighted else None
    reference = so.solve(so.Problem(X, y, "squared", L1(0.2), s, fit_intercept), tol=1e-13)
    result = so.solve(so.Problem(X, y, loss, penalty, s, fit_intercept), solver="prox_gradient", tol=1e-8)
    assert result.converged and result.solver == "prox_gradient"
    assert result.objective == pytest.approx(reference.objective, rel=1e-11)
    np.testing.assert_allclose(result.coef, reference.coef, atol=1e-6)
    assert result.intercept == pytest.approx(reference.intercept, abs=1e-6)


def test_chosen_for_what_no_other_solver_takes():
    X, y = make_data()
    assert so.solve(so.Problem(X, y, penalty=Soft(0.2))).solver == "prox_gradient"
    assert so.solve(so.Problem(X, y, penalty=L1(0.2))).solver == "working_set"


def test_chosen_for_losses_without_conjugate():
    """Newton steps end with a duality gap, which such a loss does not have."""
    X, y = make_data()
    found = so.solve(so.Problem(X, y, HalfSquare(), L1(0.2)), tol=1e-8)
    assert found.converged and found.solver == "prox_gradient" and found.certificate == "violation"
    np.testing.assert_allclose(found.coef, so.solve(so.Problem(X, y, penalty=L1(0.2)), tol=1e-12).coef, atol=1e-6)
    assert so.SparseRegressor(Exponential(), penalty=L1(0.05)).fit(X, np.exp(0.1 * y)).coef_.any()
    with pytest.raises(so.exceptions.IncompatibleError, match="needs a loss with a conjugate, got HalfSquare"):
        so.solve(so.Problem(X, y, HalfSquare(), L1(0.2)), "prox_newton")
    with pytest.raises(so.exceptions.IncompatibleError, match="needs a loss with a conjugate, got HalfSquare"):
        so.solution_path(X, y, loss=HalfSquare())


@pytest.mark.parametrize("inner", [MCP(0.3), SCAD(0.3), L0(0.1), TopK(6)], ids=repr)
def test_non_convex_solutions_are_fixed_points(inner):
    """Where a built-in solver ended, the generic one has nothing to do; and from zero it ends at a stationary point."""
    X, y = make_data()
    best = so.solve(so.Problem(X, y, penalty=inner), tol=1e-9)
    problem = so.Problem(X, y, penalty=Wrapped(inner))
    again = so.solve(problem, init=best.coef)
    assert again.converged
    np.testing.assert_allclose(again.coef, best.coef, atol=1e-5)
    result = so.solve(problem)
    assert result.converged and result.objective >= best.objective * (1 - 1e-9)
    gradient = -X.T @ (y - X @ result.coef - result.intercept) / len(y)
    used = result.coef != 0
    if isinstance(inner, MCP | SCAD):
        assert inner.distance(result.coef, gradient).max() <= 1e-4
    else:
        assert np.abs(gradient[used]).max() <= 1e-4
        assert isinstance(inner, L0) or np.count_nonzero(used) == 6


def test_a_box_by_a_user():
    class Box:
        convex = True

        def value(self, w):
            return 0.0 if np.all((w >= -0.5) & (w <= 0.5)) else np.inf

        def prox(self, w, step):
            return np.clip(w, -0.5, 0.5)

    from scipy.optimize import lsq_linear

    X, y = make_data(p=20)
    result = so.solve(so.Problem(X, y, penalty=Box(), fit_intercept=False), tol=1e-8)
    reference = lsq_linear(X, y, (-0.5, 0.5), tol=1e-14)
    np.testing.assert_allclose(result.coef, reference.x, atol=1e-6)
    assert np.abs(result.coef).max() == 0.5


@pytest.mark.parametrize("layout", ["dense", "csc", "float32"])
def test_loss_without_curvature_bound(layout):
    """Backtracking finds its steps; the solution is that of a general-purpose optimiser on split variables."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 10)) * (rng.random((80, 10)) < 0.6)
    y = rng.poisson(np.exp(np.clip(X[:, 0] - X[:, 1] + 0.5, None, 3))).astype(float)
    given = {"dense": X, "csc": sparse.csc_matrix(X), "float32": X.astype(np.float32)}[layout]
    X = given.toarray() if layout == "csc" else given.astype(float)
    alpha = 0.05

    result = so.solve(so.Problem(given, y, Exponential(), SoftWithFacts(alpha)), tol=1e-7)
    assert result.solver == "prox_gradient"

    def split(v):
        w = v[:10] - v[10:20]
        eta = X @ w + v[20]
        u = (np.exp(eta) - y) / len(y)
        g = X.T @ u
        return np.mean(np.exp(eta) - y * eta) + alpha * v[:20].sum(), np.r_[g + alpha, alpha - g, u.sum()]

    bounds = [(0, None)] * 20 + [(None, None)]
    best = minimize(split, np.zeros(21), jac=True, method="L-BFGS-B", bounds=bounds,
                    options=dict(ftol=1e-15, gtol=1e-11, maxiter=5000))  # fmt: skip
    assert result.converged
    assert result.objective <= best.fun + 1e-10
    np.testing.assert_allclose(result.coef, best.x[:10] - best.x[10:20], atol=1e-5)


def test_objective_never_rises():
    X, y = make_data()
    for penalty in (Soft(0.05), SoftWithFacts(0.05), Wrapped(L0(0.05)), ElasticNet(0.1, 0.5)):
        result = so.solve(so.Problem(X, y, penalty=penalty), solver="prox_gradient")
        objectives = [entry["objective"] for entry in result.history]
        assert np.all(np.diff(objectives) <= 1e-13 * objectives[0])


def test_ill_conditioned():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 30)) @ np.diag(np.logspace(0, -2, 30))
    y = X @ rng.standard_normal(30) + 0.01 * rng.standard_normal(100)
    reference = so.solve(so.Problem(X, y, penalty=L1(1e-4)), tol=1e-13)
    result = so.solve(so.Problem(X, y, penalty=Soft(1e-4)), tol=1e-7, max_iter=200)
    assert result.converged
    assert result.objective == pytest.approx(reference.objective, rel=1e-7)


def test_warns_when_stopped_early():
    X, y = make_data()
    with pytest.warns(ConvergenceWarning, match="violation of stationarity"):
        so.solve(so.Problem(X, y, penalty=SoftWithFacts(0.01)), tol=1e-10, max_iter=1)


def test_start_is_used():
    X, y = make_data()
    problem = so.Problem(X, y, penalty=Soft(0.2))
    first = so.solve(problem, tol=1e-8)
    assert so.solve(problem, init=first.coef, tol=1e-6).n_iter == 1


def test_bad_objects():
    X, y = make_data()
    with pytest.raises(TypeError, match="value"):
        so.Problem(X, y, penalty=object())
    with pytest.raises(TypeError, match="loss"):
        so.Problem(X, y, loss=object())
    X[3, 4] = np.nan
    with pytest.raises(ValueError, match="in column 4"):
        so.solve(so.Problem(X, y, penalty=Soft(0.2)))


@pytest.mark.parametrize("loss", ["squared", "multinomial"])
@pytest.mark.parametrize("layout", ["dense", "csc"])
def test_several_outputs(loss, layout):
    """Rows chosen together by a penalty of a user, against the built-in one."""

    class Rows:
        convex = True
        separable = "coordinate"

        def value(self, w):
            return 0.1 * np.linalg.norm(w, axis=1).sum()

        def prox(self, w, step):
            size = np.linalg.norm(w, axis=1, keepdims=True)
            return w * np.maximum(1.0 - 0.1 * step / np.maximum(size, 1e-300), 0.0)

    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 30)) * (rng.random((60, 30)) < 0.7)
    Y = X[:, :3] @ rng.standard_normal((3, 3)) + 0.3 * rng.standard_normal((60, 3)) + [1.0, 0.0, -1.0]
    y = Y if loss == "squared" else (Y - Y.mean(axis=0)).argmax(axis=1)
    s = rng.integers(1, 3, 60).astype(float)
    given = sparse.csc_matrix(X) if layout == "csc" else X
    reference = so.solve(so.Problem(given, y, loss, so.penalties.RowGroup(0.1), s), tol=1e-8)
    result = so.solve(so.Problem(given, y, loss, Rows(), s), tol=1e-8)
    assert result.solver == "prox_gradient" and result.converged
    np.testing.assert_allclose(result.coef, reference.coef, atol=1e-5)
    np.testing.assert_allclose(np.diff(result.intercept), np.diff(reference.intercept), atol=1e-5)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber"])
def test_built_in_losses(loss):
    X, y = make_data()
    y = {"logistic": (y > y.mean()).astype(float), "poisson": np.round(np.exp(y / 4)), "huber": y}[loss]
    reference = so.solve(so.Problem(X, y, loss, L1(0.05)), tol=1e-9)
    result = so.solve(so.Problem(X, y, loss, Soft(0.05)), tol=1e-7)
    assert result.solver == "prox_gradient" and reference.solver == "prox_newton"
    np.testing.assert_allclose(result.coef, reference.coef, atol=1e-4)
    assert result.objective == pytest.approx(reference.objective, rel=1e-8)


@pytest.mark.parametrize("loss", ["logistic", "huber", "multinomial", "squared"])
@pytest.mark.parametrize("penalty", [MCP(0.05), SCAD(0.05), L0(0.01)], ids=repr)
def test_non_convex_penalties_with_every_loss(loss, penalty):
    X, y = make_data()
    y = {
        "logistic": (y > y.mean()).astype(float), "huber": y, "multinomial": np.digitize(y, [-1.0, 2.0]),
        "squared": np.column_stack([y, -y + X[:, 9]]),
    }[loss]  # fmt: skip
    problem = so.Problem(X, y, loss, penalty)
    result = so.solve(problem, max_iter=300)
    assert result.solver == "prox_gradient" and result.converged and result.coef.any()
    assert result.objective < problem.null_objective
    assert problem.objective(result.coef, result.intercept) == pytest.approx(result.objective, rel=1e-10)
    scale = np.abs(problem.gradient(np.zeros(problem.coef_shape))).max()
    assert problem.violation(result.coef, result.intercept) <= 2e-6 * max(scale, 1.0)


def test_errors_of_users_are_passed_on():
    class Broken(Soft):
        def prox(self, w, step):
            raise ZeroDivisionError("a mistake of the user")

    X, y = make_data()
    with pytest.raises(ZeroDivisionError, match="a mistake of the user"):
        so.solve(so.Problem(X, y, penalty=Broken(0.2)))


@pytest.mark.parametrize("loss", ["logistic", "multinomial", "poisson", "huber"])
@pytest.mark.parametrize("penalty", [Group(0.05, 4), Group(0.05, 4, l1_ratio=0.5), SparseGroup(0.05, 0.5, 4)], ids=repr)
def test_convex_problem_ends_with_a_duality_gap(loss, penalty):
    X, y = make_data(p=20)
    target = {"logistic": y > 1.0, "multinomial": np.digitize(y, [0.0, 2.0]), "poisson": np.exp(0.2 * y).round()}
    problem = so.Problem(X, target.get(loss, y), loss, penalty, np.arange(70.0))
    result = so.solve(problem, tol=1e-8)
    assert result.solver == "prox_gradient" and result.certificate == "gap" and result.converged
    assert result.gap <= 1e-8 * problem.null_objective
    assert result.gap == pytest.approx(problem.duality_gap(result.coef, result.intercept), abs=1e-15)
    rounding = 1e-15 * problem.null_objective
    assert so.solve(problem, tol=1e-12).objective >= result.objective - result.gap - rounding


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_bounds_that_leave_zero_out(loss):
    X, y = make_data(p=12)
    problem = so.Problem(X, y, loss, Box(np.linspace(0.1, 0.3, 12), 0.4))
    ours, other = so.solve(problem, tol=1e-7), so.solve(problem, "cvxpy")
    assert ours.solver == "prox_gradient" and ours.converged
    assert ours.objective == pytest.approx(other.objective, rel=1e-8)
    np.testing.assert_allclose(ours.coef, other.coef, atol=1e-4)
