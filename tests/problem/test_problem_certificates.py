"""The problem's own facts, and duality gaps: weak duality at random points, best dual points, unpenalised columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize_scalar

import sparseopt as so
from sparseopt.exceptions import IncompatibleError, InvalidProblemError
from sparseopt.penalties import L1, ElasticNet
from sparseopt.problem.certificates import best_dual, unpenalised_excess


@st.composite
def problems(draw, free=True):
    """A small problem of any variant, as (problem, X, s, all its parts in numpy)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, p = draw(st.integers(2, 8)), draw(st.integers(1, 6))
    X = np.round(rng.standard_normal((n, p)) + rng.standard_normal(p), 2)
    y = np.round(3.0 * rng.standard_normal(n) + 1.0, 2)
    s = None
    if draw(st.booleans()):
        s = np.round(rng.uniform(0.2, 2.0, n), 1) * (rng.random(n) < 0.9)
        s[:2] = [0.5, 1.5]
    weights = None
    if draw(st.booleans()):
        weights = np.round(rng.uniform(0.2, 2.0, p), 1)
        if free and draw(st.booleans()):
            weights[0] = 0.0
    rho = draw(st.sampled_from([1.0, 1.0, 0.9, 0.2]))
    alpha = draw(st.sampled_from([0.01, 0.2, 2.0]))
    penalty = ElasticNet(alpha, rho, weights=weights, positive=draw(st.booleans()))
    design = sparse.csc_matrix(X) if draw(st.booleans()) else X
    problem = so.Problem(design, y, penalty=penalty, sample_weight=s, fit_intercept=draw(st.booleans()))
    return problem, X, np.ones(n) if s is None else s


def by_definition(problem, X, s, w, b):
    penalty = problem.penalty
    omega = np.ones(X.shape[1]) if penalty.weights is None else penalty.weights
    if penalty.positive and np.any(w < 0):
        return np.inf
    ridge = 0.5 * penalty.alpha * (1.0 - penalty.l1_ratio) * w @ w
    loss = s @ (0.5 * (problem.y - X @ w - b) ** 2) / s.sum()
    return loss + penalty.alpha * penalty.l1_ratio * omega @ np.abs(w) + ridge


@given(problems(), st.integers(0, 2**32))
def test_facts_of_a_problem_are_their_definitions(problem, seed):
    problem, X, s = problem
    rng = np.random.default_rng(seed)
    w = np.round(rng.standard_normal(X.shape[1]), 2)
    w = np.abs(w) if problem.penalty.positive else w
    b = problem.intercept(w)
    assert problem.objective(w, b) == pytest.approx(by_definition(problem, X, s, w, b), rel=1e-12)
    assert problem.objective(w) == pytest.approx(problem.objective(w, b), rel=1e-12)
    for other in (b - 0.1, b + 0.1):
        assert not problem.fit_intercept or problem.objective(w, other) >= problem.objective(w, b)
    assert problem.fit_intercept or b == 0.0
    assert problem.total_weight == pytest.approx(s.sum() if problem.sample_weight is not None else len(s))
    zero = np.zeros(X.shape[1])
    assert problem.null_objective == pytest.approx(problem.objective(zero), rel=1e-12)
    np.testing.assert_allclose(problem.weighted(np.ones(len(s))), s if problem.sample_weight is not None else 1.0)


@given(problems(), st.integers(0, 2**32))
def test_weak_duality_at_random_points(problem, seed):
    """No point may have an objective below what the gap of any other point allows."""
    problem, X, s = problem
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((6, X.shape[1])) * (rng.random((6, X.shape[1])) < 0.5)
    points = np.vstack([np.abs(points) if problem.penalty.positive else points, np.zeros(X.shape[1])])
    values = np.array([problem.objective(w) for w in points])
    bounds = np.array([problem.objective(w) - problem.duality_gap(w) for w in points])
    assert bounds.max() <= values.min() + 1e-10 * (1.0 + values.max())


