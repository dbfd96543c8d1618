"""Coordinate descent with non-convex penalties: stationarity, slow oracles, limits, invariances."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import sparseopt as so
from sparseopt.penalties import CEL0, L0, L1, MCP, SCAD, Lq
from sparseopt.solvers import coordinate_descent
from sparseopt.solvers._gram_set import GramSet

PENALTIES = {
    "mcp": MCP(0.25), "mcp_steep": MCP(0.25, 0.3), "scad": SCAD(0.25), "half": Lq(0.15), "two_thirds": Lq(0.2, 2 / 3),
    "l0": L0(0.05), "cel0": CEL0(0.05, 0.5), "positive": SCAD(0.25, positive=True),
    "weighted": MCP(0.25, weights=np.r_[0.0, np.linspace(0.5, 2.0, 78), np.inf]),
}  # fmt: skip


@pytest.fixture(params=sorted(PENALTIES))
def penalty(request):
    return PENALTIES[request.param]


def make_data(n=60, p=80, seed=0, rho=0.5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    X += rng.uniform(-1, 1, p)
    w = np.zeros(p)
    w[rng.choice(p, 8, replace=False)] = rng.choice([-1.5, 1.5], 8)
    return np.asfortranarray(X), X @ w + 0.7 * rng.standard_normal(n) + 2.0


def coordinate_gain(X, y, penalty, w, b, sample_weight=None):
    """What the best change of a single coefficient on a fine grid would gain, by evaluating the objective."""
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    s = s / s.sum()
    X = X - s @ X
    r = y - s @ y - X @ w
    best = 0.0
    for j in range(w.size):
        curvature = s @ X[:, j] ** 2
        u = w[j] + X[:, j] @ (s * r) / curvature
        near = np.linspace(-1e-3, 1e-3, 9)
        z = np.r_[0.0, u + near, w[j] + near, np.linspace(-1.2, 1.2, 101) * (abs(u) + abs(w[j]))]
        shape = np.zeros(w.size)
        values = np.empty(z.size)
        for k, value in enumerate(z):
            shape[j] = value
            values[k] = 0.5 * curvature * (value - u) ** 2 + penalty.value(shape)
        shape[j] = w[j]
        best = max(best, 0.5 * curvature * (w[j] - u) ** 2 + penalty.value(shape) - values.min())
    return best


def test_no_change_of_one_coefficient_gains(penalty):
    X, y = make_data()
    result = so.solve(so.Problem(X, y, penalty=penalty))
    assert result.converged and result.solver == "coordinate_descent" and np.isnan(result.gap)
    assert 0 < np.count_nonzero(result.coef) < 60
    assert coordinate_gain(X, y, penalty, result.coef, result.intercept) <= 1e-12 * result.null_objective + 1e-15


def test_certificate_is_recomputed_from_the_data(penalty):
    X, y = make_data()
    result = so.solve(so.Problem(X, y, penalty=penalty), tol=1e-8)
    r = y - X @ result.coef - result.intercept
    assert abs(r.mean()) < 1e-12
    gradient = -X.T @ r / len(y)
    assert penalty.distance(result.coef, gradient).max() <= result.violation * (1 + 1e-6) + 1e-12
    curvature = X.var(axis=0)
    assert result.violation <= 1e-8 * np.sqrt(2 * result.null_objective * curvature.max()) * (1 + 1e-9)
    objective = 0.5 * r @ r / len(y) + penalty.value(result.coef)
    assert objective == pytest.approx(result.objective, rel=1e-12)


def slow_descent(X, y, prox, lam, gamma, w, sweeps=3000):
    """Cyclic coordinate descent in plain numpy on centred data, until nothing moves."""
    X, y = X - X.mean(axis=0), y - y.mean()
    n = len(y)
    r = y - X @ w
    for _ in range(sweeps):
        largest = 0.0
        for j in range(w.size):
            curvature = X[:, j] @ X[:, j] / n
            new = prox(w[j] + X[:, j] @ r / n / curvature, lam, gamma, 1 / curvature)
            if new != w[j]:
                largest = max(largest, abs(new - w[j]))
                r += X[:, j] * (w[j] - new)
                w[j] = new
        if largest < 1e-13:
            return w
    raise AssertionError("the oracle did not converge")


def slow_mcp(u, lam, gamma, t):
    a = abs(u)
    return np.sign(u) * (max(a - t * lam, 0) / (1 - t / gamma) if a <= gamma * lam else a)


def slow_scad(u, lam, gamma, t):
    a = abs(u)
    if a <= lam * (1 + t):
        return np.sign(u) * max(a - t * lam, 0)
    return np.sign(u) * (((gamma - 1) * a - t * gamma * lam) / (gamma - 1 - t) if a <= gamma * lam else a)


@pytest.mark.parametrize("make, prox", [(MCP, slow_mcp), (SCAD, slow_scad)])
@pytest.mark.parametrize("lam", [0.05, 0.2, 0.6])
def test_unique_minimiser_agrees_with_a_slow_oracle(make, prox, lam):
    """With enough rows the objective is convex although the penalty is not: there is one minimiser to find."""
    X, y = make_data(n=300, p=20, rho=0.3)
    gamma = 12.0
    spectrum = np.linalg.eigvalsh(np.cov(X.T, bias=True))
    assert spectrum[0] > 1 / (gamma - 1)  # convex indeed
    oracle = slow_descent(X, y, prox, lam, gamma, np.zeros(20))
    result = so.solve(so.Problem(X, y, penalty=make(lam, gamma)), tol=1e-10)
    np.testing.assert_allclose(result.coef, oracle, atol=1e-8)


@pytest.mark.parametrize("make", [MCP, SCAD])
def test_infinite_gamma_is_the_lasso(make):
    X, y = make_data()
    lasso = so.solve(so.Problem(X, y, penalty=L1(0.2)), tol=1e-12)
    result = so.solve(so.Problem(X, y, penalty=make(0.2, 1e10)), tol=1e-9)
    np.testing.assert_allclose(result.coef, lasso.coef, atol=1e-7)


def test_no_worse_than_slow_descent_from_zero():
    """On correlated designs, where local minima differ."""
    ratios = []
    for seed in range(8):
        X, y = make_data(n=50, p=60, seed=seed, rho=0.8)
        oracle = slow_descent(X, y, slow_mcp, 0.3, 12.0, np.zeros(60), sweeps=30_000)
        problem = so.Problem(X, y, penalty=MCP(0.3, 12.0))
        ratios.append(so.solve(problem).objective / problem.objective(oracle))
    assert np.mean(np.log(ratios)) <= 1e-3 and max(ratios) < 1.05


def test_objective_never_rises(penalty):
    X, y = make_data(n=80, p=80, seed=3, rho=0.9)
    start = np.zeros(80)
    result = so.solve(so.Problem(X, y, penalty=penalty), init=start)
    objectives = [entry["objective"] for entry in result.history]
    assert len(objectives) > 1 and np.all(np.diff(objectives) <= 1e-14 * objectives[0])


def sweep_columns(monkeypatch):
    monkeypatch.setattr(GramSet, "prefers_gram", lambda *_: False)
    monkeypatch.setattr(coordinate_descent, "gram_is_cheaper", lambda *_: False)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("penalty", [MCP(0.1, 40.0), SCAD(0.1, 40.0), MCP(0.1, 40.0, positive=True)], ids=repr)
def test_columns_and_gram_matrix_agree_on_a_unique_minimiser(penalty, weighted, monkeypatch):
    X, y = make_data(n=300, p=20)
    X = X * (np.random.default_rng(1).random(X.shape) < 0.5)
    s = np.random.default_rng(2).integers(0, 3, 300).astype(float) if weighted else None
    by_gram = so.solve(so.Problem(X, y, penalty=penalty, sample_weight=s), tol=1e-9)
    sweep_columns(monkeypatch)
    by_columns = so.solve(so.Problem(sparse.csc_matrix(X), y, penalty=penalty, sample_weight=s), tol=1e-9)
    assert by_columns.converged and by_gram.converged
    np.testing.assert_allclose(by_columns.coef, by_gram.coef, atol=1e-7)


def test_sweeps_over_columns_end_where_no_change_gains(penalty, monkeypatch):
    """There may be many such points, and which is found depends on the way."""
    sweep_columns(monkeypatch)
    X, y = make_data()
    X = X * (np.random.default_rng(1).random(X.shape) < 0.5)
    s = np.random.default_rng(2).integers(0, 4, 60).astype(float)
    result = so.solve(so.Problem(sparse.csc_matrix(X), y, penalty=penalty, sample_weight=s))
    assert result.converged
    gain = coordinate_gain(X, y, penalty, result.coef, result.intercept, s)
    assert gain <= 1e-12 * result.null_objective + 1e-15


def test_start_is_used_and_not_changed():
    X, y = make_data(rho=0.9)
    init = np.random.default_rng(0).standard_normal(80)
    kept = init.copy()
    problem = so.Problem(X, y, penalty=MCP(0.2, 1.5))
    result = so.solve(problem, init=init)
    np.testing.assert_array_equal(init, kept)
    again = so.solve(problem, init=result.coef)
    assert again.n_iter == 1 and again.objective <= result.objective
    assert so.solve(problem, init=-init, max_iter=50).converged


def test_same_result_for_any_number_of_threads(penalty):
    X, y = make_data()
    one, two = (so.solve(so.Problem(X, y, penalty=penalty), n_threads=k).coef for k in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_warns_when_stopped_early():
    X, y = make_data(n=80, p=80, rho=0.95)
    with pytest.warns(ConvergenceWarning, match="violation of stationarity is .* in units of the data, tol=1e-12"):
        so.solve(so.Problem(X, y, penalty=MCP(0.01)), init=np.zeros(80), tol=1e-12, max_iter=1)


def test_callback_stops():
    X, y = make_data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = so.solve(so.Problem(X, y, penalty=MCP(0.1)), init=np.zeros(80), callback=lambda w: True)
    assert result.n_iter == 1


def test_constant_columns_and_targets():
    X, y = make_data()
    X[:, 3] = 7.0
    result = so.solve(so.Problem(X, y, penalty=MCP(0.1)))
    assert result.coef[3] == 0.0 and result.converged
    flat = so.solve(so.Problem(X, np.full(60, 5.0), penalty=SCAD(0.1)))
    assert not flat.coef.any() and flat.intercept == pytest.approx(5.0) and flat.converged


def test_refused_where_it_does_not_fit():
    X, y = make_data()
    with pytest.raises(so.exceptions.IncompatibleError, match="needs one of the penalties .* got L1"):
        so.solve(so.Problem(X, y, penalty=L1(0.1)), solver="coordinate_descent")


# paths


@pytest.mark.parametrize("name", ["mcp", "scad", "l0", "half", "two_thirds", "weighted", "positive"])
def test_every_alpha_of_a_path_is_stationary(name):
    X, y = make_data()
    penalty = PENALTIES[name]
    path = so.solution_path(X, y, penalty=penalty, n_alphas=8, eps=0.05)
    assert path.converged.all() and np.all(np.isnan(path.gaps)) and path.coefs.shape == (8, 80)
    for alpha, w, b, objective, violation in zip(
        path.alphas, path.coefs, path.intercepts, path.objectives, path.violations, strict=True
    ):
        at_alpha = type(penalty)(**{**penalty.get_params(), "alpha": alpha})
        assert coordinate_gain(X, y, at_alpha, w, b) <= 1e-12 * path.null_objective + 1e-15
        problem = so.Problem(X, y, penalty=at_alpha)
        assert problem.objective(w, b) == pytest.approx(objective, rel=1e-10)
        assert violation <= 1e-6 * np.sqrt(2 * path.null_objective * X.var(axis=0).max())
    free = 0 if name != "weighted" else 1
    assert np.count_nonzero(path.coefs[0]) == free and np.count_nonzero(path.coefs[-1]) > 5


def test_path_starts_where_columns_enter():
    X, y = make_data()
    for penalty in (MCP(), L0(), Lq()):
        largest = so.solution_path(X, y, penalty=penalty, n_alphas=2).alphas[0]
        path = so.solution_path(X, y, penalty=penalty, alphas=[largest * 1.001, largest * 0.999])
        assert not path.coefs[0].any() and path.coefs[1].any()


def test_path_is_no_worse_than_single_fits():
    X, y = make_data(rho=0.8)
    path = so.solution_path(X, y, penalty=MCP(), n_alphas=15, eps=0.05)
    single = [so.solve(so.Problem(X, y, penalty=MCP(a))).objective for a in path.alphas]
    assert np.mean(path.objectives / single) <= 1.005  # local minima: not always the same


def test_path_of_sparse_and_dense_agree():
    X, y = make_data()
    X = X * (np.random.default_rng(1).random(X.shape) < 0.3)
    dense = so.solution_path(X, y, penalty=MCP(), n_alphas=10, eps=0.1, tol=1e-8)
    csc = so.solution_path(sparse.csc_matrix(X), y, penalty=MCP(), n_alphas=10, eps=0.1, tol=1e-8)
    np.testing.assert_allclose(csc.coefs, dense.coefs, atol=1e-6)


def interpreted(problem, **options):
    """Solve round by round in the interpreter, as for rows on several ranks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinate_descent, "_CompiledRounds", coordinate_descent._Rounds)
        return so.solve(problem, **options)


