"""Classic sparse Bayesian learning against dense formulas, and its input."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sbl_oracles import dense_posterior, nmse, random_factors, random_target
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ARDRegression

import sparseopt as so

UPDATES = ["em", "fast", "mackay", "mm"]


def make(n=40, p=60, seed=0, complex_=False, active=4, noise=0.05, targets=1):
    rng = np.random.default_rng(seed)
    X = random_factors(rng, [(n, p)], complex_)[0]
    w = np.zeros((p, targets), dtype=X.dtype)
    w[rng.choice(p, active, replace=False)] = random_target(rng, (active, targets), complex_) + 1.0
    Y = X @ w + noise * random_target(rng, (n, targets), complex_)
    return X, (Y[:, 0], w[:, 0]) if targets == 1 else (Y, w)


def quiet(model, *data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.ConvergenceWarning)
        return model.fit(*data, **options)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("n, p, targets", [(40, 60, 1), (60, 25, 1), (30, 50, 3)])
def test_coefficients_are_the_posterior_of_their_variances(update, complex_, n, p, targets):
    X, (y, _) = make(n, p, complex_=complex_, targets=targets)
    # learned from fewer rows than columns, the noise may end at its floor, where dense formulas lose their digits
    noise = 0.005 if n < p else None
    model = quiet(so.SBLRegressor(update=update, fit_intercept=False, noise_variance=noise), X, y)
    Y = y.reshape(n, -1).T
    mean, var, cost, _, _ = dense_posterior([X], [model.gamma_], model.noise_variance_, Y)
    np.testing.assert_allclose(model.coef_.reshape(mean.shape), mean, atol=1e-9 * np.abs(mean).max())
    np.testing.assert_allclose(model.coef_std_**2, var, rtol=1e-6, atol=1e-11 * model.gamma_.max())
    assert model.cost_path_[-1] == pytest.approx(cost, rel=1e-8)
    np.testing.assert_array_equal(model.support_, np.flatnonzero(model.gamma_))
    expected, std = model.predict(X, return_std=True)
    H, S = X * model.gamma_, model.noise_variance_ * np.eye(n) + (X * model.gamma_) @ X.conj().T
    covariance = np.diag(model.gamma_) - H.conj().T @ np.linalg.solve(S, H)
    spread = np.einsum("ij,jk,ik->i", X, covariance, X.conj()).real + model.noise_variance_
    np.testing.assert_allclose(std**2, spread, rtol=1e-6)
    np.testing.assert_allclose(expected, X @ model.coef_.T, atol=1e-10)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
def test_sparse_signals_are_found(update, complex_):
    X, (y, w) = make(complex_=complex_, noise=0.02)
    model = quiet(so.SBLRegressor(update=update, fit_intercept=False, noise_variance=4e-4 * (1 + complex_)), X, y)
    assert nmse(model.coef_, w) < 2e-3
    assert set(np.flatnonzero(w)) <= set(model.support_)


@pytest.mark.parametrize("update", ["em", "mm", "fast"])
@given(seed=st.integers(0, 10_000), known=st.booleans(), targets=st.integers(1, 3))
def test_the_cost_never_rises(update, seed, known, targets):
    rng = np.random.default_rng(seed)
    n, p = rng.integers(2, 20, size=2)
    X, (y, _) = make(n, p, seed, bool(seed % 2), active=1, noise=0.3, targets=targets)
    options = dict(noise_variance=0.1 if known else None, prune=0.0, fit_intercept=False, max_iter=60)
    path = quiet(so.SBLRegressor(update=update, **options), X, y).cost_path_
    assert np.diff(path).max(initial=0.0) <= 1e-9 * np.abs(path).max()


@pytest.mark.parametrize("update", UPDATES)
def test_the_certificate_is_the_gradient_at_the_end(update):
    X, (y, _) = make(noise=0.3)
    options = dict(noise_variance=0.1, tol=1e-9, max_iter=20_000, fit_intercept=False)
    model = quiet(so.SBLRegressor(update=update, **options), X, y)
    S = 0.1 * np.eye(40) + (X * model.gamma_) @ X.T
    b, q = X.T @ np.linalg.solve(S, y), np.einsum("ij,ij->j", X, np.linalg.solve(S, X))
    gradient = np.abs(model.gamma_ * (q - b**2)).max()
    assert model.violation_ == pytest.approx(gradient, rel=1e-6, abs=1e-9)
    assert gradient < (0.1 if update == "em" else 2e-3)


def test_all_updates_reach_costs_alike():
    X, (y, _) = make(noise=0.1)
    costs = {}
    for update in UPDATES:
        options = dict(noise_variance=0.01, tol=1e-8, max_iter=20_000, prune=1e-8, fit_intercept=False)
        costs[update] = quiet(so.SBLRegressor(update=update, **options), X, y).cost_path_[-1]
    assert max(costs.values()) - min(costs.values()) < 1.0, costs  # local minima differ a little


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("n, p", [(50, 80), (90, 30)])
def test_sparse_matrices_give_what_dense_ones_give(intercept, n, p):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) * (rng.uniform(size=(n, p)) < 0.2)
    y = X[:, :3] @ [1.0, -2.0, 3.0] + 5.0 * intercept + 0.1 * rng.standard_normal(n)
    dense = quiet(so.SBLRegressor(fit_intercept=intercept), X, y)
    for layout in (sparse.csc_matrix, sparse.csr_array):
        model = quiet(so.SBLRegressor(fit_intercept=intercept), layout(X), y)
        np.testing.assert_allclose(model.coef_, dense.coef_, atol=1e-10)
        np.testing.assert_allclose(model.predict(layout(X)), dense.predict(X), atol=1e-9)
        np.testing.assert_allclose(model.predict(layout(X), return_std=True)[1], dense.predict(X, True)[1], rtol=1e-6)


def test_intercept_is_centring():
    X, (y, _) = make()
    model = quiet(so.SBLRegressor(), X + 3.0, y + 7.0)
    centred = quiet(so.SBLRegressor(fit_intercept=False), X - X.mean(axis=0), y - y.mean())
    np.testing.assert_allclose(model.coef_, centred.coef_, atol=1e-8)
    assert model.intercept_ == pytest.approx(y.mean() + 7.0 - (X.mean(axis=0) + 3.0) @ model.coef_)


def test_integer_weights_repeat_rows():
    X, (y, _) = make(noise=0.2)
    weights = np.random.default_rng(1).integers(0, 4, 40)
    first = quiet(so.SBLRegressor(), X, y, sample_weight=weights)
    second = quiet(so.SBLRegressor(), np.repeat(X, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(first.coef_, second.coef_, atol=1e-7)
    assert first.noise_variance_ == pytest.approx(second.noise_variance_, rel=1e-6)
    assert first.cost_path_[-1] == pytest.approx(second.cost_path_[-1], rel=1e-6)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("scale", [1e-120, 1e-9, 1e9, 1e120])
def test_units_do_not_matter(update, scale):
    X, (y, _) = make(30, 20)
    units = 10.0 ** np.random.default_rng(0).integers(-6, 7, 20)
    plain = quiet(so.SBLRegressor(update=update), X, y)
    other = quiet(so.SBLRegressor(update=update), X * units, y * scale)
    np.testing.assert_allclose(other.coef_ * units / scale, plain.coef_, rtol=1e-5, atol=1e-8)


def test_snapshots_share_the_support():
    X, (Y, w) = make(15, 60, noise=0.3, targets=20)
    model = quiet(so.SBLRegressor(noise_variance=0.09, fit_intercept=False), X, Y)
    assert model.coef_.shape == (20, 60) and nmse(model.coef_, w.T) < 0.02
    one = quiet(so.SBLRegressor(noise_variance=0.09, fit_intercept=False), X, Y[:, 0])
    assert nmse(model.coef_[0], w[:, 0]) <= nmse(one.coef_, w[:, 0]) + 0.01


def test_many_columns_need_no_square_matrix():
    n, p = 30, 40_000
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((n, p)))
    y = X[:, 7] * 2.0 - X[:, 100]
    tracemalloc.start()
    quiet(so.SBLRegressor(max_iter=3), X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6 < 8 * p * p / 50  # X itself is 9.6 MB, a p x p matrix 12.8 GB


def test_many_rows_need_no_square_matrix():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 5))
    model = quiet(so.SBLRegressor(), X, X[:, 0] + 0.1 * rng.standard_normal(100_000))
    assert abs(model.coef_[0] - 1.0) < 1e-3 and model.noise_variance_ == pytest.approx(0.01, rel=0.02)


def test_real_data_as_well_as_scikit_learn():
    X, y = load_diabetes(return_X_y=True)
    ours, theirs = quiet(so.SBLRegressor(), X, y), ARDRegression().fit(X, y)
    assert ours.score(X, y) > theirs.score(X, y) - 0.01
    assert ours.noise_variance_ == pytest.approx(1 / theirs.alpha_, rel=0.02)


def test_complex_data():
    X, (y, w) = make(complex_=True)
    with pytest.raises(ValueError, match="Complex data not supported with an intercept: pass fit_intercept=False"):
        so.SBLRegressor().fit(X, y)
    model = quiet(so.SBLRegressor(fit_intercept=False), X, y)
    assert nmse(model.coef_, w) < 0.01
    mixed = quiet(so.SBLRegressor(fit_intercept=False), X.real, y)
    assert mixed.coef_.dtype == complex
    with pytest.raises(ValueError, match="60 features"):
        model.predict(X[:, :59])
    with pytest.raises(ValueError, match="X contains NaN"):
        so.SBLRegressor(fit_intercept=False).fit(np.where(X == X[0, 0], np.nan, X), y)
    with pytest.raises(ValueError, match=r"y must have shape \(40,\)"):
        so.SBLRegressor(fit_intercept=False).fit(X, y[:39])


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize(
    "kind", ["zero y", "constant y", "zero column", "constant column", "equal columns", "one row", "no noise"]
)
def test_degenerate_data(update, kind):
    X, (y, _) = make(20, 10, noise=0.1)
    if kind == "zero y":
        y = np.zeros(20)
    elif kind == "constant y":
        y = np.full(20, 3.0)
    elif kind == "zero column":
        X[:, 2] = 0.0
    elif kind == "constant column":
        X[:, 2] = 0.1
    elif kind == "equal columns":
        X[:, 2] = X[:, 3]
    elif kind == "one row":
        X, y = X[:1], y[:1]
    else:
        y = X[:, 1] * 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", so.ConvergenceWarning)
        model = so.SBLRegressor(update=update).fit(X, y)
        mean, std = model.predict(X, return_std=True)
    assert np.all(np.isfinite(mean)) and np.all(std > 0) and model.noise_variance_ > 0
    if kind in ("zero y", "constant y"):
        np.testing.assert_allclose(mean, y, atol=1e-12)
    if kind in ("zero column", "constant column"):
        assert 2 not in model.support_
    if kind == "no noise":
        np.testing.assert_allclose(mean, y, atol=1e-3)


@pytest.mark.parametrize(
    "name, value, error",
    [
        *[("noise_variance", v, ValueError) for v in (0, -1.0, float("nan"))], ("noise_variance", "a", TypeError),
        ("update", "newton", ValueError), ("update", None, ValueError), ("max_iter", 0, ValueError),
        ("max_iter", 1.5, TypeError), ("tol", -1.0, ValueError), ("prune", 1.0, ValueError), ("prune", None, TypeError),
        ("fit_intercept", 1, TypeError), ("noise_floor", 0.0, ValueError), ("verbose", -1, ValueError),
    ],
)  # fmt: skip
def test_bad_parameters(name, value, error):
    with pytest.raises(error, match=name):
        so.SBLRegressor(**{name: value}).fit(np.full((3, 2), np.nan), np.ones(3))


def test_not_converged_is_said():
    X, (y, _) = make()
    with pytest.warns(so.ConvergenceWarning, match="max_iter=2 iterations"):
        model = so.SBLRegressor(max_iter=2).fit(X, y)
    assert not model.converged_ and model.n_iter_ == 2


def test_pickles_carry_no_data_and_input_is_left_alone():
    X, (y, _) = make(300, 80, noise=1.0)
    X.flags.writeable = y.flags.writeable = False
    before = X.copy()
    model = quiet(so.SBLRegressor(prune=1e-2), X, y)
    np.testing.assert_array_equal(X, before)
    assert len(pickle.dumps(model)) < X.nbytes / 3
    single = quiet(so.SBLRegressor(prune=1e-2), X.astype(np.float32), y)
    assert single.coef_.dtype == np.float64
    np.testing.assert_allclose(single.coef_, model.coef_, atol=1e-3)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_steps_with_columns_at_hand_are_those_with_columns_from_blocks(monkeypatch, kind):
    rng = np.random.default_rng(3)
    X, coef = rng.standard_normal((30, 50)), np.zeros(50)
    coef[::10] = 1.0
    if kind == "complex":
        X = X + 1j * rng.standard_normal(X.shape)
    y = X @ coef + 0.1 * rng.standard_normal(30)
    model = so.SBLRegressor(update="fast", noise_variance=0.01, fit_intercept=False)
    expected = model.fit(X, y).coef_
    monkeypatch.setattr("sparseopt.solvers.sbl.fast.ENTRIES", 0)
    np.testing.assert_allclose(model.fit(X, y).coef_, expected, rtol=1e-8, atol=1e-10)
    assert np.count_nonzero(expected) < 20


def test_noise_that_cannot_be_told_from_coefficients_is_said():
    """The evidence of as many columns as samples, without noise, is larger than that of the truth."""
    rng = np.random.default_rng(0)
    X, coef = rng.standard_normal((40, 120)), np.zeros(120)
    coef[:16] = rng.standard_normal(16)
    noise = 0.2 * rng.standard_normal(40)
    message = "set noise_variance, or use more samples or fewer features"
    with pytest.warns(UserWarning, match=message):
        model = so.SBLRegressor(update="fast", fit_intercept=False).fit(X, X @ coef + noise)
    true = 0.04 * np.eye(40) + (X * coef**2) @ X.T
    y = X @ coef + noise
    assert model.noise_variance_ < 0.01 * 0.04
    assert model.cost_path_[-1] < np.linalg.slogdet(true)[1] + y @ np.linalg.solve(true, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        so.SBLRegressor(noise_variance=0.04, fit_intercept=False).fit(X, y)
        so.SBLRegressor().fit(X[:, :5], X[:, 0] + noise)
