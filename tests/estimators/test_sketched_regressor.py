"""The estimator: scikit-learn's contract, weights, intercept, ridge, targets, bad data."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import LinAlgWarning
from sketch_oracles import gaussian
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so

REFINING = ["heavy_ball", "spir", "fossils", "csne", "lapack"]


@parametrize_with_checks([
    so.SketchedRegressor(), so.SketchedRegressor(solver="spir", tol="machine", random_state=0), so.RowSketch(),
])  # fmt: skip
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def data(n=3000, d=10, seed=0):
    A, b = gaussian(n, d, np.random.default_rng(seed))
    return A + 3.0, b + 5.0


@pytest.mark.parametrize("solver", REFINING)
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_ridge_with_intercept_and_weights(solver, alpha):
    X, y = data()
    weights = np.random.default_rng(1).integers(0, 3, 3000).astype(float)
    peer = Ridge(alpha * weights.sum(), solver="svd") if alpha else LinearRegression()
    peer.fit(X, y, sample_weight=weights)
    model = so.SketchedRegressor(solver=solver, tol="machine", alpha=alpha, random_state=0)
    model.fit(X, y, sample_weight=weights)
    assert model.solver_ == solver
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=0, atol=1e-11)
    assert model.intercept_ == pytest.approx(peer.intercept_, abs=1e-10)
    repeated = np.repeat(np.arange(3000), weights.astype(int))
    twice = clone(model).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(twice.coef_, model.coef_, rtol=0, atol=1e-11)
    np.testing.assert_allclose(model.predict(X), X @ model.coef_ + model.intercept_)
    if solver in ("csne", "lapack") and not alpha:
        np.testing.assert_allclose(twice.stderr_ * np.sqrt(repeated.size - 11), model.stderr_ * np.sqrt(
            np.count_nonzero(weights) - 11), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("solver", ["sketch_solve", *REFINING])
def test_targets_are_fitted_as_if_alone(solver):
    X, y = data()
    Y = np.column_stack([y, X[:, 0] ** 2, -y])
    options = dict(solver=solver, m=256, random_state=0, tol="machine")
    model = so.SketchedRegressor(**options).fit(X, Y)
    assert model.coef_.shape == model.coef_error_bound_.shape == model.stderr_.shape == (3, 10)
    assert model.sketch_confint().shape == (3, 10, 2) and model.predict_error_bound(X[:5]).shape == (5, 3)
    for k in range(3):
        alone = so.SketchedRegressor(**options).fit(X, Y[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_, rtol=0, atol=1e-11)
        assert model.intercept_[k] == pytest.approx(alone.intercept_, abs=1e-10)


@pytest.mark.parametrize("solver", ["sketch_solve", "heavy_ball", "spir", "csne"])
def test_every_kind_of_array_gives_the_same(solver, tmp_path):
    X, y = data(2000, 9)
    X = X.astype(np.float32).astype(np.float64)
    np.save(tmp_path / "x.npy", X)
    wide = np.zeros((2000, 18))
    wide[:, ::2] = X
    kinds = [np.asfortranarray(X), X.astype(np.float32), np.asfortranarray(X, dtype=np.float32), wide[:, ::2],
             np.load(tmp_path / "x.npy", mmap_mode="r"), X[::-1][::-1]]  # fmt: skip
    options = dict(solver=solver, m=256, random_state=0, tol="machine")
    expected = so.SketchedRegressor(**options).fit(X, y)
    for kind in kinds:
        model = so.SketchedRegressor(**options).fit(kind, y)
        np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-12)
        assert model.coef_.dtype == np.float64
    for threads in (1, 2):
        model = so.SketchedRegressor(**options, n_threads=threads).fit(X, y)
        if solver != "csne":  # whose products are BLAS's
            np.testing.assert_array_equal(model.coef_, expected.coef_)


def test_sparse_equals_dense():
    rng = np.random.default_rng(0)
    X = sparse.random(1 << 14, 120, density=0.03, format="csr", rng=rng)
    y = X @ rng.standard_normal(120) + rng.standard_normal(1 << 14)
    weights = rng.uniform(0.5, 2.0, 1 << 14)
    exact = LinearRegression().fit(X.toarray(), y, sample_weight=weights)
    for solver in ("auto", "spir", "heavy_ball", "csne", "lapack"):
        for kind in (X, X.tocsc(), sparse.csr_array(X)):
            model = so.SketchedRegressor(solver=solver, tol="machine", random_state=0)
            model.fit(kind, y, sample_weight=weights)
            np.testing.assert_allclose(model.coef_, exact.coef_, rtol=0, atol=1e-10)
    assert so.SketchedRegressor().fit(X, y).solver_ == "spir"
    with pytest.warns(UserWarning, match="no guarantee for single coefficients"):
        so.SketchedRegressor(solver="sketch_solve", sketch="countsketch", m=2048, random_state=0).fit(X, y)


def test_sparse_and_large():
    rng = np.random.default_rng(1)
    X = sparse.random(1 << 17, 500, density=0.01, format="csr", rng=rng)
    y = X @ np.ones(500) + rng.standard_normal(1 << 17)
    model = so.SketchedRegressor(fit_intercept=False, tol="machine", random_state=0).fit(X, y)
    G = (X.T @ X).toarray()
    np.testing.assert_allclose(model.coef_, np.linalg.solve(G, X.T @ y), rtol=0, atol=1e-10)


def test_intervals_cover_and_bounds_hold():
    X, y = data(6000, 12)
    exact = LinearRegression().fit(X, y)
    hits, points, kept = 0, X[:50], []
    for seed in range(40):
        model = so.SketchedRegressor(solver="sketch_solve", m=512, random_state=seed).fit(X, y)
        intervals = model.sketch_confint(alpha=0.05)
        hits += np.all((intervals[:, 0] <= exact.coef_) & (exact.coef_ <= intervals[:, 1]))
        assert np.all(np.abs(model.coef_ - exact.coef_) <= 1.5 * model.coef_error_bound_)
        error = np.abs(model.predict(points) - exact.predict(points))
        kept.append(error <= model.predict_error_bound(points))
        narrow = model.sketch_confint(alpha=0.05, simultaneous=False)
        assert np.all(np.diff(narrow) < np.diff(intervals))
    assert hits >= 33 and np.mean(kept) > 0.97
    refined = so.SketchedRegressor(solver="heavy_ball", random_state=0).fit(X, y)
    assert np.all(np.abs(refined.coef_ - exact.coef_) <= refined.coef_error_bound_)
    assert np.all(np.abs(refined.predict(X) - exact.predict(X)) <= refined.predict_error_bound(X))
    assert np.all(refined.coef_error_bound_ <= 0.05 * refined.stderr_)
    direct = so.SketchedRegressor(solver="csne").fit(X, y)
    assert np.all(np.diff(direct.sketch_confint()) < 1e-10) and direct.sketch_size_ == 0


def test_pickle_and_reproducibility():
    X, y = data()
    model = so.SketchedRegressor(solver="spir", random_state=3).fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    np.testing.assert_array_equal(clone(model).fit(X, y).coef_, model.coef_)
    assert len(pickle.dumps(model)) < X.nbytes / 10


@pytest.mark.parametrize("solver", ["spir", "heavy_ball", "fossils", "csne", "lapack", "auto"])
def test_dependent_columns_give_the_shortest_solution(solver):
    X, y = data()
    X[:, 3] = X[:, 1]  # twins
    X[:, 5] = 0.0
    X[:, 6] = 2.0  # the intercept in disguise
    with pytest.warns(LinAlgWarning, match="rank 8 of 11"):
        model = so.SketchedRegressor(solver=solver, tol="machine", random_state=0).fit(X, y)
    exact = LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=0, atol=1e-9)
    assert model.intercept_ == pytest.approx(exact.intercept_, abs=1e-8)
    assert model.rank_ == 8 and np.all(np.isinf(model.coef_error_bound_))


def test_a_column_of_zeros_alone():
    X, y = data()
    X[:, 2] = 0.0
    with pytest.warns(LinAlgWarning):
        model = so.SketchedRegressor(solver="spir", fit_intercept=False, random_state=0).fit(X, y)
    assert abs(model.coef_[2]) < 1e-12


def test_consistent_systems_and_constant_targets():
    X, _ = data()
    for solver in ("sketch_solve", *REFINING):
        model = so.SketchedRegressor(solver=solver, tol="machine", m=256, random_state=0).fit(X, np.full(3000, 4.0))
        np.testing.assert_allclose(model.coef_, 0.0, atol=1e-13)
        assert model.intercept_ == pytest.approx(4.0, rel=1e-12)
        exact = X @ np.arange(10.0)
        model.fit(X, exact)
        np.testing.assert_allclose(model.coef_, np.arange(10.0), atol=1e-11)
        if solver != "sketch_solve":
            assert np.all(np.abs(model.coef_ - np.arange(10.0)) <= model.coef_error_bound_)
        zero = so.SketchedRegressor(solver=solver, fit_intercept=False, m=256, random_state=0).fit(X, np.zeros(3000))
        np.testing.assert_array_equal(zero.coef_, 0.0)


def test_fewer_rows_than_columns():
    X, y = data(20, 40)
    with pytest.warns(LinAlgWarning, match="shortest"):
        model = so.SketchedRegressor(random_state=0).fit(X, y)
    np.testing.assert_allclose(model.coef_, LinearRegression().fit(X, y).coef_, atol=1e-10)
    assert model.solver_ == "lapack"


@pytest.mark.parametrize("solver", ["sketch_solve", "heavy_ball", "spir", "csne", "lapack"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found(solver, bad):
    X, y = data()
    X[1234, 5] = bad
    options = dict(solver=solver, m=256, random_state=0)
    with pytest.raises(ValueError, match="Input X contains"):
        so.SketchedRegressor(**options).fit(X, y)
    with pytest.raises(ValueError, match="Input X contains"):
        so.SketchedRegressor(**options).fit(sparse.csr_array(X), y)
    X, y = data()
    y[7] = bad
    with pytest.raises(ValueError, match="y contains"):
        so.SketchedRegressor(**options).fit(X, y)


def test_bad_data():
    X, y = data(300, 4)
    with pytest.raises(ValueError, match="sample_weight must be >= 0"):
        so.SketchedRegressor().fit(X, y, sample_weight=-np.ones(300))
    with pytest.raises(ValueError, match="omplex"):
        so.SketchedRegressor().fit(X + 0j, y)
    with pytest.raises(ValueError, match="omplex"):
        so.lstsq_sketched(X + 0j, y)
    with pytest.raises(ValueError, match="at least 7"):
        so.SketchedRegressor(m=6).fit(X, y)
    with pytest.raises(TypeError, match="fit_intercept"):
        so.SketchedRegressor(fit_intercept="yes").fit(X, y)
    with pytest.raises(ValueError, match="alpha"):
        so.SketchedRegressor().fit(X, y).sketch_confint(alpha=0.0)


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_extreme_units(size):
    X, y = data()
    model = so.SketchedRegressor(solver="spir", tol="machine", fit_intercept=False, random_state=0).fit(X * size, y)
    plain = so.SketchedRegressor(solver="spir", tol="machine", fit_intercept=False, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.coef_ * size, plain.coef_, rtol=1e-10)


def test_values_whose_sums_overflow_are_refused():
    X, y = data()
    with pytest.raises(ValueError, match="overflow"), np.errstate(over="ignore", invalid="ignore"):
        so.SketchedRegressor(solver="spir", random_state=0).fit(X * 1e307, y)
