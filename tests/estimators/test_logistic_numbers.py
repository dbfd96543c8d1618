"""Numbers of the estimators for any loss: peers, a gap in plain numpy, weights, storages, special data."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp, xlogy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import sparseopt as so


def data(classes=2, n=120, p=30, seed=0):
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((n, p)))
    z = X[:, :4] @ [1.5, -1.0, 0.7, 0.4] + 0.5 * rng.standard_normal(n)
    return X, np.digitize(z, np.quantile(z, np.arange(1, classes) / classes))


def gap(model, X, y, s):
    """Duality gap of an L1 fit with intercept, softmax form; two classes have the predictors 0 and eta."""
    W, b = model.coef_, model.intercept_
    eta = X @ W.T + b
    if len(W) == 1:
        eta = np.column_stack([np.zeros(len(X)), eta])
    Y = np.eye(eta.shape[1])[y]
    s = s / s.sum()
    primal = s @ (logsumexp(eta, axis=1) - (Y * eta).sum(axis=1)) + model.alpha * np.abs(W).sum()
    share = np.exp(eta - logsumexp(eta, axis=1)[:, None])
    theta = Y - share
    used = theta[:, 1:] if len(W) == 1 else theta
    assert np.abs(s @ theta).max() < 1e-9  # the intercept is the best one
    worst = np.abs(X.T @ (s[:, None] * used)).max()
    inner = Y - min(1.0, model.alpha / worst) * theta
    return primal, primal + s @ xlogy(inner, inner).sum(axis=1)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_gap_in_plain_numpy(classes, alpha):
    X, y = data(classes)
    s = np.random.default_rng(1).uniform(0.1, 2.0, len(y))
    model = so.SparseLogisticRegression(alpha, tol=1e-8).fit(X, y, s)
    primal, certified = gap(model, X, y, s)
    assert model.objective_ == pytest.approx(primal, rel=1e-12)
    share = np.bincount(y, weights=s) / s.sum()
    null = -float(share @ np.log(share))
    assert -1e-15 <= certified <= 1.01e-8 * null
    assert model.dual_gap_ == pytest.approx(certified, abs=1e-9 * null)


def test_two_classes_agree_with_liblinear():
    X, y = data()
    ours = so.SparseLogisticRegression(0.02, fit_intercept=False, tol=1e-13).fit(X, y)
    peer = LogisticRegression(C=1 / (0.02 * len(y)), l1_ratio=1.0, solver="liblinear", tol=1e-12, max_iter=10_000,
                              fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(("penalty", "share"), [("l1", 1.0), ("elasticnet", 0.5)])
@pytest.mark.parametrize("classes", [2, 3])
def test_agrees_with_saga(classes, penalty, share):
    X, y = data(classes, n=90, p=10)
    ours = so.SparseLogisticRegression(0.02, penalty=penalty, l1_ratio=share, tol=1e-13).fit(X, y)
    peer = LogisticRegression(C=1 / (0.02 * len(y)), l1_ratio=share, solver="saga", tol=1e-12,
                              max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=1e-6)


def test_two_classes_of_the_multinomial_loss_are_the_logistic_loss():
    X, y = data()
    one = so.solve(so.Problem(X, y, "logistic", so.penalties.L1(0.03)), tol=1e-12)
    two = so.solve(so.Problem(X, y, "multinomial", so.penalties.L1(0.03)), tol=1e-12)
    assert two.objective == pytest.approx(one.objective, abs=1e-11)
    np.testing.assert_allclose(two.coef[:, 1] - two.coef[:, 0], one.coef, atol=1e-5)


def test_class_weights_are_sample_weights():
    X, y = data(3)
    keep = (y < 2) | (np.arange(len(y)) % 3 == 0)
    X, y = np.asfortranarray(X[keep]), y[keep]
    ours = so.SparseLogisticRegression(0.02, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, tol=1e-11).fit(X, y)
    weighted = so.SparseLogisticRegression(0.02, tol=1e-11).fit(X, y, np.array([1.0, 2.0, 3.0])[y])
    np.testing.assert_allclose(ours.coef_, weighted.coef_, atol=1e-7)
    balanced = so.SparseLogisticRegression(0.02, class_weight="balanced", tol=1e-11).fit(X, y)
    equal = so.SparseLogisticRegression(0.02, tol=1e-11).fit(X, y, 1.0 / np.bincount(y)[y])
    np.testing.assert_allclose(balanced.coef_, equal.coef_, atol=1e-7)
    plain = so.SparseLogisticRegression(0.02).fit(X, y)
    assert balanced.predict_proba(X)[:, 2].mean() > plain.predict_proba(X)[:, 2].mean() + 0.05


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_are_repetition_and_storages_are_alike(classes):
    X, y = data(classes)
    s = np.random.default_rng(2).integers(0, 3, len(y))
    again = np.repeat(np.arange(len(y)), s)
    model = so.SparseLogisticRegression(0.02, tol=1e-11)
    weighted = model.fit(X, y, s).coef_
    np.testing.assert_allclose(model.fit(X[again], y[again]).coef_, weighted, atol=1e-7)
    np.testing.assert_allclose(model.fit(sparse.csc_matrix(X), y, s).coef_, weighted, atol=1e-7)
    single = so.SparseLogisticRegression(0.02, tol=1e-9).fit(X.astype(np.float32), y, s)
    np.testing.assert_allclose(single.coef_, weighted, atol=1e-4)


@pytest.mark.parametrize("estimator", [so.SparseRegressor("huber"), so.SparseClassifier()])
def test_penalties_can_be_searched(estimator):
    X, y = data()
    estimator.set_params(penalty=so.penalties.L1(1.0))
    search = GridSearchCV(estimator, {"penalty__alpha": [1.0, 0.03, 0.003]}, cv=3).fit(X, y)
    assert search.best_params_["penalty__alpha"] < 1.0
    assert estimator.penalty.alpha == 1.0  # searched on clones
    assert search.best_estimator_.penalty.alpha == search.best_params_["penalty__alpha"]


@pytest.mark.parametrize("classes", [2, 3])
def test_labels_may_be_strings(classes):
    X, y = data(classes)
    names = np.array(["zero", "alpha", "mid"])[y]
    text, codes = so.SparseLogisticRegression().fit(X, names), so.SparseLogisticRegression().fit(X, y)
    assert list(text.classes_) == sorted(set(names))
    columns = np.searchsorted(text.classes_, np.array(["zero", "alpha", "mid"])[:classes])
    np.testing.assert_allclose(text.predict_proba(X)[:, columns], codes.predict_proba(X), atol=1e-4)
    assert text.score(X, names) == pytest.approx(codes.score(X, y), abs=0.02)


def test_bad_targets_are_named():
    X, y = data()
    with pytest.raises(ValueError, match="one class"):
        so.SparseLogisticRegression().fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="one class"):
        so.SparseLogisticRegression().fit(X, y, (y == 0).astype(float))
    with pytest.raises(ValueError, match="counts"):
        so.SparseRegressor("poisson").fit(X, y - 1.0)


@pytest.mark.parametrize("classes", [2, 3])
def test_separable_classes_converge_at_small_alphas(classes):
    X, _ = data()
    y = np.digitize(X[:, 0], np.linspace(-0.5, 0.5, classes + 1)[1:-1])
    model = so.SparseLogisticRegression(1e-5, tol=1e-8).fit(X, y)
    assert model.converged_ and model.score(X, y) == 1.0
    assert gap(model, X, y, np.ones(len(y)))[1] <= 1.01e-8 * np.log(3)


@pytest.mark.parametrize("classes", [2, 3])
def test_constant_columns_have_no_coefficient(classes):
    X, y = data(classes)
    more = np.column_stack([np.zeros(len(y)), X, np.full(len(y), 7.0)])
    plain, padded = (so.SparseLogisticRegression(0.02, tol=1e-11).fit(A, y) for A in (X, more))
    assert not np.any(padded.coef_[:, [0, -1]])
    np.testing.assert_allclose(padded.coef_[:, 1:-1], plain.coef_, atol=1e-6)


@pytest.mark.parametrize("penalty", ["l1", "group"])
@pytest.mark.parametrize("seed", range(2))
def test_several_classes_with_features_left_out_of_the_penalty(penalty, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 8)) + 1.0
    y = np.digitize(X[:, 0] + X[:, 1] + 2.0 * rng.standard_normal(40), [1.0, 3.0])
    weights = np.where(np.arange(8) % 3 == 0, 0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = so.SparseLogisticRegression(0.05, penalty=penalty, weights=weights, tol=1e-10).fit(X, y)
    error = (model.predict_proba(X) - np.eye(3)[y]).T @ np.column_stack([X, np.ones(40)]) / 40
    assert np.abs(error[:, np.append(weights == 0.0, True)]).max() < 1e-5  # what is free is fitted
    assert model.violation_ < 1e-5


def test_best_intercepts_of_saturated_predictions():
    y = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2])
    eta = np.zeros((9, 3))
    eta[:, 0] = np.where(y == 0, -210.0, -243.0)
    eta[6, 0] = -160.0  # all classes are certain of something: Newton steps say nothing
    loss = so.losses.Multinomial(3)
    b = loss.best_intercept(y.astype(float), eta)
    assert np.abs(loss.gradient(y.astype(float), eta + b).sum(axis=0)).max() < 1e-6
