"""MCPRegressor, SCADRegressor and BestSubsetRegressor: the scikit-learn contract, agreement, bad input."""

import pickle

import numpy as np
import pandas
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so
from sparseopt.penalties import MCP, SCAD

EVERY = {
    "mcp": lambda **k: so.MCPRegressor(0.2, **k),
    "scad": lambda **k: so.SCADRegressor(0.2, **k),
    "subset": lambda **k: so.BestSubsetRegressor(5, **k),
    "chosen": lambda **k: so.BestSubsetRegressor(**k),
}


@parametrize_with_checks([
    so.MCPRegressor(), so.SCADRegressor(), so.BestSubsetRegressor(), so.BestSubsetRegressor(1),
    so.BestSubsetRegressor(criterion="bic"),
])  # fmt: skip
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(params=sorted(EVERY))
def make(request):
    return EVERY[request.param]


def make_data(n=80, p=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.3 * rng.standard_normal((n, 1)) + 1.0
    return np.asfortranarray(X), X[:, :5] @ [2.0, -2.0, 1.5, 1.0, -1.0] + 0.5 * rng.standard_normal(n) + 4.0


def test_attributes(make):
    X, y = make_data()
    model = make().fit(X, y)
    assert set(range(5)) <= set(model.support_.tolist())
    np.testing.assert_array_equal(model.support_, np.flatnonzero(model.coef_))
    np.testing.assert_allclose(model.predict(X), X @ model.coef_ + model.intercept_)
    assert model.converged_ and model.n_iter_ >= 1 and model.n_passes_ > 0 and model.n_features_in_ == 60
    assert 0 <= model.violation_ < 1e-5 and not hasattr(model, "dual_gap_")
    assert model.sparse_coef_.shape == (1, 60)


def test_layouts_agree(make):
    X, y = make_data(240)  # enough rows for one minimum only: with few, rounding may decide between two
    X *= np.random.default_rng(1).random(X.shape) < 0.5
    fits = [make(tol=1e-8).fit(Z, y) for Z in (X, X.copy(order="C"), sparse.csc_matrix(X), sparse.csr_array(X))]
    for fit in fits[1:]:
        np.testing.assert_allclose(fit.coef_, fits[0].coef_, atol=1e-7)
        assert fit.intercept_ == pytest.approx(fits[0].intercept_, abs=1e-7)
    read_only = X.copy(order="F")
    read_only.flags.writeable = False
    np.testing.assert_allclose(make(tol=1e-8).fit(read_only, y).coef_, fits[0].coef_, atol=1e-12)
    np.testing.assert_allclose(make().fit(X.astype(np.float32), y).coef_, fits[0].coef_, atol=1e-4)


def test_weights_are_repetitions(make):
    X, y = make_data()
    s = np.random.default_rng(2).integers(0, 4, len(y))
    weighted = make(tol=1e-9).fit(X, y, s)
    repeated = make(tol=1e-9).fit(np.repeat(X, s, axis=0), np.repeat(y, s))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    assert weighted.intercept_ == pytest.approx(repeated.intercept_, abs=1e-7)


def test_without_intercept(make):
    X, y = make_data()
    model = make(fit_intercept=False).fit(X, y)
    assert model.intercept_ == 0.0 and model.converged_


def test_input_is_not_changed(make):
    X, y = make_data()
    kept = X.copy(), y.copy()
    make().fit(X, y)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(y, kept[1])


def test_clone_pickle_names(make):
    X, y = make_data()
    frame = pandas.DataFrame(X, columns=[f"f{j}" for j in range(60)])
    model = clone(make()).fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(frame), model.predict(frame))
    np.testing.assert_array_equal(make().fit(X, y).coef_, model.coef_)


