"""Cross-validation: scikit-learn's choices on the same folds, the one-standard-error rule, jobs, folds of any kind."""

import warnings

import numpy as np
import pytest
from estimator_oracles import CROSS_VALIDATED, alpha_max, make_data, null_objective, objective_and_gap
from scipy import sparse
from sklearn import linear_model
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, LeaveOneOut, PredefinedSplit, ShuffleSplit, TimeSeriesSplit

import sparseopt as so

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning", "error::RuntimeWarning")

TIGHT = {"tol": 1e-12, "max_iter": 1000, "n_threads": 1}
SPLITTERS = {
    "none": None,
    "number": 4,
    "shuffled": KFold(3, shuffle=True, random_state=0),
    "time": TimeSeriesSplit(3),
    "random": ShuffleSplit(3, test_size=0.3, train_size=0.4, random_state=0),
    "predefined": PredefinedSplit(np.r_[np.full(10, -1), np.tile([0, 1], 20)]),
}


@pytest.fixture(params=sorted(CROSS_VALIDATED))
def name(request):
    return request.param


def sklearn_cv(X, y, l1_ratio, **parameters):
    model = linear_model.ElasticNetCV(l1_ratio=l1_ratio, tol=1e-13, max_iter=50_000, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def check_against_sklearn(ours, theirs, X, y):
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    assert ours.mse_path_.shape == theirs.mse_path_.shape
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-6)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    assert ours.l1_ratio_ == theirs.l1_ratio_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6 * np.abs(theirs.coef_).max())
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("layout", [np.asfortranarray, np.ascontiguousarray, sparse.csc_matrix])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.6])
def test_same_choice_as_scikit_learn(splitter, layout, l1_ratio):
    X, y = make_data(50, 20, seed=9, density=0.6)
    options = dict(cv=SPLITTERS[splitter], eps=1e-2)
    theirs = sklearn_cv(X, y, l1_ratio, alphas=20, **options)
    if l1_ratio == 1.0:
        ours = so.LassoCV(n_alphas=20, **options, **TIGHT)
    else:
        ours = so.ElasticNetCV(l1_ratio=l1_ratio, n_alphas=20, **options, **TIGHT)
    check_against_sklearn(ours.fit(layout(X), y), theirs, X, y)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("positive", [True, False])
def test_real_data(name, fit_intercept, positive):
    X, y = load_diabetes(return_X_y=True)
    alphas = np.geomspace(2.0, 2e-3, 30)
    options = dict(fit_intercept=fit_intercept, positive=positive, alphas=alphas)
    ours = CROSS_VALIDATED[name](**options, **TIGHT).fit(X, y)
    theirs = sklearn_cv(X, y, 1.0 if name == "lasso_cv" else 0.5, **options)
    check_against_sklearn(ours, theirs, X, y)
    _, gap = objective_and_gap(
        X, y, ours.coef_, ours.intercept_, ours.alpha_, ours.l1_ratio_, fit_intercept=fit_intercept, positive=positive
    )
    assert ours.dual_gap_ == pytest.approx(gap, abs=1e-11 * null_objective(y, None, fit_intercept))


def test_more_features_than_rows(name):
    X, y = make_data(40, 100, seed=1)
    alphas = np.geomspace(3.0, 0.05, 15)
    ours = CROSS_VALIDATED[name](alphas=alphas, **TIGHT).fit(X, y)
    check_against_sklearn(ours, sklearn_cv(X, y, 1.0 if name == "lasso_cv" else 0.5, alphas=alphas), X, y)


def test_list_of_ratios():
    X, y = make_data(50, 20, seed=9)
    ratios = [0.2, 0.7, 1.0]
    ours = so.ElasticNetCV(l1_ratio=ratios, n_alphas=15, eps=1e-2, **TIGHT).fit(X, y)
    theirs = sklearn_cv(X, y, ratios, alphas=15, eps=1e-2)
    assert ours.alphas_.shape == (3, 15) and ours.mse_path_.shape == (3, 15, 5) and ours.mse_se_.shape == (3, 15)
    check_against_sklearn(ours, theirs, X, y)
    alphas = [1.0, 0.1, 0.01]
    given = so.ElasticNetCV(l1_ratio=ratios, alphas=alphas, **TIGHT).fit(X, y)
    check_against_sklearn(given, sklearn_cv(X, y, ratios, alphas=alphas), X, y)


