"""Degenerate and extreme data: the right answer, or one clear error."""

import numpy as np
import pytest
from estimator_oracles import (
    CROSS_VALIDATED,
    EVERY,
    SINGLE,
    alpha_max,
    assert_same_coefficients,
    make_data,
    null_objective,
    objective_and_gap,
    sklearn_fit,
)
from scipy import sparse

import sparseopt as so

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning", "error::RuntimeWarning")

TIGHT = {"tol": 1e-12, "max_iter": 1000, "n_threads": 1}
LAYOUTS = {"fortran": np.asfortranarray, "c_order": np.ascontiguousarray, "csc": sparse.csc_matrix}


@pytest.fixture(params=sorted(EVERY))
def name(request):
    return request.param


@pytest.fixture(params=sorted(LAYOUTS))
def layout(request):
    return LAYOUTS[request.param]


def quick(name, **parameters):
    return EVERY[name](**({"n_alphas": 10} if name in CROSS_VALIDATED else {"alpha": 0.1}), **parameters)


def assert_finite(model, X):
    for value in (model.coef_, model.intercept_, model.dual_gap_, model.objective_, model.predict(X)):
        assert np.all(np.isfinite(value))


# --- few rows, few columns


@pytest.mark.parametrize("kind", sorted(SINGLE))
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("p", [1, 2, 50])
def test_one_row(kind, layout, fit_intercept, p):
    X, y = make_data(1, 50, seed=2)
    X = X[:, :p]
    model = SINGLE[kind](0.1, fit_intercept=fit_intercept, **TIGHT).fit(layout(X), y)
    assert_finite(model, X)
    if fit_intercept:
        assert not model.coef_.any() and model.intercept_ == y[0] and model.dual_gap_ == 0.0
    else:
        rho = 1.0 if kind == "lasso" else 0.5
        reference = sklearn_fit(X, y, 0.1, rho, fit_intercept=False)
        assert model.predict(X) == pytest.approx(reference.predict(X), rel=1e-9)


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
@pytest.mark.parametrize("n", [1, 2, 4])
def test_cross_validation_with_fewer_rows_than_folds(kind, n):
    X, y = make_data(n, 20)
    with pytest.raises(ValueError, match=rf"cv.*{n}"):
        CROSS_VALIDATED[kind]().fit(X, y)


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
def test_cross_validation_with_two_rows(kind, layout):
    """Training sets of one row: all the coefficients are zero, every alpha errs alike."""
    X, y = make_data(2, 20)
    model = CROSS_VALIDATED[kind](cv=2, n_alphas=5).fit(layout(X), y)
    assert_finite(model, X)
    np.testing.assert_allclose(model.mse_path_, (y[0] - y[1]) ** 2, rtol=1e-9)


def test_one_column(name, layout):
    X, y = make_data(60, 20)
    X = X[:, :1]
    model = quick(name, **TIGHT).fit(layout(X), y)
    assert model.coef_.shape == (1,)
    if name in SINGLE:
        reference = sklearn_fit(X, y, 0.1, 1.0 if name == "lasso" else 0.5)
        assert_same_coefficients(model, reference.coef_, reference.intercept_)


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_two_rows_and_many_columns(kind, layout):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2, 200_000)) * (rng.random((2, 200_000)) < 0.5)
    y = np.array([1.0, -2.0])
    rho = 1.0 if kind == "lasso" else 0.5
    alpha = 0.1 * alpha_max(X, y)
    model = SINGLE[kind](alpha, tol=1e-10).fit(layout(X), y)
    _, gap = objective_and_gap(X, y, model.coef_, model.intercept_, alpha, rho)
    assert abs(gap) <= 1.01e-10 * null_objective(y)
    assert_finite(model, X)


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
def test_cross_validation_with_many_columns(kind):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4, 50_000)), rng.standard_normal(4)
    assert_finite(CROSS_VALIDATED[kind](cv=2, n_alphas=20).fit(X, y), X)


# --- columns that say nothing, or the same thing twice


