"""Coefficients equal scikit-learn's, and certificates equal those recomputed in plain numpy."""

import numpy as np
import pytest
from estimator_oracles import (
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

TIGHT = {"tol": 1e-12, "max_iter": 1000}


def wide_indices(X):
    X = sparse.csc_matrix(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


LAYOUTS = {
    "fortran": np.asfortranarray,
    "c_order": np.ascontiguousarray,
    "list": lambda X: X.tolist(),
    "csc": sparse.csc_matrix,
    "csc_array": sparse.csc_array,
    "csr": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "coo": sparse.coo_matrix,
    "coo_array": sparse.coo_array,
    "lil": sparse.lil_matrix,
    "dok": sparse.dok_matrix,
    "bsr": sparse.bsr_matrix,
    "dia": sparse.dia_matrix,
    "csc_64": wide_indices,
}
SHAPES = {"tall": (120, 40), "wide": (50, 120)}


def check_certificate(model, X, y, **problem):
    """The reported objective and gap are those of (coef_, intercept_), and the gap is within tol."""
    objective, gap = objective_and_gap(X, y, model.coef_, model.intercept_, **problem)
    weights, intercept = problem.get("sample_weight"), problem.get("fit_intercept", True)
    null = null_objective(y, weights, intercept)
    assert model.objective_ == pytest.approx(objective, rel=1e-9, abs=1e-12 * null)
    assert gap <= max(model.tol, 1e-12) * null * 1.01
    assert model.dual_gap_ == pytest.approx(gap, rel=1e-6, abs=1e-12 * null)


def both(alpha, l1_ratio, **parameters):
    """Our estimator for this mixture: `Lasso` for the pure one."""
    if l1_ratio == 1.0:
        return so.Lasso(alpha, **parameters)
    return so.ElasticNet(alpha, l1_ratio=l1_ratio, **parameters)


@pytest.fixture(params=[1.0, 0.5, 0.05], ids=lambda rho: f"l1_ratio={rho}")
def l1_ratio(request):
    return request.param


@pytest.fixture(params=sorted(SHAPES))
def shape(request):
    return SHAPES[request.param]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, l1_ratio):
    X, y = make_data(50, 120, density=0.3)
    alpha = 0.1 * alpha_max(X, y)
    model = both(alpha, l1_ratio, **TIGHT).fit(LAYOUTS[layout](X), y)
    reference = sklearn_fit(X, y, alpha, l1_ratio)
    assert_same_coefficients(model, reference.coef_, reference.intercept_)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=l1_ratio)


@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("positive", [True, False])
def test_levels_of_the_penalty(shape, l1_ratio, fraction, fit_intercept, positive):
    X, y = make_data(*shape, seed=3)
    alpha = fraction * alpha_max(X, y, fit_intercept=fit_intercept, positive=positive)
    options = dict(fit_intercept=fit_intercept, positive=positive)
    model = both(alpha, l1_ratio, **options, **TIGHT).fit(X, y)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=l1_ratio, **options)
    reference = sklearn_fit(X, y, alpha, l1_ratio, **options)
    ours, theirs = (
        objective_and_gap(X, y, m.coef_, m.intercept_, alpha, l1_ratio, **options) for m in (model, reference)
    )
    assert ours[0] <= theirs[0] * (1 + 1e-13), "scikit-learn found a smaller objective"
    # a reference is worth only what its own certificate says
    if theirs[1] <= 1e-13 * null_objective(y, None, fit_intercept):
        assert_same_coefficients(model, reference.coef_, reference.intercept_)
    else:
        assert_same_coefficients(model, reference.coef_, reference.intercept_, rtol=1e-5)
    if positive:
        assert model.coef_.min() >= 0.0


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc", "csr"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sample_weights(layout, l1_ratio, fit_intercept):
    X, y = make_data(70, 90, density=0.4, seed=5)
    s = np.random.default_rng(0).uniform(0.1, 5.0, 70)
    alpha = 0.05 * alpha_max(X, y, s, fit_intercept)
    model = both(alpha, l1_ratio, fit_intercept=fit_intercept, **TIGHT).fit(LAYOUTS[layout](X), y, sample_weight=s)
    reference = sklearn_fit(X, y, alpha, l1_ratio, sample_weight=s, fit_intercept=fit_intercept)
    assert_same_coefficients(model, reference.coef_, reference.intercept_)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=l1_ratio, sample_weight=s, fit_intercept=fit_intercept)