@pytest.mark.parametrize("ratios", [[0.5], (0.5,), np.array([0.5])])
def test_a_list_of_one_ratio_is_that_ratio(ratios):
    X, y = make_data()
    ours, single = (so.ElasticNetCV(l1_ratio=rho, n_alphas=10).fit(X, y) for rho in (ratios, 0.5))
    np.testing.assert_array_equal(ours.mse_path_, single.mse_path_)
    np.testing.assert_array_equal(ours.coef_, single.coef_)


def test_default_grid(name):
    """From the smallest alpha with zero coefficients to its 1e-3 part, or 1e-2 with more features than rows."""
    for shape, eps in (((60, 20), 1e-3), ((40, 50), 1e-2)):
        X, y = make_data(*shape)
        model = CROSS_VALIDATED[name]().fit(X, y)
        assert model.alphas_.shape == (100,)
        rho = 1.0 if name == "lasso_cv" else 0.5
        assert model.alphas_[0] == pytest.approx(alpha_max(X, y) / rho, rel=1e-12)
        assert model.alphas_[-1] == pytest.approx(eps * model.alphas_[0], rel=1e-9)
        assert np.all(np.diff(model.alphas_) < 0)


def test_grid_knows_penalty_weights(name):
    X, y = make_data()
    omega = np.linspace(0.5, 2.0, 90)
    model = CROSS_VALIDATED[name](weights=omega, n_alphas=5).fit(X, y)
    rho = 1.0 if name == "lasso_cv" else 0.5
    assert model.alphas_[0] == pytest.approx(alpha_max(X / omega, y) / rho, rel=1e-12)
    assert np.all(np.isfinite(model.mse_path_))


@pytest.mark.parametrize("layout", [np.asfortranarray, sparse.csc_matrix])
def test_weighted_penalty_in_the_folds(layout):
    X, y = make_data(60, 30, density=0.6)
    omega = np.random.default_rng(0).uniform(0.3, 3.0, 30)
    alphas = np.geomspace(1.0, 1e-2, 10)
    ours = so.LassoCV(weights=omega, alphas=alphas, **TIGHT).fit(layout(X), y)
    theirs = sklearn_cv(X / omega, y, 1.0, alphas=alphas)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-6)
    np.testing.assert_allclose(ours.coef_, theirs.coef_ / omega, atol=1e-6)


def test_unpenalised_features_in_the_folds(name):
    X, y = make_data(60, 30)
    omega = np.ones(30)
    omega[3] = 0.0
    omega[4] = np.inf
    model = CROSS_VALIDATED[name](weights=omega, n_alphas=8, **TIGHT).fit(X, y)
    for fold, (train, test) in enumerate(KFold(5).split(X)):
        for k in (0, 7):
            single = so.ElasticNet(model.alphas_[k], l1_ratio=model.l1_ratio_, weights=omega, **TIGHT)
            error = np.mean((y[test] - single.fit(X[train], y[train]).predict(X[test])) ** 2)
            assert model.mse_path_[k, fold] == pytest.approx(error, rel=1e-6)