@pytest.mark.parametrize("layout", [np.asfortranarray, sparse.csc_matrix], ids=["dense", "csc"])
@pytest.mark.parametrize("weighted", [True, False])
def test_rounds_in_one_call_end_where_no_change_gains(penalty, layout, weighted):
    X, y = make_data(rho=0.8)
    X = X * (np.random.default_rng(1).random(X.shape) < 0.7)
    s = np.random.default_rng(2).integers(0, 4, 60).astype(float) if weighted else None
    problem = so.Problem(layout(X), y, penalty=penalty, sample_weight=s)
    result, other = so.solve(problem), interpreted(problem)
    assert result.converged and 0 < np.count_nonzero(result.coef) < 60
    gain = coordinate_gain(X, y, penalty, result.coef, result.intercept, s)
    assert gain <= 1e-12 * result.null_objective + 1e-15
    assert result.objective == pytest.approx(problem.objective(result.coef, result.intercept), rel=1e-12)
    assert result.objective <= 1.1 * other.objective


@pytest.mark.parametrize("penalty", [MCP(0.1, 40.0), SCAD(0.1, 40.0), MCP(0.1, 40.0, positive=True)], ids=repr)
def test_rounds_in_one_call_find_a_unique_minimiser(penalty):
    X, y = make_data(n=300, p=20)
    for layout in (np.asfortranarray, sparse.csc_matrix):
        problem = so.Problem(layout(X), y, penalty=penalty)
        np.testing.assert_allclose(
            so.solve(problem, tol=1e-10).coef, interpreted(problem, tol=1e-10).coef, atol=1e-8
        )  # fmt: skip


