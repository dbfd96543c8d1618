"""The working-set solver: right answers, honest certificates, no stalling, safe screening, finite termination."""

import warnings
from functools import cache

import cvxpy
import numpy as np
import pytest
from estimator_oracles import objective_and_gap, sklearn_fit
from scipy import sparse
from scipy.signal import lfilter

import sparseopt as so
from sparseopt.penalties import L1, ElasticNet
from sparseopt.solvers import working_set

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning", "error::RuntimeWarning")

# small versions of the eight problems on which the solver is benchmarked: (n, p, correlation or density) and alpha
EIGHT = [
    (kind, reg)
    for kind in ((60, 1500, 0.6), (100, 800, 0.9), (300, 300, 0.6), (400, 2500, 0.01))
    for reg in (0.1, 0.01)
]
each_of_eight = pytest.mark.parametrize("kind, reg", EIGHT, ids=lambda v: str(v).replace(", ", "_"))


@cache
def data(kind):
    """X with neighbours correlated (or sparse, for small `third`), a sparse truth, noise."""
    n, p, third = kind
    rng = np.random.default_rng(n)
    if third < 0.1:
        X = sparse.random_array((n, p), density=third, rng=rng, data_sampler=rng.standard_normal).tocsc()
    else:
        noise = np.sqrt(1.0 - third**2) * rng.standard_normal((n, p))
        noise[:, 0] /= np.sqrt(1.0 - third**2)
        X = np.asfortranarray(lfilter([1.0], [1.0, -third], noise, axis=1))
    w = np.zeros(p)
    w[rng.permutation(p)[: n // 8]] = rng.standard_normal(n // 8)
    y = X @ w
    return X, y + 0.3 * np.linalg.norm(y) / np.sqrt(n) * rng.standard_normal(n)


def problem_of(kind, reg, **penalty):
    X, y = data(kind)
    top = so.Problem(X, y, penalty=L1(**penalty), fit_intercept=False).alpha_max()
    return so.Problem(X, y, penalty=L1(reg * top, **penalty), fit_intercept=False)


@cache
def accurate(kind, reg):
    return so.solve(problem_of(kind, reg), tol=1e-14, max_iter=1000)


@each_of_eight
def test_equals_scikit_learn(kind, reg):
    problem = problem_of(kind, reg)
    X, y = data(kind)
    dense = X.toarray() if sparse.issparse(X) else X
    coef = so.solve(problem, tol=1e-12, max_iter=1000).coef
    oracle = sklearn_fit(X, y, problem.penalty.alpha, fit_intercept=False)
    objective, gap = objective_and_gap(dense, y, oracle.coef_, 0.0, problem.penalty.alpha, fit_intercept=False)
    if gap > 1e-13 * problem.null_objective:  # the reference has not arrived: only objectives can be compared
        assert problem.objective(coef) <= objective + 1e-12 * problem.null_objective
        return
    np.testing.assert_allclose(coef, oracle.coef_, rtol=0, atol=1e-6 * np.abs(coef).max())
    same = (coef != 0) == (oracle.coef_ != 0)
    assert same.all() or np.abs(coef[~same]).max() < 1e-6 * np.abs(coef).max()


def test_the_reference_arrives_on_most_of_the_eight():
    arrived = 0
    for kind, reg in EIGHT:
        X, y = data(kind)
        alpha = problem_of(kind, reg).penalty.alpha
        coef = sklearn_fit(X, y, alpha, fit_intercept=False).coef_
        ours = so.solve(problem_of(kind, reg), tol=1e-14, max_iter=1000).coef
        arrived += np.abs(ours - coef).max() <= 1e-8 * np.abs(ours).max()
    assert arrived >= 5


VARIANTS = {
    "plain": {},
    "intercept": {"fit_intercept": True},
    "weighted_rows": {"sample_weight": True, "fit_intercept": True},
    "elastic_net": {"l1_ratio": 0.7, "fit_intercept": True},
    "positive": {"positive": True, "fit_intercept": True},
    "weighted_columns": {"weights": True},
    "unpenalised_columns": {"weights": True, "free": 2, "fit_intercept": True, "sample_weight": True},
    "excluded_columns": {"weights": True, "excluded": 3, "l1_ratio": 0.5},
    "everything": {"sample_weight": True, "weights": True, "l1_ratio": 0.6, "positive": True, "fit_intercept": True},
}


def variant(name, is_sparse=False, seed=0):
    """A 30 x 50 problem of the variant, and its parts."""
    options = dict(VARIANTS[name])
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((30, 50)) + 0.5) * (rng.random((30, 50)) < (0.3 if is_sparse else 1.0))
    y = X[:, :5] @ [3.0, -2.0, 1.0, 1.0, 2.0] + rng.standard_normal(30) + 1.0
    s = rng.uniform(0.2, 2.0, 30) if options.pop("sample_weight", False) else None
    weights = rng.uniform(0.5, 2.0, 50) if options.pop("weights", False) else None
    free, excluded = options.pop("free", 0), options.pop("excluded", 0)
    if weights is not None:
        weights[:free] = 0.0
        weights[45 : 45 + excluded] = np.inf
        weights[:excluded] = np.inf
    fit_intercept = options.pop("fit_intercept", False)
    penalty = ElasticNet(0.1, options.get("l1_ratio", 1.0), weights=weights, positive=options.get("positive", False))
    design = sparse.csc_matrix(X) if is_sparse else X
    return so.Problem(design, y, penalty=penalty, sample_weight=s, fit_intercept=fit_intercept), X, y


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("name", VARIANTS)
def test_equals_a_conic_solver(name, is_sparse):
    problem, X, y = variant(name, is_sparse)
    penalty = problem.penalty
    s = np.ones(30) if problem.sample_weight is None else problem.sample_weight
    omega = np.ones(50) if penalty.weights is None else penalty.weights
    used = np.isfinite(omega)
    w, b = cvxpy.Variable(int(used.sum()), nonneg=penalty.positive), cvxpy.Variable()
    r = y - X[:, used] @ w - (b if problem.fit_intercept else 0.0)
    goal = cvxpy.sum_squares(cvxpy.multiply(np.sqrt(s / s.sum()), r)) / 2
    goal += penalty.alpha * penalty.l1_ratio * (omega[used] @ cvxpy.abs(w))
    goal += penalty.alpha * (1.0 - penalty.l1_ratio) / 2 * cvxpy.sum_squares(w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = cvxpy.Problem(cvxpy.Minimize(goal)).solve(
            solver=cvxpy.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
        )
    result = so.solve(problem, tol=1e-12, max_iter=1000)
    assert result.converged and result.gap <= 1e-12 * problem.null_objective
    assert result.objective == pytest.approx(value, rel=1e-8)
    assert problem.objective(result.coef, result.intercept) == pytest.approx(result.objective, rel=1e-12)
    np.testing.assert_allclose(result.coef[used], w.value, rtol=0, atol=2e-5 * np.abs(w.value).max())
    assert not np.any(result.coef[~used])


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("name", VARIANTS)
def test_certificate_is_what_plain_numpy_says(name, tol):
    problem, X, y = variant(name)
    penalty = problem.penalty
    result = so.solve(problem, tol=tol)
    finite = None if penalty.weights is None else np.where(np.isinf(penalty.weights), 1e300, penalty.weights)
    objective, gap = objective_and_gap(
        X, y, result.coef, result.intercept, penalty.alpha, penalty.l1_ratio, finite, problem.sample_weight,
        problem.fit_intercept, penalty.positive,
    )  # fmt: skip
    scale = problem.null_objective
    assert result.objective == pytest.approx(objective, rel=1e-12)
    assert result.gap == pytest.approx(gap, rel=1e-6, abs=1e-13 * scale)
    assert result.gap <= tol * scale
    assert result.null_objective == pytest.approx(scale)
    assert result.relative_gap == pytest.approx(result.gap / scale)
    optimum = so.solve(problem, tol=1e-14, max_iter=1000).objective
    assert result.objective - optimum <= result.gap + 1e-13 * scale


@each_of_eight
def test_optimality_conditions_hold(kind, reg):
    problem, result = problem_of(kind, reg), accurate(kind, reg)
    gradient = -problem.design.rmatvec(problem.y - problem.design.matvec(result.coef)) / problem.design.n_samples
    assert problem.penalty.distance(result.coef, gradient).max() <= 1e-6 * problem.penalty.alpha
    assert result.violation == pytest.approx(problem.penalty.distance(result.coef, gradient).max(), abs=1e-12)


@each_of_eight
def test_gap_falls_over_any_three_rounds(kind, reg):
    """Ordering by a scaled dual point makes working sets repeat for ever; ordering by the residual must not."""
    result = so.solve(problem_of(kind, reg), tol=1e-12, max_iter=1000)
    gaps = [round_["gap"] for round_ in result.history]
    assert result.converged and len(gaps) <= 25
    assert all(later < earlier for earlier, later in zip(gaps, gaps[3:], strict=False))
    objectives = [round_["objective"] for round_ in result.history]
    assert np.all(np.diff(objectives) <= 1e-12 * objectives[0])
    best = accurate(kind, reg).objective
    assert all(o - best <= g + 1e-13 * objectives[0] for o, g in zip(objectives, gaps, strict=True))


def test_screening_is_safe_and_happens(monkeypatch):
    screened = []
    original = working_set._Rounds.screen

    def spy(state):
        original(state)
        if state.left_out is not None:
            screened.append(state.left_out.copy())

    monkeypatch.setattr(working_set._Rounds, "screen", spy)
    monkeypatch.setattr(working_set, "FIRST_SET", 8)  # more rounds than it would take, so that screening gets its turn
    monkeypatch.setattr(working_set, "INNER_SHARE", 0.5)
    monkeypatch.setattr(working_set, "SMALL", 0)  # rounds in one call screen nothing
    total = 0
    for kind, reg in [*EIGHT, *((kind, 0.5) for kind, _ in EIGHT[::2])]:
        support = accurate(kind, reg).coef != 0.0
        screened.clear()
        so.solve(problem_of(kind, reg), tol=1e-12, max_iter=1000)
        for gone in screened:
            assert not np.any(support[gone])
        total += len(screened)
    for name in VARIANTS:
        screened.clear()
        problem, _, _ = variant(name)
        so.solve(problem, tol=1e-12, max_iter=1000)
        best = so.solve(problem, tol=1e-14, max_iter=1000).coef
        assert all(np.abs(best[gone]).max(initial=0.0) < 1e-9 for gone in screened)
    assert total >= 4, "hardly ever screened: the test shows nothing"


def test_ends_after_finitely_many_steps():
    """With the right support one Newton step ends the work, so the last digits cost nothing."""
    kind = (100, 4000, 0.6)
    problem = problem_of(kind, 0.1)
    steps = {}
    for tol in (1e-6, 1e-14):
        counted = []
        original = working_set.GramSet

        class Counted(original):
            def __init__(self, quadratic):
                super().__init__(quadratic)
                counted.append(self)  # noqa: B023

        working_set.GramSet = Counted
        try:
            result = so.solve(problem, tol=tol, max_iter=1000)
        finally:
            working_set.GramSet = original
        steps[tol] = counted[0].solver.rounds
    assert result.gap <= 2e-14 * problem.null_objective
    assert steps[1e-14] <= 60
    assert steps[1e-14] <= 3 * steps[1e-6]


def test_few_columns_need_two_rounds_at_most():
    """Their whole Gram matrix costs less than a round does: they need not join bit by bit."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 40))
    y = X @ rng.standard_normal(40) + rng.standard_normal(200)
    for alpha in (0.3, 0.003):
        result = so.solve(so.Problem(X, y, penalty=so.penalties.L1(alpha), fit_intercept=False), tol=1e-12)
        assert result.converged and result.n_iter <= 2 and result.n_passes <= 6.0


def test_warm_starts():
    kind, reg = (60, 1500, 0.6), 0.1
    problem = problem_of(kind, reg)
    cold = so.solve(problem, tol=1e-8)
    again = so.solve(problem, init=cold.coef, tol=1e-8)
    assert again.n_iter == 1 and again.n_passes < cold.n_passes
    np.testing.assert_array_equal(again.coef, cold.coef)
    near = so.solve(problem_of(kind, 1.02 * reg), tol=1e-8).coef
    kept = near.copy()
    warm = so.solve(problem, init=near, tol=1e-8)
    np.testing.assert_array_equal(near, kept)
    assert warm.n_passes < cold.n_passes
    for start in (np.ones(1500), 1e6 * np.random.default_rng(0).standard_normal(1500)):
        far = so.solve(problem, init=start, tol=1e-12, max_iter=1000)
        assert far.objective == pytest.approx(accurate(kind, reg).objective, rel=1e-10)


def test_a_warm_start_may_violate_the_sign_and_touch_excluded_columns():
    for name in ("positive", "excluded_columns", "everything"):
        problem, _, _ = variant(name)
        cold = so.solve(problem, tol=1e-12)
        warm = so.solve(problem, init=np.linspace(-1.0, 1.0, 50), tol=1e-12)
        assert warm.objective == pytest.approx(cold.objective, rel=1e-10)
        np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-6)


@pytest.mark.parametrize("kind", [(60, 1500, 0.6), (400, 2500, 0.01)])
def test_results_do_not_depend_on_threads(kind):
    one, two = (so.solve(problem_of(kind, 0.05), tol=1e-10, n_threads=k) for k in (1, 2))
    np.testing.assert_array_equal(one.coef, two.coef)
    assert one.gap == two.gap and one.n_passes == two.n_passes


def test_columns_that_tell_nothing_stay_at_zero():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 6))
    X[:, 1], X[:, 3] = 0.0, 7.0
    X[:, 5] = X[:, 0]
    y = X[:, 0] + 0.1 * rng.standard_normal(20)
    result = so.solve(so.Problem(X, y, penalty=L1(0.01)), tol=1e-12)
    assert result.converged and result.coef[1] == result.coef[3] == 0.0
    assert result.coef[0] + result.coef[5] == pytest.approx(1.0, abs=0.1)
    flat = so.solve(so.Problem(np.ones((4, 2)), np.arange(4.0), penalty=L1(0.01)))
    assert flat.converged and not np.any(flat.coef) and flat.intercept == 1.5


def test_no_work_where_none_is_needed():
    X, y = data((60, 1500, 0.6))
    top = so.Problem(X, y, fit_intercept=False).alpha_max()
    empty = so.solve(so.Problem(X, y, penalty=L1(1.0001 * top), fit_intercept=False))
    assert not np.any(empty.coef) and empty.gap <= 1e-12 and empty.n_passes == 1.0
    nothing = so.solve(so.Problem(X, np.full(60, 3.0), penalty=L1(0.1)))
    assert not np.any(nothing.coef) and nothing.intercept == 3.0 and nothing.gap == 0.0 and nothing.converged
    one_row = so.solve(so.Problem(X[:1], y[:1], penalty=L1(0.1)))
    assert not np.any(one_row.coef) and one_row.intercept == y[0]


def test_a_result_prints_its_certificate_on_one_line_and_not_its_coefficients():
    rng = np.random.default_rng(0)
    X, y = np.asfortranarray(rng.standard_normal((30, 5000))), rng.standard_normal(30)
    results = [
        so.solve(so.Problem(X, y, penalty=so.penalties.L1(alpha=0.3))),
        so.solution_path(X, y, n_alphas=5),
        so.block_coordinate_descent(so.Problem(X, y, penalty=so.penalties.L1(alpha=0.3)), tol=0.1),
    ]
    for result in results:
        assert "\n" not in repr(result) and len(repr(result)) < 250
        assert "gap=" in repr(result) and "5000 not zero" in repr(result)