@given(problems())
def test_the_gap_closes_at_the_solution(problem):
    problem, _, _ = problem
    result = so.solve(problem, tol=1e-12, max_iter=1000)
    scale = problem.null_objective or 1.0
    assert problem.duality_gap(result.coef) <= 1e-10 * scale
    assert problem.objective(result.coef, result.intercept) == pytest.approx(result.objective, abs=1e-12 * scale)


@given(problems())
def test_alpha_max_is_where_the_first_penalised_coefficient_appears(problem):
    problem, X, s = problem
    top = problem.alpha_max()
    weights = problem.penalty.weights
    penalised = np.ones(X.shape[1], bool) if weights is None else weights > 0
    if problem.penalty.l1_ratio < 1.0 and not penalised.all():
        return  # documented: with a ridge part, without the fit of the unpenalised columns
    if top < 1e-10:
        return
    for factor, empty in ((1.0001, True), (0.98, False)):
        penalty = ElasticNet(top * factor, problem.penalty.l1_ratio, weights=weights, positive=problem.penalty.positive)
        new = so.Problem(problem.design, problem.y, penalty=penalty, sample_weight=problem.sample_weight,
                         fit_intercept=problem.fit_intercept)  # fmt: skip
        coef = so.solve(new, tol=1e-13, max_iter=1000).coef[penalised]
        assert np.all(np.abs(coef) < 1e-8) == empty