@pytest.mark.parametrize("layout", ["fortran", "csc"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_targets_are_fitted_one_by_one(layout, l1_ratio, fit_intercept):
    X, Y = make_data(60, 90, n_targets=3, density=0.5)
    alpha = 0.1 * alpha_max(X, Y[:, 0], fit_intercept=fit_intercept)
    model = both(alpha, l1_ratio, fit_intercept=fit_intercept, **TIGHT).fit(LAYOUTS[layout](X), Y)
    reference = sklearn_fit(X, Y, alpha, l1_ratio, fit_intercept=fit_intercept)
    assert model.coef_.shape == (3, 90)
    assert np.shape(model.intercept_) == (3,) and np.shape(model.dual_gap_) == (3,) and len(model.n_iter_) == 3
    assert_same_coefficients(model, reference.coef_, reference.intercept_)
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), model.coef_)
    assert model.predict(X).shape == (60, 3)
    for k in range(3):
        single = both(alpha, l1_ratio, fit_intercept=fit_intercept, **TIGHT).fit(LAYOUTS[layout](X), Y[:, k])
        np.testing.assert_array_equal(model.coef_[k], single.coef_)
        _, gap = objective_and_gap(
            X, Y[:, k], model.coef_[k], model.intercept_[k], alpha, l1_ratio, fit_intercept=fit_intercept
        )
        assert model.dual_gap_[k] == pytest.approx(gap, abs=1e-12 * null_objective(Y[:, k], None, fit_intercept))


def test_one_target_as_a_column():
    """Like scikit-learn: predictions keep the two dimensions of y, whatever the shape of coef_."""
    X, y = make_data()
    model = so.Lasso(0.1, **TIGHT).fit(X, y[:, None])
    reference = sklearn_fit(X, y[:, None], 0.1)
    np.testing.assert_allclose(np.ravel(model.coef_), np.ravel(reference.coef_), atol=1e-8)
    assert model.coef_.shape == reference.coef_.shape
    assert np.shape(model.intercept_) == np.shape(reference.intercept_)
    assert model.predict(X).shape == reference.predict(X).shape
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=1e-7)


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc", "csr"])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("weighted_rows", [True, False])
def test_penalty_weights_are_scaled_columns(layout, positive, weighted_rows):
    X, y = make_data(60, 90, density=0.5)
    omega = np.random.default_rng(1).uniform(0.2, 4.0, 90)
    s = np.random.default_rng(2).uniform(0.5, 2.0, 60) if weighted_rows else None
    alpha = 0.05 * alpha_max(X / omega, y, s)
    options = dict(positive=positive)
    model = so.Lasso(alpha, weights=omega, **options, **TIGHT).fit(LAYOUTS[layout](X), y, sample_weight=s)
    reference = sklearn_fit(X / omega, y, alpha, sample_weight=s, **options)
    assert_same_coefficients(model, reference.coef_ / omega, reference.intercept_)
    check_certificate(model, X, y, alpha=alpha, weights=omega, sample_weight=s, **options)


@pytest.mark.parametrize("layout", ["fortran", "csc"])
def test_penalty_weights_of_the_elastic_net(layout):
    """The ridge part as extra rows of the centred problem makes it a lasso, whose columns can be scaled."""
    X, y = make_data(60, 90, density=0.5)
    omega = np.random.default_rng(1).uniform(0.2, 4.0, 90)
    alpha, rho = 0.2, 0.6
    model = so.ElasticNet(alpha, l1_ratio=rho, weights=omega, **TIGHT).fit(LAYOUTS[layout](X), y)
    tall = np.vstack([X - X.mean(axis=0), np.sqrt(60 * alpha * (1 - rho)) * np.eye(90)])
    target = np.concatenate([y - y.mean(), np.zeros(90)])
    reference = sklearn_fit(tall / omega, target, alpha * rho * 60 / 150, fit_intercept=False)
    assert_same_coefficients(model, reference.coef_ / omega)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=rho, weights=omega)


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.2, 100.0])
def test_unpenalised_features(layout, fit_intercept, alpha):
    """Regressing the unpenalised columns out of everything leaves an ordinary lasso."""
    X, y = make_data(60, 90, density=0.5)
    omega = np.ones(90)
    omega[[3, 40, 77]] = 0.0
    model = so.Lasso(alpha, weights=omega, fit_intercept=fit_intercept, **TIGHT).fit(LAYOUTS[layout](X), y)
    Z = np.column_stack([X[:, omega == 0], np.ones(60)]) if fit_intercept else X[:, omega == 0]
    Q, _ = np.linalg.qr(Z)
    rest, target = (A - Q @ (Q.T @ A) for A in (X[:, omega > 0], y))
    reference = sklearn_fit(rest, target, alpha, fit_intercept=False)
    np.testing.assert_allclose(model.coef_[omega > 0], reference.coef_, atol=1e-8 * np.abs(y).max())
    left = np.linalg.lstsq(Z, y - X[:, omega > 0] @ reference.coef_, rcond=None)[0]
    np.testing.assert_allclose(model.coef_[omega == 0], left[:3], rtol=1e-7)
    check_certificate(model, X, y, alpha=alpha, weights=omega, fit_intercept=fit_intercept)


