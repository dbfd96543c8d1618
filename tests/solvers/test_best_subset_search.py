"""Best subsets: brute force, optimality among all exchanges, invariances, choice of the size."""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sparseopt._ext._best_subset import SubsetSearch

import sparseopt as so
from sparseopt.penalties import L1, TopK
from sparseopt.solvers import best_subset as module
from sparseopt.solvers.subset_path import criterion_values, largest_size


def least_squares(X, y, cols, ridge=0.0, s=None):
    """Objective of a support from its definition, with intercept, in units of the mean loss."""
    s = np.ones(len(y)) if s is None else s
    s = s / s.sum()
    Z = X[:, list(cols)] - s @ X[:, list(cols)]
    r = y - s @ y
    A = Z.T @ (s[:, None] * Z) + ridge * np.eye(len(cols))
    w = np.linalg.lstsq(A, Z.T @ (s * r), rcond=None)[0]
    return 0.5 * s @ (r - Z @ w) ** 2 + 0.5 * ridge * w @ w


def correlated(n, p, rho, rng):
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    return X


def random_problem(seed):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(20, 60)), int(rng.integers(5, 15))
    k = int(rng.integers(1, min(p, 6)))
    X = correlated(n, p, rng.choice([0.0, 0.5, 0.9]), rng) + rng.uniform(-2, 2, p)
    w = np.zeros(p)
    w[rng.choice(p, k, replace=False)] = rng.standard_normal(k)
    return X, X @ w + rng.uniform(0.1, 2.0) * rng.standard_normal(n), k


def solve(X, y, k, s=None, **options):
    return so.solve(so.Problem(X, y, penalty=TopK(k), sample_weight=s), **options)


def test_equals_brute_force_at_the_known_size():
    """On 200 random problems with at most 14 columns; 98 in 100 are asked for."""
    optimal = 0
    for seed in range(200):
        X, y, k = random_problem(seed)
        Z, r = X - X.mean(axis=0), y - y.mean()
        G, q, null = Z.T @ Z, Z.T @ r, 0.5 * r @ r
        supports = np.array(list(combinations(range(X.shape[1]), k)))
        blocks = G[supports[:, :, None], supports[:, None, :]]
        fits = np.einsum("ij,ij->i", q[supports], np.linalg.solve(blocks, q[supports][:, :, None])[:, :, 0])
        best = (null - 0.5 * fits.max()) / len(y)
        found = solve(X, y, k).objective
        assert found >= best * (1 - 1e-9)
        optimal += found <= best * (1 + 1e-9)
    assert optimal >= 196, optimal


@pytest.mark.parametrize("layout", ["dense", "csc"])
@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_no_exchange_improves(layout, ridge, weighted):
    """Independently of the solver: the least-squares fit of every support that differs in one column."""
    rng = np.random.default_rng(4)
    n, p, k = 60, 120, 6
    X = correlated(n, p, 0.9, rng) * (rng.random((n, p)) < 0.7) + 1.0
    y = X[:, ::20] @ rng.choice([-1.0, 1.0], 6) + rng.standard_normal(n)
    s = rng.integers(0, 3, n).astype(float) if weighted else None
    model = so.BestSubsetRegressor(k, ridge=ridge, tol=1e-9).fit(sparse.csc_matrix(X) if layout == "csc" else X, y, s)
    assert model.converged_ and model.support_.size == k
    here = least_squares(X, y, model.support_, ridge, s)
    assert model.objective_ == pytest.approx(here, rel=1e-9)
    members = set(model.support_.tolist())
    around = [
        least_squares(X, y, [*(members - {out}), joins], ridge, s)
        for out in members for joins in range(p) if joins not in members
    ]  # fmt: skip
    assert min(around) >= here - 1e-9 * y.var()
    assert min(least_squares(X, y, members - {out}, ridge, s) for out in members) >= here


def test_coefficients_are_least_squares_on_the_support():
    X, y, k = random_problem(3)
    result = solve(X, y, k)
    S = np.flatnonzero(result.coef)
    design = np.column_stack([X[:, S], np.ones(len(y))])
    w = np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(result.coef[S], w[:-1], rtol=1e-9)
    assert result.intercept == pytest.approx(w[-1], rel=1e-9)
    assert result.violation < 1e-9


def test_sizes_zero_and_all():
    X, y, _ = random_problem(5)
    none = solve(X, y, 0)
    assert not none.coef.any() and none.intercept == pytest.approx(y.mean()) and none.converged
    everything = solve(X, y, X.shape[1])
    assert np.count_nonzero(everything.coef) == X.shape[1]
    assert everything.objective == pytest.approx(least_squares(X, y, range(X.shape[1])), rel=1e-9)