def test_one_standard_error_rule(name):
    X, y = make_data(100, 60, seed=3)
    least = CROSS_VALIDATED[name]().fit(X, y)
    sparser = CROSS_VALIDATED[name](selection_rule="1se").fit(X, y)
    np.testing.assert_array_equal(least.mse_path_, sparser.mse_path_)
    mean = least.mse_path_.mean(axis=1)
    error = least.mse_path_.std(axis=1, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(least.mse_se_, error, rtol=1e-12)
    best = mean.argmin()
    assert least.alpha_ == least.alphas_[best]
    allowed = least.alphas_[mean <= mean[best] + error[best]]
    assert sparser.alpha_ == allowed.max()
    assert sparser.alpha_ > least.alpha_ and sparser.support_.size <= least.support_.size


def test_one_standard_error_rule_over_ratios():
    """The ratio is that of the least error; alpha grows within it."""
    X, y = make_data(60, 30, seed=3)
    options = dict(l1_ratio=[0.3, 0.8], n_alphas=30)
    least = so.ElasticNetCV(**options).fit(X, y)
    sparser = so.ElasticNetCV(selection_rule="1se", **options).fit(X, y)
    assert sparser.l1_ratio_ == least.l1_ratio_ and sparser.alpha_ >= least.alpha_


@pytest.mark.parametrize("layout", [np.asfortranarray, np.ascontiguousarray, sparse.csc_matrix])
def test_jobs_change_nothing(name, layout):
    X, y = make_data(60, 90, density=0.5)
    one, two, every = (
        CROSS_VALIDATED[name](n_alphas=20, n_jobs=n_jobs).fit(layout(X), y) for n_jobs in (None, 2, -1)
    )
    for other in (two, every):
        np.testing.assert_array_equal(one.mse_path_, other.mse_path_)
        np.testing.assert_array_equal(one.coef_, other.coef_)
        assert one.intercept_ == other.intercept_ and one.n_passes_ == other.n_passes_


def test_the_final_fit_is_an_ordinary_fit(name):
    X, y = make_data()
    model = CROSS_VALIDATED[name](n_alphas=20).fit(X, y)
    single = so.ElasticNet(model.alpha_, l1_ratio=model.l1_ratio_).fit(X, y)
    np.testing.assert_array_equal(model.coef_, single.coef_)
    assert model.intercept_ == single.intercept_ and model.dual_gap_ == single.dual_gap_


@pytest.mark.parametrize("kind", ["rows", "lists", "masks", "generator", "repeated"])
def test_folds_of_any_kind(name, kind):
    X, y = make_data(50, 20)
    pairs = list(KFold(3).split(X))
    inside = [(np.isin(np.arange(50), train), np.isin(np.arange(50), test)) for train, test in pairs]
    cv = {
        "rows": pairs,
        "lists": [(train.tolist(), test.tolist()) for train, test in pairs],
        "masks": inside,
        "generator": KFold(3).split(X),
        "repeated": [(np.repeat(train, 2), np.repeat(test, 3)) for train, test in pairs],
    }[kind]
    model = CROSS_VALIDATED[name](n_alphas=10, cv=cv, **TIGHT).fit(X, y)
    plain = CROSS_VALIDATED[name](n_alphas=10, cv=3, **TIGHT).fit(X, y)
    np.testing.assert_allclose(model.mse_path_, plain.mse_path_, rtol=1e-7)


def test_rows_in_no_fold_are_not_used_for_training(name):
    """What a splitter keeps out of the training rows must not be felt, whether or not it is tested on."""
    X, y = make_data(50, 20)
    folds = [(np.arange(20), np.arange(30, 40)), (np.arange(10, 30), np.arange(40, 50))]
    alphas = [1.0, 0.1]
    before = CROSS_VALIDATED[name](alphas=alphas, cv=[folds[0]]).fit(X, y).mse_path_
    y[40:] += 100.0
    np.testing.assert_array_equal(CROSS_VALIDATED[name](alphas=alphas, cv=[folds[0]]).fit(X, y).mse_path_, before)


def test_leave_one_out(name):
    X, y = make_data(25, 12)
    model = CROSS_VALIDATED[name](n_alphas=10, eps=1e-2, cv=LeaveOneOut(), **TIGHT).fit(X, y)
    theirs = sklearn_cv(X, y, model.l1_ratio_, alphas=10, eps=1e-2, cv=LeaveOneOut())
    check_against_sklearn(model, theirs, X, y)


def test_one_alpha(name):
    X, y = make_data()
    model = CROSS_VALIDATED[name](alphas=[0.3]).fit(X, y)
    assert model.alpha_ == 0.3 and model.mse_path_.shape == (1, 5)
    assert CROSS_VALIDATED[name](n_alphas=1).fit(X, y).alphas_.shape == (1,)


def test_passes_are_counted_over_all_folds(name):
    X, y = make_data(100, 300)
    model = CROSS_VALIDATED[name](n_alphas=50).fit(X, y)
    assert 5 <= model.n_passes_ <= 7 * 20


def test_y_constant(name):
    X, _ = make_data(50, 20)
    model = CROSS_VALIDATED[name](n_alphas=10).fit(X, np.full(50, 7.0))
    assert not model.coef_.any() and model.intercept_ == pytest.approx(7.0)
    assert np.all(np.isfinite(model.mse_path_)) and np.all(model.alphas_ > 0)
    assert model.dual_gap_ == pytest.approx(0.0, abs=1e-12)


def test_y_constant_in_one_fold(name):
    X, y = make_data(50, 20)
    y[10:] = 2.0  # the training rows of the first fold
    model = CROSS_VALIDATED[name](n_alphas=10).fit(X, y)
    assert np.all(np.isfinite(model.mse_path_)) and np.all(np.isfinite(model.coef_))


def test_column_constant_in_one_fold(name):
    """Sparse indicators vanish from some training sets: their coefficients are zero there."""
    X, y = make_data(50, 20)
    X[:, 4] = 0.0
    X[3, 4] = 1.0
    y[3] += 10
    alphas = [0.5, 0.05]
    model = CROSS_VALIDATED[name](alphas=alphas, **TIGHT).fit(X, y)
    theirs = sklearn_cv(X, y, model.l1_ratio_, alphas=alphas)
    np.testing.assert_allclose(model.mse_path_, theirs.mse_path_, rtol=1e-6)