@pytest.mark.parametrize("value", [0.0, 1.0, -7.5, 1e10, 0.1, 1e-10, 1 / 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_constant_columns(name, layout, value, dtype):
    X, y = make_data(60, 20)
    X = X.astype(dtype).astype(np.float64)
    before = quick(name, **TIGHT).fit(layout(X.astype(dtype)), y)
    X[:, [0, 7, 19]] = value
    model = quick(name, **TIGHT).fit(layout(X.astype(dtype)), y)
    assert not model.coef_[[0, 7, 19]].any()
    rest = np.setdiff1d(np.arange(20), [0, 7, 19])
    reference = quick(name, **TIGHT).fit(layout(X[:, rest].astype(dtype)), y)
    np.testing.assert_allclose(model.coef_[rest], reference.coef_, atol=1e-8)
    assert np.any(model.coef_ != before.coef_)
    assert_finite(model, X)


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_constant_columns_without_intercept_are_ordinary(kind, layout):
    X, y = make_data(60, 20)
    X[:, 3], X[:, 4] = 2.0, 0.0
    model = SINGLE[kind](0.1, fit_intercept=False, **TIGHT).fit(layout(X), y)
    reference = sklearn_fit(X, y, 0.1, 1.0 if kind == "lasso" else 0.5, fit_intercept=False)
    assert_same_coefficients(model, reference.coef_)
    assert model.coef_[3] != 0.0 and model.coef_[4] == 0.0


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1])
def test_all_columns_constant(name, layout, value):
    X, y = np.full((60, 8), value), make_data()[1]
    model = quick(name).fit(layout(X), y)
    assert not model.coef_.any()
    assert model.intercept_ == pytest.approx(y.mean()) and model.dual_gap_ == pytest.approx(0.0, abs=1e-12)
    assert_finite(model, X)
    if name in CROSS_VALIDATED:
        assert np.all(np.isfinite(model.alphas_)) and np.all(model.alphas_ > 0.0) and model.mse_path_.std() >= 0.0


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_constant_column_under_weights(kind, layout):
    """Constant on the rows that count, wild on the others."""
    X, y = make_data(60, 20)
    X[:30, 4] = 0.3
    s = np.r_[np.ones(30), np.zeros(30)]
    model = SINGLE[kind](0.1, **TIGHT).fit(layout(X), y, sample_weight=s)
    reference = SINGLE[kind](0.1, **TIGHT).fit(layout(X[:30]), y[:30])
    assert model.coef_[4] == 0.0
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-8)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("positive", [True, False])
def test_duplicated_columns(name, layout, sign, positive):
    """The lasso may share a coefficient between copies as it likes; what it predicts is unique."""
    X, y = make_data(60, 20)
    twice = np.hstack([X, sign * X])
    if positive and sign < 0:
        return self_opposite(name, layout, X, twice, y)
    model = quick(name, positive=positive, **TIGHT).fit(layout(twice), y)
    assert_finite(model, twice)
    if name == "lasso":
        single = quick(name, positive=positive, **TIGHT).fit(layout(X), y)
        np.testing.assert_allclose(model.predict(twice), single.predict(X), rtol=1e-6, atol=1e-6)
        assert model.objective_ == pytest.approx(single.objective_, rel=1e-10)
    elif name == "elastic_net":
        np.testing.assert_allclose(model.coef_[:20], sign * model.coef_[20:], atol=1e-7)


def self_opposite(name, layout, X, twice, y):
    """A positive fit on (X, -X) is a free fit on X."""
    if name == "lasso":
        model = quick(name, positive=True, **TIGHT).fit(layout(twice), y)
        free = quick(name, **TIGHT).fit(layout(X), y)
        np.testing.assert_allclose(model.coef_[:20] - model.coef_[20:], free.coef_, atol=1e-7)
    else:
        assert_finite(quick(name, positive=True, **TIGHT).fit(layout(twice), y), twice)


def test_every_column_the_same(name, layout):
    X, y = make_data(60, 20)
    X = np.repeat(X[:, :1], 30, axis=1)
    model = quick(name, **TIGHT).fit(layout(X), y)
    assert_finite(model, X)
    if name == "lasso":
        one = quick(name, **TIGHT).fit(layout(X[:, :1]), y)
        assert model.coef_.sum() == pytest.approx(one.coef_[0], rel=1e-8)