@pytest.mark.parametrize("alpha", [0.1, 10.0, 1000.0])
def test_unpenalised_features_with_ridge(alpha):
    """Without an L1 part a feature still has its share of the ridge part: at a large alpha it is ridge alone."""
    X, y = make_data(60, 30)
    omega = np.ones(30)
    omega[3] = 0.0
    model = so.ElasticNet(alpha, weights=omega, **TIGHT).fit(X, y)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=0.5, weights=omega)
    assert model.coef_[3] != 0.0
    if alpha == 1000.0:
        x = X[:, 3] - X[:, 3].mean()
        assert model.coef_[3] == pytest.approx(x @ y / (x @ x + 60 * 500.0), rel=1e-9)


def test_all_features_unpenalised_is_least_squares():
    X, y = make_data(100, 20)
    model = so.Lasso(0.5, weights=np.zeros(20), **TIGHT).fit(X, y)
    A = np.column_stack([X, np.ones(100)])
    solution = np.linalg.lstsq(A, y, rcond=None)[0]
    assert_same_coefficients(model, solution[:-1], solution[-1])


@pytest.mark.parametrize("layout", ["fortran", "csc"])
def test_excluded_features(layout, l1_ratio):
    X, y = make_data(60, 90, density=0.5)
    omega = np.ones(90)
    omega[[0, 5, 89]] = np.inf
    model = both(0.2, l1_ratio, weights=omega, **TIGHT).fit(LAYOUTS[layout](X), y)
    kept = np.isfinite(omega)
    reference = sklearn_fit(X[:, kept], y, 0.2, l1_ratio)
    assert not model.coef_[~kept].any()
    np.testing.assert_allclose(model.coef_[kept], reference.coef_, atol=1e-8 * np.abs(reference.coef_).max())
    assert np.isfinite(model.objective_)
    check_certificate(model, X, y, alpha=0.2, l1_ratio=l1_ratio, weights=omega)


def test_all_features_excluded():
    X, y = make_data()
    model = so.Lasso(0.1, weights=np.full(90, np.inf)).fit(X, y)
    assert not model.coef_.any() and model.intercept_ == pytest.approx(y.mean())
    assert model.dual_gap_ <= 1e-6 * null_objective(y)


def test_integer_penalty_weights_in_a_list():
    X, y = make_data()
    omega = [1, 2] * 45
    listed = so.Lasso(0.1, weights=omega).fit(X, y)
    np.testing.assert_array_equal(listed.coef_, so.Lasso(0.1, weights=np.array(omega, float)).fit(X, y).coef_)


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc", "csr"])
def test_float32_against_float64(layout, l1_ratio):
    X, y = make_data(200, 300, density=0.5, seed=11)
    alpha = 0.05 * alpha_max(X, y)
    wide = both(alpha, l1_ratio).fit(LAYOUTS[layout](X), y)
    narrow = both(alpha, l1_ratio).fit(LAYOUTS[layout](X.astype(np.float32)), y)
    assert_same_coefficients(narrow, wide.coef_, wide.intercept_, rtol=1e-4)
    assert narrow.coef_.dtype == np.float64


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc", "csr"])
def test_float32_is_solved_in_float64(layout, l1_ratio):
    """Against the same rounded numbers in float64, the agreement is that of float64."""
    X, y = make_data(60, 90, density=0.5)
    X = X.astype(np.float32)
    alpha = 0.1 * alpha_max(X, y)
    model = both(alpha, l1_ratio, **TIGHT).fit(LAYOUTS[layout](X), y)
    reference = sklearn_fit(X.astype(np.float64), y, alpha, l1_ratio)
    assert_same_coefficients(model, reference.coef_, reference.intercept_)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=l1_ratio)


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc"])
@pytest.mark.parametrize("tol", [0.3, 1e-2, 1e-4])
@pytest.mark.parametrize("positive", [True, False])
def test_loose_certificates_are_honest(layout, l1_ratio, tol, positive):
    """At a loose tol the gap is not just rounding: it must still be the gap of what is returned."""
    X, y = make_data(100, 400, seed=7)
    alpha = 0.01 * alpha_max(X, y)
    model = both(alpha, l1_ratio, tol=tol, positive=positive).fit(LAYOUTS[layout](X), y)
    best = both(alpha, l1_ratio, positive=positive, **TIGHT).fit(X, y)
    check_certificate(model, X, y, alpha=alpha, l1_ratio=l1_ratio, positive=positive)
    assert model.objective_ - best.objective_ <= model.dual_gap_ * (1 + 1e-9) + 1e-12 * null_objective(y)
    assert model.dual_gap_ <= tol * null_objective(y)


def test_certificate_far_from_the_origin():
    """Columns and target with means much larger than their spread."""
    X, y = make_data(60, 30)
    X, y = X + 1e4, y + 1e5
    alpha = 0.1 * alpha_max(X - X.mean(axis=0), y)
    model = so.Lasso(alpha, tol=1e-8).fit(X, y)
    centred = so.Lasso(alpha, tol=1e-8).fit(X - X.mean(axis=0), y - y.mean())
    np.testing.assert_allclose(model.coef_, centred.coef_, atol=1e-6 * np.abs(centred.coef_).max())
    assert model.dual_gap_ <= 1e-8 * null_objective(y)