def test_grid_search():
    X, y = make_data()
    search = GridSearchCV(so.MCPRegressor(), {"alpha": [1.0, 0.2, 0.05], "gamma": [1.5, 3.0]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.9
    search = GridSearchCV(so.BestSubsetRegressor(), {"n_nonzero_coefs": [1, 3, 5, 8]}, cv=3).fit(X, y)
    assert search.best_params_["n_nonzero_coefs"] in (5, 8)


@pytest.mark.parametrize("name, penalty", [("mcp", MCP), ("scad", SCAD)])
def test_is_the_problem_it_says(name, penalty):
    X, y = make_data()
    model = EVERY[name]().fit(X, y)
    problem = so.Problem(X, y, penalty=penalty(0.2))
    assert problem.objective(model.coef_, model.intercept_) == pytest.approx(model.objective_, rel=1e-12)
    gradient = -X.T @ (y - model.predict(X)) / len(y)
    assert penalty(0.2).distance(model.coef_, gradient).max() <= model.violation_ * (1 + 1e-6) + 1e-10


@pytest.mark.parametrize("name", ["mcp", "scad"])
def test_large_coefficients_are_not_shrunk(name):
    X, y = make_data()
    model = EVERY[name](gamma=3.0, tol=1e-9).fit(X, y)
    assert model.support_.tolist() == list(range(5))
    design = np.column_stack([X[:, :5], np.ones(len(y))])
    np.testing.assert_allclose(model.coef_[:5], np.linalg.lstsq(design, y, rcond=None)[0][:5], atol=1e-6)
    assert np.abs(so.Lasso(0.2).fit(X, y).coef_[:5] - model.coef_[:5]).max() > 0.1


@pytest.mark.parametrize("name", ["mcp", "scad"])
def test_options(name):
    X, y = make_data()
    assert np.all(EVERY[name](positive=True).fit(X, y).coef_ >= 0)
    weights = np.ones(60)
    weights[0], weights[1] = np.inf, 0.0
    model = EVERY[name](weights=weights).fit(X, y)
    assert model.coef_[0] == 0.0 and model.coef_[1] != 0.0
    several = EVERY[name]().fit(X, np.column_stack([y, -y]))
    assert several.coef_.shape == (2, 60) and several.violation_.shape == (2,)
    np.testing.assert_allclose(several.coef_[0], -several.coef_[1])
    warm = EVERY[name](warm_start=True).fit(X, y)
    assert warm.fit(X, y).n_iter_ == 1
    assert not EVERY[name]().set_params(alpha=1e6).fit(X, y).coef_.any()


BAD = [
    (so.MCPRegressor(0.0), ValueError, "alpha must be > 0, got 0.0"),
    (so.MCPRegressor("1"), TypeError, "alpha must be a number, got '1'"),
    (so.MCPRegressor(gamma=0.0), ValueError, "gamma must be a number > 0.0, got 0.0"),
    (so.SCADRegressor(gamma=2.0), ValueError, "gamma must be a number > 2.0, got 2.0"),
    (so.SCADRegressor(gamma=None), TypeError, "gamma must be a number, got None"),
    (so.MCPRegressor(weights=[1.0, 2.0]), ValueError, "weights"),
    (so.MCPRegressor(solver="nothing"), ValueError, "solver must be one of .*'nothing'"),
    (so.MCPRegressor(positive=1), TypeError, "positive must be True or False, got 1"),
    (so.MCPRegressor(tol=-1.0), ValueError, "tol"),
    (so.BestSubsetRegressor(61), ValueError, "n_nonzero_coefs=61 is too large: X has 60 features and 80 samples"),
    (so.BestSubsetRegressor(-1), ValueError, "n_nonzero_coefs must be an integer >= 0, got -1"),
    (so.BestSubsetRegressor(2.0), TypeError, "n_nonzero_coefs must be an integer or None, got 2.0"),
    (so.BestSubsetRegressor(True), TypeError, "n_nonzero_coefs must be an integer or None, got True"),
    (so.BestSubsetRegressor(max_nonzero_coefs=99), ValueError, "max_nonzero_coefs=99 is too large"),
    (so.BestSubsetRegressor(criterion="gic"), ValueError, "criterion must be one of .*'ebic'.*, got 'gic'"),
    (so.BestSubsetRegressor(ridge=-0.1), ValueError, "ridge must be a number >= 0.0, got -0.1"),
    (so.BestSubsetRegressor(criterion="cv", cv=1), ValueError, "cv must be an integer >= 2, got 1"),
    (so.BestSubsetRegressor(3, max_iter=0), ValueError, "max_iter must be an integer >= 1, got 0"),
    (so.BestSubsetRegressor(3, fit_intercept="yes"), TypeError, "fit_intercept must be True or False, got 'yes'"),
]


@pytest.mark.parametrize("model, error, message", BAD, ids=lambda value: str(value)[:40])
def test_bad_parameters(model, error, message):
    X, y = make_data()
    with pytest.raises(error, match=message):
        model.fit(X, y)


def test_more_columns_than_samples_is_refused():
    X, y = make_data()
    with pytest.raises(ValueError, match="n_nonzero_coefs=11 is too large: X has 60 features and 10 samples"):
        so.BestSubsetRegressor(11).fit(X[:10], y[:10])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_data(make, bad):
    X, y = make_data()
    X[2, 3] = bad
    with pytest.raises(ValueError, match="contains NaN or infinity"):
        make().fit(X, y)
    y[0] = bad
    with pytest.raises(ValueError):
        make().fit(make_data()[0], y)


def test_subset_of_size_zero_and_refitting():
    X, y = make_data()
    model = so.BestSubsetRegressor(0).fit(X, y)
    assert model.support_.size == 0 and model.intercept_ == pytest.approx(y.mean())
    model.set_params(n_nonzero_coefs=None).fit(X, y)
    assert model.n_nonzero_coefs_ == 5 and hasattr(model, "sizes_")
    model.set_params(n_nonzero_coefs=2).fit(X, y)
    assert model.support_.size == 2 and not hasattr(model, "sizes_")