@pytest.mark.parametrize("kind", sorted(SINGLE))
@pytest.mark.parametrize("alpha", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize("spread, tol", [(1e-5, 1e-9), (1e-7, 1e-7)])
def test_nearly_equal_columns(kind, layout, alpha, spread, tol):
    """Gram matrices of condition 1e10 and 1e14."""
    X, y = make_data(60, 20)
    X = np.hstack([X, X + spread * np.random.default_rng(0).standard_normal(X.shape)])
    model = SINGLE[kind](alpha, tol=tol, max_iter=1000).fit(layout(X), y)
    _, gap = objective_and_gap(X, y, model.coef_, model.intercept_, alpha, 1.0 if kind == "lasso" else 0.5)
    assert gap <= 1.01 * tol * null_objective(y) and np.abs(model.coef_).max() < 1e3


def test_low_rank(name, layout):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40))
    y = X[:, 0] + rng.standard_normal(60)
    assert_finite(quick(name, tol=1e-9).fit(layout(X), y), X)


# --- targets


@pytest.mark.parametrize("value", [0.0, 5.0, -1e10, 0.1, 1e-12])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_constant_target(name, layout, value, fit_intercept):
    X, _ = make_data()
    model = quick(name, fit_intercept=fit_intercept).fit(layout(X), np.full(60, value))
    assert_finite(model, X)
    if fit_intercept or value == 0.0:
        assert not model.coef_.any()
        assert model.intercept_ == pytest.approx(value)
        assert model.dual_gap_ == pytest.approx(0.0, abs=1e-20 + 1e-25 * value**2)


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e100, 1e150])
def test_scale_of_the_target(name, layout, scale):
    """Scaling y and alpha scales the coefficients."""
    X, y = make_data()
    if name in CROSS_VALIDATED:
        one, other = quick(name, **TIGHT), quick(name, **TIGHT)
    else:
        one, other = SINGLE[name](0.1, **TIGHT), SINGLE[name](0.1 * scale, **TIGHT)
        if name == "elastic_net":  # its ridge part does not scale with y
            one, other = (SINGLE[name](a, l1_ratio=1.0, **TIGHT) for a in (0.1, 0.1 * scale))
    one.fit(layout(X), y)
    other.fit(layout(X), scale * y)
    if name == "elastic_net_cv":
        assert_finite(other, X)
    else:
        np.testing.assert_allclose(other.coef_ / scale, one.coef_, atol=1e-7)
        assert other.intercept_ / scale == pytest.approx(one.intercept_, rel=1e-6)


@pytest.mark.parametrize("scale", [1e200, 1e308])
def test_target_whose_square_overflows(name, layout, scale):
    X, y = make_data()
    with pytest.raises(ValueError, match=r"\by\b.*(large|overflow)"):
        quick(name).fit(layout(X), scale * (y / np.abs(y).max()))


# --- scales of X