def test_objective_falls_with_the_size():
    rng = np.random.default_rng(0)
    X = correlated(50, 80, 0.8, rng)
    y = X[:, ::16] @ np.ones(5) + rng.standard_normal(50)
    objectives = [solve(X, y, k).objective for k in range(12)]
    assert np.all(np.diff(objectives) < 0)


def test_dependent_columns():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 5))
    X = np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2], np.ones(30), np.zeros(30)])
    y = X[:, :5] @ np.arange(1.0, 6.0) + 0.1 * rng.standard_normal(30)
    result = solve(X, y, 9)
    assert result.converged and np.count_nonzero(result.coef) == 5 and not result.coef[7:].any()
    assert result.objective == pytest.approx(least_squares(X, y, range(5)), rel=1e-9)
    assert np.isfinite(solve(X, y, 3).objective)


def test_weights_are_repetitions():
    rng = np.random.default_rng(1)
    X = correlated(40, 60, 0.8, rng)
    y = X[:, :4].sum(axis=1) + rng.standard_normal(40)
    s = rng.integers(0, 4, 40)
    for options in (dict(n_nonzero_coefs=4), dict(criterion="ebic", max_nonzero_coefs=8)):
        weighted = so.BestSubsetRegressor(**options).fit(X, y, s)
        repeated = so.BestSubsetRegressor(**options).fit(np.repeat(X, s, axis=0), np.repeat(y, s))
        np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-9)
        assert weighted.n_nonzero_coefs_ == repeated.n_nonzero_coefs_


def test_layouts_agree():
    rng = np.random.default_rng(2)
    X = correlated(50, 400, 0.7, rng) * (rng.random((50, 400)) < 0.5)
    y = X[:, ::100].sum(axis=1) + 0.5 * rng.standard_normal(50)
    fits = [
        so.BestSubsetRegressor(5).fit(Z, y).coef_
        for Z in (X, np.asfortranarray(X), sparse.csc_matrix(X), sparse.csr_matrix(X))
    ]
    for fit in fits[1:]:
        np.testing.assert_allclose(fit, fits[0], atol=1e-10)
    single = so.BestSubsetRegressor(5).fit(X.astype(np.float32), y).coef_
    np.testing.assert_allclose(single, fits[0], atol=1e-5)


def test_candidates_grow_until_nothing_beyond_them_gains():
    """With more columns than are candidates from the start, the same support as with all of them."""
    rng = np.random.default_rng(3)
    X = correlated(100, 600, 0.9, rng)
    y = X[:, 30::60] @ rng.choice([-1.0, 1.0], 10) + 0.8 * rng.standard_normal(100)
    assert X.shape[1] > module.ALL
    grown = solve(X, y, 10)
    before, module.ALL = module.ALL, 600
    try:
        complete = solve(X, y, 10)
    finally:
        module.ALL = before
    assert grown.n_passes > complete.n_passes
    assert grown.objective <= complete.objective * (1 + 1e-3)