@st.composite
def dual_parts(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    p = draw(st.integers(1, 8))
    c = np.round(3.0 * rng.standard_normal(p), 1)
    lam = draw(st.sampled_from([0.5, 2.0])) if draw(st.booleans()) else np.round(rng.uniform(0.2, 3.0, p), 1)
    rr = float(np.round(rng.uniform(0.1, 20.0), 2))
    return c, float(np.round(rng.uniform(-1.0, 20.0), 2)), rr, lam, draw(st.sampled_from([0.01, 1.0, 50.0]))


@given(dual_parts(), st.booleans())
def test_elastic_net_dual_is_maximised_exactly(parts, positive):
    c, y_theta, rr, lam, mu = parts

    def negative(t):
        over = np.maximum((t * c if positive else np.abs(t * c)) - lam, 0.0)
        return -(t * y_theta - 0.5 * t * t * rr - 0.5 * over @ over / mu)

    value, t = best_dual(c, y_theta, rr, lam, mu, positive)
    assert t >= 0.0 and value == pytest.approx(-negative(t), rel=1e-12, abs=1e-12)
    limit = max(y_theta / rr, 0.0) + 1e-9
    found = minimize_scalar(negative, bounds=(0.0, limit), method="bounded", options={"xatol": 1e-13})
    assert value >= -found.fun - 1e-10 * (1.0 + abs(value))


@given(dual_parts(), st.booleans())
def test_lasso_dual_point_is_feasible_and_best(parts, positive):
    c, y_theta, rr, lam, _ = parts
    value, t = best_dual(c, y_theta, rr, lam, 0.0, positive)
    size = c if positive else np.abs(c)
    assert np.all(t * size <= lam * (1.0 + 1e-12)) and t >= 0.0
    with np.errstate(divide="ignore"):
        limit = np.min(np.where(size > 0, lam / np.maximum(size, 1e-300), np.inf))
    for other in np.linspace(0.0, min(limit, 10.0 * max(y_theta / rr, 0.1)), 200):
        assert value >= other * y_theta - 0.5 * other**2 * rr - 1e-10 * (1.0 + abs(value))


def test_nothing_left_of_the_residual():
    value, t = best_dual(np.zeros(3), 0.0, 0.0, 1.0, 0.0, False)
    assert (value, t) == (0.0, 1.0)
    assert best_dual(np.zeros(0), 1.0, 2.0, 1.0, 0.0, False)[0] == 0.25
    assert best_dual(np.zeros(0), 1.0, 2.0, 1.0, 1.0, True)[0] == 0.25


def test_unpenalised_excess_is_the_gain_of_single_steps():
    c, curvature = np.array([2.0, -3.0, 0.0]), np.array([4.0, 9.0, 1.0])
    assert unpenalised_excess(c, np.zeros(3), curvature, False) == 0.5 * (1.0 + 1.0)
    assert unpenalised_excess(c, np.zeros(3), curvature, True) == 0.5
    assert unpenalised_excess(c, np.ones(3), curvature, True) == 1.0
    assert unpenalised_excess(c, np.ones(3), np.zeros(3), False) == 0.0


@given(problems(free=False), st.integers(0, 2**32))
def test_gap_safe_radius_never_excludes_a_support_variable(problem, seed):
    """The sphere of section 5.4, computed here from the definitions at a random point."""
    problem, X, s = problem
    if problem.penalty.l1_ratio < 1.0:
        return
    rng = np.random.default_rng(seed)
    solution = so.solve(problem, tol=1e-13, max_iter=1000).coef
    w = solution + rng.standard_normal(solution.size) * 10.0 ** rng.integers(-6, 0)
    w = np.maximum(w, 0.0) if problem.penalty.positive else w
    total = problem.total_weight
    s = s if problem.sample_weight is not None else np.ones(len(s))
    Z = X - np.average(X, axis=0, weights=s) if problem.fit_intercept else X
    y = problem.y - (np.average(problem.y, weights=s) if problem.fit_intercept else 0.0)
    lam, mu = problem.levels()
    r = y - Z @ w
    c = Z.T @ (s * r)
    primal = 0.5 * r @ (s * r) + np.sum(lam * np.abs(w))
    value, t = best_dual(c, y @ (s * r), r @ (s * r), lam, mu, problem.penalty.positive)
    assert (primal - value) / total == pytest.approx(problem.duality_gap(w), rel=1e-9, abs=1e-12)
    radius = np.sqrt(2.0 * max(primal - value, 0.0))
    size = c if problem.penalty.positive else np.abs(c)
    excluded = t * size + radius * np.sqrt(s @ Z**2) < lam * (1.0 - 1e-12)
    assert np.all(np.abs(solution[excluded]) < 1e-7)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"y": [1.0, 2.0]}, "y has shape"),
        ({"y": [1.0, np.nan, 2.0]}, "y must be finite"),
        ({"y": np.ones((3, 1, 1))}, "y has shape"),
        ({"design": np.ones((0, 2))}, "rows and columns"),
        ({"design": np.ones((3, 0))}, "rows and columns"),
        ({"sample_weight": [1.0, 1.0]}, "sample_weight has shape"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, "sample_weight"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight"),
        ({"sample_weight": [1.0, np.inf, 0.0]}, "sample_weight"),
        ({"penalty": L1(-1.0)}, "alpha"),
        ({"penalty": L1(weights=np.ones(7))}, "weights"),
    ],
)
def test_bad_problems_are_refused(arguments, message):
    good = {"design": np.eye(3)[:, :2], "y": np.ones(3)}
    so.Problem(**good)
    with pytest.raises(InvalidProblemError, match=message):
        so.Problem(**{**good, **arguments})


def test_a_penalty_without_prox_is_refused():
    with pytest.raises(IncompatibleError, match="prox"):
        so.Problem(np.eye(2), np.ones(2), penalty=object())
    with pytest.raises(ValueError, match="unknown loss"):
        so.Problem(np.eye(2), np.ones(2), loss="cubic")


def test_equal_weights_are_no_weights():
    assert so.Problem(np.eye(2), np.ones(2), sample_weight=[3.0, 3.0]).sample_weight is None
    assert so.Problem(np.eye(2), np.ones(2), sample_weight=[3.0, 1.0]).sample_weight is not None