@pytest.mark.parametrize("scale", [1e150, 1e-150, 1e100, 1e-100, 1e30, 1e-30])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_scale_of_X(layout, scale, fit_intercept):
    """A lasso on c X at c alpha has the coefficients of X at alpha, over c."""
    X, y = make_data()
    one = so.Lasso(0.1, fit_intercept=fit_intercept, **TIGHT).fit(layout(X), y)
    other = so.Lasso(0.1 * scale, fit_intercept=fit_intercept, **TIGHT).fit(layout(scale * X), y)
    np.testing.assert_allclose(other.coef_ * scale, one.coef_, atol=1e-7)
    assert other.objective_ == pytest.approx(one.objective_, rel=1e-9)
    assert other.dual_gap_ <= 1.01e-12 * null_objective(y, None, fit_intercept)
    np.testing.assert_allclose(other.predict(scale * X), one.predict(X), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_scale_of_X_in_cross_validation(layout, scale):
    X, y = make_data()
    one, other = (so.LassoCV(n_alphas=8, **TIGHT).fit(layout(c * X), y) for c in (1.0, scale))
    np.testing.assert_allclose(other.alphas_ / scale, one.alphas_, rtol=1e-9)
    np.testing.assert_allclose(other.mse_path_, one.mse_path_, rtol=1e-6)
    np.testing.assert_allclose(other.coef_ * scale, one.coef_, atol=1e-7)


@pytest.mark.parametrize("scale", [1e18, 1e-18, 1e-30])
def test_scale_of_float32(layout, scale):
    X, y = make_data()
    X = X.astype(np.float32)
    scaled = (X * np.float32(scale)).astype(np.float32)
    one = so.Lasso(0.1, **TIGHT).fit(layout(X), y)
    other = so.Lasso(0.1 * scale, **TIGHT).fit(layout(scaled), y)
    np.testing.assert_allclose(other.coef_ * scale, one.coef_, atol=1e-4)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_columns_of_very_different_scales(layout, scale):
    """Penalty weights of the same scales undo them: the problem is the plain one."""
    X, y = make_data()
    omega = np.ones(90)
    omega[::3] = scale
    one = so.Lasso(0.1, **TIGHT).fit(layout(X), y)
    other = so.Lasso(0.1, weights=omega, **TIGHT).fit(layout(X * omega), y)
    np.testing.assert_allclose(other.coef_ * omega, one.coef_, atol=1e-7)


def test_one_huge_column_among_ordinary_ones(layout):
    """Its coefficient costs nothing, so it is fitted by least squares; its constraint is below rounding."""
    X, y = make_data(100, 20)
    X[:, 4] *= 1e150
    with pytest.warns(so.ConvergenceWarning, match="double precision"):
        model = so.Lasso(0.1, **TIGHT).fit(layout(X), y)
    x = X[:, 4] / 1e150
    Z = np.column_stack([x, np.ones(100)])
    Q, _ = np.linalg.qr(Z)
    rest = np.delete(X, 4, axis=1)
    reference = sklearn_fit(rest - Q @ (Q.T @ rest), y - Q @ (Q.T @ y), 0.1, fit_intercept=False)
    np.testing.assert_allclose(np.delete(model.coef_, 4), reference.coef_, atol=1e-6)
    assert model.coef_[4] != 0.0
    assert_finite(model, X)


def test_one_tiny_column_among_ordinary_ones(layout):
    X, y = make_data(100, 20)
    rest = so.Lasso(0.1, **TIGHT).fit(layout(np.delete(X, 4, axis=1)), y)
    X[:, 4] *= 1e-150
    model = so.Lasso(0.1, **TIGHT).fit(layout(X), y)
    assert model.coef_[4] == 0.0
    np.testing.assert_allclose(np.delete(model.coef_, 4), rest.coef_, atol=1e-8)


@pytest.mark.parametrize("scale, word", [(1e200, "large"), (1e300, "large"), (1e-200, "small"), (1e-300, "small")])
@pytest.mark.parametrize("column", [0, 44, 89])
def test_columns_beyond_the_range_of_squares(name, layout, scale, word, column):
    X, y = make_data()
    X[:, column] *= scale
    with pytest.raises(ValueError, match=rf"column {column} of X is too {word}") as caught:
        quick(name).fit(layout(X), y)
    assert "rescale" in str(caught.value) and "\n" not in str(caught.value)


def test_largest_and_smallest_numbers(name, layout):
    for value in (np.finfo(float).max, 5e-324):
        X, y = make_data()
        X[::2, 3], X[1::2, 3] = value, -value
        with pytest.raises(ValueError, match="too (large|small).*column 3|column 3 of X is too"):
            quick(name).fit(layout(X), y)


# --- far from the origin, where centring cancels digits


@pytest.mark.parametrize("shift, tol", [(1e3, 1e-8), (1e6, 1e-8), (1e8, 1e-6)])
@pytest.mark.parametrize("arrange", [np.asfortranarray, np.ascontiguousarray], ids=["fortran", "c_order"])
def test_columns_far_from_the_origin(arrange, shift, tol):
    X, y = make_data(60, 20)
    moved = X + shift
    back = moved - shift  # the digits that survive the shift
    model = so.Lasso(0.1, tol=tol).fit(arrange(moved), y)
    reference = so.Lasso(0.1, tol=1e-12).fit(back, y)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-3 if shift == 1e8 else 1e-5)
    assert model.dual_gap_ <= tol * null_objective(y)


def test_sparse_columns_far_from_the_origin():
    """Centring stays implicit, so digits cancel: a shift of 1e3 costs none that matter, one of 1e6 is told."""
    X, y = make_data(60, 20)
    reference = so.Lasso(0.1, tol=1e-12).fit(X, y)
    model = so.Lasso(0.1, tol=1e-8).fit(sparse.csc_array(X + 1e3), y)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-5)
    with pytest.warns(so.ConvergenceWarning, match="double precision"):
        so.Lasso(0.1, tol=1e-8).fit(sparse.csc_array(X + 1e6), y)