def test_hard_correlated_design():
    """Correlation 0.9, twenty coefficients of one size: at least as good as the planted support."""
    rng = np.random.default_rng(9)
    n, p, k = 250, 1500, 12
    X = correlated(n, p, 0.9, rng)
    S = np.arange(k) * (p // k) + p // (2 * k)
    y = X[:, S] @ rng.choice([-1.0, 1.0], k)
    y = y + np.sqrt(y.var() / 5) * rng.standard_normal(n)
    result = solve(X, y, k)
    assert result.objective <= least_squares(X, y, S) * (1 + 1e-9)
    assert len(set(S) & set(np.flatnonzero(result.coef))) >= k - 1


def test_deterministic_and_independent_of_threads():
    rng = np.random.default_rng(0)
    X = correlated(60, 500, 0.8, rng)
    y = X[:, ::100].sum(axis=1) + rng.standard_normal(60)
    fits = [solve(X, y, 5, n_threads=k).coef for k in (1, 1, 2)]
    np.testing.assert_array_equal(fits[0], fits[1])
    np.testing.assert_array_equal(fits[0], fits[2])


def test_warns_when_stopped_early():
    rng = np.random.default_rng(0)
    X = correlated(60, 500, 0.8, rng)
    y = X[:, ::100].sum(axis=1) + rng.standard_normal(60)
    with pytest.warns(ConvergenceWarning, match="exchange of two columns would gain .* max_iter"):
        solve(X, y, 5, max_iter=1)


def test_start_and_wrong_penalty():
    X, y, k = random_problem(7)
    best = solve(X, y, k)
    again = solve(X, y, k, init=best.coef)
    np.testing.assert_allclose(again.coef, best.coef, rtol=1e-9)
    with pytest.raises(so.exceptions.IncompatibleError, match="needs the penalty TopK, got L1"):
        so.solve(so.Problem(X, y, penalty=L1(0.1)), solver="best_subset")


# the kernel


def state(search, G, q):
    """Support, coefficients and objective, against a fresh solution."""
    S = search.support()
    w = np.linalg.solve(G[np.ix_(S, S)], q[S])
    np.testing.assert_allclose(search.coefficients(), w, rtol=1e-7)
    return S


def test_kernel_state_survives_many_changes():
    rng = np.random.default_rng(0)
    Z = correlated(100, 40, 0.9, rng)
    y = rng.standard_normal(100)
    G, q, null = Z.T @ Z, Z.T @ y, 0.5 * y @ y
    search = SubsetSearch(G, q, null, 0.0, 30)
    for k in (5, 30, 2, 17, 0, 9):
        search.resize(k, 1e-12 * null)
        S = state(search, G, q)
        assert S.size == k == len(set(S.tolist()))
        expected = null - 0.5 * q[S] @ np.linalg.solve(G[np.ix_(S, S)], q[S])
        assert search.objective() == pytest.approx(expected, rel=1e-10)
    search.load(np.array([3, 1, 4]))
    assert search.support().tolist() == [3, 1, 4]
    with pytest.raises(ValueError, match="outside"):
        search.load(np.array([40]))
    with pytest.raises(ValueError, match="Gram matrix"):
        SubsetSearch(G[:5, :5].copy(), q, null, 0.0, 3)


def test_kernel_on_nothing():
    search = SubsetSearch(np.empty((0, 0)), np.empty(0), 0.0, 0.0, 3)
    search.resize(2, 0.0)
    assert search.size == 0 and not search.kick(0.0, 10)


# choosing the size


def test_criteria_are_their_definitions():
    losses = np.array([1.0, 0.5, 0.4])
    np.testing.assert_allclose(criterion_values("aic", losses, 1.0, 50, 4), 50 * np.log(losses) + [0, 2, 4])
    np.testing.assert_allclose(
        criterion_values("bic", losses, 1.0, 50, 4), 50 * np.log(losses) + np.log(50) * np.arange(3)
    )
    ebic = criterion_values("bic", losses, 1.0, 50, 4) + 2 * np.log([1, 4, 6])
    np.testing.assert_allclose(criterion_values("ebic", losses, 1.0, 50, 4), ebic)
    perfect = criterion_values("bic", [1.0, 0.0, 0.0], 1.0, 50, 4)
    assert np.argmin(perfect) == 1 and np.all(np.isfinite(perfect))
    assert np.argmin(criterion_values("aic", [0.0, 0.0], 0.0, 50, 4)) == 0


def test_largest_size():
    assert largest_size(500, 5000) == 32 and largest_size(20, 3) == 3 and largest_size(1, 10) == 1


@pytest.mark.parametrize("criterion", ["aic", "bic", "ebic"])
def test_chosen_size_is_the_best_of_all_subsets(criterion):
    for seed in range(5):
        X, y, _ = random_problem(100 + seed)
        n, p = X.shape
        model = so.BestSubsetRegressor(criterion=criterion, max_nonzero_coefs=6 if p > 6 else p).fit(X, y)
        losses = [
            min(least_squares(X, y, S) for S in combinations(range(p), k)) if k else y.var() / 2
            for k in model.sizes_
        ]
        np.testing.assert_allclose(model.score_path_, criterion_values(criterion, losses, losses[0], n, p), rtol=1e-8)
        assert model.n_nonzero_coefs_ == np.argmin(model.score_path_) == model.support_.size
        np.testing.assert_allclose(model.path_coefs_[model.n_nonzero_coefs_], model.coef_, atol=1e-10)


def test_finds_the_true_size():
    rng = np.random.default_rng(0)
    X = correlated(150, 400, 0.5, rng)
    y = X[:, ::80].sum(axis=1) * 2 + rng.standard_normal(150)
    for options in (dict(), dict(criterion="cv", max_nonzero_coefs=10), dict(criterion="cv", cv=3, n_jobs=2)):
        model = so.BestSubsetRegressor(**options).fit(X, y)
        assert set(range(0, 400, 80)) <= set(model.support_.tolist())
        assert model.n_nonzero_coefs_ <= 6
        assert model.sizes_.size == model.score_path_.size == len(model.path_coefs_)


def test_cross_validation_is_its_definition():
    from sklearn.model_selection import KFold

    X, y, _ = random_problem(11)
    folds = list(KFold(4).split(X))
    model = so.BestSubsetRegressor(criterion="cv", cv=folds, max_nonzero_coefs=4).fit(X, y)
    for k in model.sizes_:
        errors = []
        for train, test in folds:
            fold = so.BestSubsetRegressor(int(k)).fit(X[train], y[train])
            errors.append(np.mean((y[test] - fold.predict(X[test])) ** 2))
        assert model.score_path_[k] == pytest.approx(np.mean(errors), rel=1e-8)
    again = so.BestSubsetRegressor(criterion="cv", cv=folds, max_nonzero_coefs=4, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(again.coef_, model.coef_)
