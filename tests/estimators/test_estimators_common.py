"""The scikit-learn contract: common checks, cloning, pickling, searching, pipelines, names."""

import pickle

import numpy as np
import pandas
import pytest
from estimator_oracles import CROSS_VALIDATED, EVERY, SINGLE, make_data, null_objective
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks([so.Lasso(), so.ElasticNet(), so.LassoCV(), so.ElasticNetCV()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(params=sorted(EVERY))
def name(request):
    return request.param


def quick(name, **parameters):
    """An estimator that fits in a moment."""
    return EVERY[name](**({"n_alphas": 10} if name in CROSS_VALIDATED else {"alpha": 0.1}), **parameters)


def test_built_without_arguments(name):
    X, y = make_data()
    model = EVERY[name]().fit(X, y)
    assert np.all(np.isfinite(model.predict(X)))


def test_arguments_after_the_first_are_keyword_only(name):
    with pytest.raises(TypeError):
        EVERY[name](0.1, 0.5)


def test_clone_and_get_params(name):
    model = quick(name, tol=1e-5, weights=np.arange(90.0), positive=True)
    twin = clone(model)
    assert twin is not model
    for key, value in model.get_params().items():
        np.testing.assert_array_equal(twin.get_params()[key], value)
    assert repr(twin)


def test_set_params_takes_effect_at_the_next_fit(name):
    X, y = make_data()
    model = quick(name).fit(X, y)
    model.set_params(fit_intercept=False, tol=1e-8).fit(X, y)
    fresh = quick(name, fit_intercept=False, tol=1e-8).fit(X, y)
    np.testing.assert_array_equal(model.coef_, fresh.coef_)
    assert model.intercept_ == 0.0
    with pytest.raises(ValueError, match="Invalid parameter 'lambda_'"):
        model.set_params(lambda_=1.0)


def test_fit_does_not_change_the_parameters(name):
    X, y = make_data()
    weights = np.linspace(0.5, 2.0, 90)
    model = quick(name, weights=weights, max_iter=50)
    before = model.get_params()
    model.fit(X, y)
    assert model.get_params() is not before
    assert all(model.get_params()[key] is value for key, value in before.items())


@pytest.mark.parametrize("fitted", [False, True])
def test_pickle(name, fitted):
    X, y = make_data()
    model = quick(name)
    if fitted:
        model.fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    if fitted:
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        assert twin.dual_gap_ == model.dual_gap_
    np.testing.assert_array_equal(twin.fit(X, y).coef_, clone(model).fit(X, y).coef_)


def test_a_pickle_does_not_carry_the_data(name):
    X, y = make_data(n=400, p=300)
    assert len(pickle.dumps(quick(name).fit(X, y))) < X.nbytes / 10


def test_fitting_twice_forgets_the_first_time(name):
    X, y = make_data()
    other_X, other_y = make_data(n=40, p=30, seed=1)
    model = quick(name).fit(other_X, other_y).fit(X, y)
    np.testing.assert_array_equal(model.coef_, quick(name).fit(X, y).coef_)
    assert model.n_features_in_ == 90


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_grid_search_over_alpha(kind):
    X, y = make_data()
    search = GridSearchCV(SINGLE[kind](), {"alpha": [1.0, 0.1, 0.01]}, cv=3).fit(X, y)
    assert search.best_params_["alpha"] in (0.1, 0.01)
    assert search.best_estimator_.n_features_in_ == 90


def test_grid_search_in_two_processes(name):
    X, y = make_data()
    grid = {"positive": [True, False]}
    one = GridSearchCV(quick(name), grid, cv=2, n_jobs=1).fit(X, y)
    two = GridSearchCV(quick(name), grid, cv=2, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])


def test_pipeline_with_scaler(name):
    X, y = make_data()
    pipe = make_pipeline(StandardScaler(), quick(name)).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(pipe.predict(X), quick(name).fit(Z, y).predict(Z), rtol=1e-6)
    pipe.set_params(**{f"{name.replace('_', '')}__tol": 1e-4}).fit(X, y)


def test_cross_val_score(name):
    X, y = make_data()
    assert cross_val_score(quick(name), X, y, cv=3).mean() > 0.5


def test_feature_names_of_a_data_frame(name):
    X, y = make_data()
    frame = pandas.DataFrame(X, columns=[f"f{j}" for j in range(90)])
    model = quick(name).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list(frame.columns)
    np.testing.assert_allclose(model.coef_, quick(name).fit(X, y).coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.predict(frame), X @ model.coef_ + model.intercept_)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)


def test_predict_before_fit(name):
    from sklearn.exceptions import NotFittedError

    model = EVERY[name]()
    with pytest.raises(NotFittedError):
        model.predict(np.ones((2, 3)))
    assert not hasattr(model, "sparse_coef_")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_predict_refuses_what_fit_refuses(name, bad):
    X, y = make_data()
    model = quick(name).fit(X, y)
    with pytest.raises(ValueError, match="89 features"):
        model.predict(X[:, :89])
    X[3, 5] = bad
    with pytest.raises(ValueError, match="contains"):
        model.predict(X)


@pytest.mark.parametrize("layout", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array", "csc_array"])
def test_predict_on_sparse(name, layout):
    from scipy import sparse

    X, y = make_data(density=0.3)
    model = quick(name).fit(X, y)
    np.testing.assert_allclose(model.predict(getattr(sparse, layout)(X)), model.predict(X), rtol=1e-12)


def test_fitted_attributes(name):
    X, y = make_data()
    model = quick(name).fit(X, y)
    assert model.coef_.shape == (90,) and model.coef_.dtype == np.float64
    assert np.ndim(model.intercept_) == 0
    np.testing.assert_array_equal(model.support_, np.flatnonzero(model.coef_))
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), model.coef_[None, :])
    assert model.n_features_in_ == 90 and model.n_iter_ >= 1 and model.n_passes_ > 0
    assert 0 <= model.dual_gap_ <= 1e-6 * null_objective(y)
    assert not hasattr(model, "feature_names_in_")