@pytest.mark.parametrize("tol", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("seed", range(2))
def test_loose_tolerances_are_certified_with_all_columns(tol, seed):
    """On the way some columns are taken to stay out and are not read: the end must not be taken for one of all."""
    X, y = make_data(n=60, p=160, seed=seed, rho=0.9)
    for solve in (so.solve, interpreted):
        result = solve(so.Problem(X, y, penalty=MCP(0.1)), tol=tol)
        assert result.converged
        assert coordinate_gain(X, y, MCP(0.1), result.coef, result.intercept) <= tol**2 * result.null_objective * 1.01


@pytest.mark.parametrize("layout", [sparse.csc_matrix, np.asfortranarray])
def test_a_matrix_without_entries_has_zero_coefficients(penalty, layout):
    result = so.solve(so.Problem(layout(np.zeros((6, 80))), np.arange(6.0), penalty=penalty))
    assert result.converged and not result.coef.any() and result.intercept == 2.5


def test_history_of_rounds_in_one_call():
    X, y = make_data(n=80, p=80, rho=0.9)
    result = so.solve(so.Problem(X, y, penalty=MCP(0.1)))
    assert [entry["n_iter"] for entry in result.history] == list(range(result.history[-1]["n_iter"] + 1))
    assert result.history[-1]["objective"] == result.objective
    passes = [entry["n_passes"] for entry in result.history]
    assert np.all(np.diff(passes) > 0) and passes[-1] == pytest.approx(result.n_passes)


def test_a_callback_changes_nothing_but_when_it_stops(penalty):
    X, y = make_data(n=80, p=80, rho=0.9)
    problem, seen = so.Problem(X, y, penalty=penalty), []
    alone = so.solve(problem)
    told = so.solve(problem, callback=lambda w: seen.append(w.copy()))
    np.testing.assert_array_equal(told.coef, alone.coef)
    assert told.history == alone.history and len(seen) == told.history[-1]["n_iter"]
    start = np.zeros(80)
    stopped = so.solve(problem, init=start, callback=lambda w: True)
    assert stopped.history[-1]["n_iter"] == 1
    assert stopped.objective == pytest.approx(problem.objective(stopped.coef, stopped.intercept), rel=1e-12)