# --- alphas


@pytest.mark.parametrize("factor", [1.0 + 1e-9, 10.0, 1e10, 1e100, 1e300])
@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_alpha_above_the_largest(kind, layout, factor):
    X, y = make_data()
    alpha = factor * alpha_max(X, y) / (1.0 if kind == "lasso" else 0.5)
    model = SINGLE[kind](alpha).fit(layout(X), y)
    assert not model.coef_.any() and model.support_.size == 0
    assert model.intercept_ == pytest.approx(y.mean())
    assert model.dual_gap_ == pytest.approx(0.0, abs=1e-12)
    assert model.objective_ == pytest.approx(null_objective(y))
    assert model.sparse_coef_.nnz == 0 and model.predict(X) == pytest.approx(y.mean())


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_alpha_just_below_the_largest(kind, layout):
    X, y = make_data()
    alpha = (1.0 - 1e-6) * alpha_max(X, y) / (1.0 if kind == "lasso" else 0.5)
    assert SINGLE[kind](alpha, tol=1e-15, max_iter=50).fit(layout(X), y).support_.size == 1


@pytest.mark.parametrize("fraction", [1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_alpha_far_below_the_largest_with_more_rows(kind, layout, fraction):
    X, y = make_data(100, 30)
    alpha = fraction * alpha_max(X, y)
    model = SINGLE[kind](alpha).fit(layout(X), y)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(100)]), y, rcond=None)[0]
    np.testing.assert_allclose(model.coef_, solution[:-1], atol=max(1e-2 * fraction**0.5, 1e-2))
    assert model.dual_gap_ <= 1e-6 * null_objective(y)


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_alpha_below_rounding_is_solved_but_not_certified(kind, layout):
    """No multiple of a computed residual is dual feasible at 1e-100: the fit says so, and is least squares."""
    X, y = make_data(100, 30)
    with pytest.warns(so.ConvergenceWarning, match="double precision"):
        model = SINGLE[kind](1e-100 * alpha_max(X, y)).fit(layout(X), y)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(100)]), y, rcond=None)[0]
    np.testing.assert_allclose(model.coef_, solution[:-1], rtol=1e-8)


@pytest.mark.parametrize("fraction", [1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("kind", sorted(SINGLE))
@pytest.mark.parametrize("shape", [(40, 200), (20, 20), (30, 31)])
def test_alpha_far_below_the_largest_with_more_columns(kind, layout, fraction, shape):
    """Interpolation: the gap is small only because the whole objective is."""
    X, y = make_data(*shape)
    alpha = fraction * alpha_max(X, y)
    model = SINGLE[kind](alpha).fit(layout(X), y)
    _, gap = objective_and_gap(X, y, model.coef_, model.intercept_, alpha, 1.0 if kind == "lasso" else 0.5)
    assert model.dual_gap_ <= 1e-6 * null_objective(y)
    assert gap == pytest.approx(model.dual_gap_, rel=1e-3, abs=1e-12 * null_objective(y))
    assert_finite(model, X)


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
@pytest.mark.parametrize("eps", [1e-6, 1e-12])
def test_grids_that_reach_far_down(kind, eps):
    X, y = make_data(40, 60)
    model = CROSS_VALIDATED[kind](eps=eps, n_alphas=15, max_iter=500).fit(X, y)
    assert np.all(np.isfinite(model.mse_path_))
    assert_finite(model, X)


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
def test_grids_above_the_largest_alpha(kind):
    X, y = make_data()
    model = CROSS_VALIDATED[kind](alphas=[1e300, 1e10, 1e6]).fit(X, y)
    assert not model.coef_.any() and model.alpha_ == 1e300
    assert model.mse_path_.shape == (3, 5)


@pytest.mark.parametrize("tol", [0, 1e-300, 1e-17])
def test_tolerances_below_rounding_end(name, layout, tol):
    """A tolerance nothing can reach is taken as that of rounding; the fit neither hangs nor complains."""
    X, y = make_data()
    model = quick(name, tol=tol, n_threads=1).fit(layout(X), y)
    assert model.dual_gap_ <= 1e-12 * null_objective(y)


def test_tolerance_above_one(name):
    X, y = make_data()
    assert_finite(quick(name, tol=10.0).fit(X, y), X)
