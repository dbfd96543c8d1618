"""The estimator: scikit-learn's checks, designs that agree, targets, weights, intervals, edges, messages."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from turbo_oracles import draw_chain, draw_data, nmse

import sparseopt as so
from sparseopt.designs import KroneckerDesign
from sparseopt.exceptions import ConvergenceWarning, IncompatibleError
from sparseopt.supports import ChainSupport, GridSupport, IIDSupport, TreeSupport


@parametrize_with_checks([
    so.TurboVBIRegressor(), so.TurboVBIRegressor(evidence="joint"), so.TurboVBIRegressor(evidence="mean_field"),
    so.TurboVBIRegressor(solver="cavi"), so.TurboVBIRegressor(structure=IIDSupport(), solver="woodbury"),
    so.TurboVBIRegressor(debias=True),
])  # fmt: skip
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    X, y, coef, s, noise = draw_data(np.random.default_rng(0), 120, 80)
    return X, y + 3.0, coef, s, noise


def test_recovers_signal_support_noise_and_intercept(data):
    X, y, coef, s, noise = data
    model = so.TurboVBIRegressor().fit(X, y)
    assert nmse(model.coef_, coef) < 0.01 and model.converged_ and model.violation_ < 1e-5
    clear = np.abs(coef) > 0.2
    assert np.all(model.support_prob_[clear] > 0.9) and np.mean(model.support_prob_[~s] < 0.1) > 0.97
    assert np.array_equal(model.support_, np.flatnonzero(model.support_prob_ > 0.5))
    np.testing.assert_allclose(model.support_prob_, 1 / (1 + np.exp(-model.support_log_odds_)), atol=1e-12)
    assert model.intercept_ == pytest.approx(3.0, abs=0.2)
    assert 0.3 * noise < model.noise_variance_ < 3 * noise
    assert isinstance(model.structure_, ChainSupport) and model.structure_ != ChainSupport()
    assert model.score(X, y) > 0.98


def test_structure_beats_none_from_few_samples():
    rng = np.random.default_rng(5)
    gains = []
    for _ in range(8):
        X, y, coef, *_ = draw_data(rng, 200, 75)
        errors = [
            nmse(so.TurboVBIRegressor(structure=s, fit_intercept=False).fit(X, y).coef_, coef) for s in ("chain", "iid")
        ]
        gains.append(np.log(errors[1] / errors[0]))
    assert np.mean(gains) > 0.5


@pytest.mark.parametrize("options", [{}, dict(solver="cavi"), dict(debias=True), dict(n_nonzero_coefs=9)], ids=str)
def test_designs_agree(options):
    rng = np.random.default_rng(1)
    factors = [rng.standard_normal((6, 8)), rng.standard_normal((10, 9))]
    X = np.kron(*factors)
    y = X @ (draw_chain(rng, 72) * rng.standard_normal(72)) + 0.1 * rng.standard_normal(60)
    weights = rng.uniform(0.5, 2, 60)
    model = so.TurboVBIRegressor(**options)
    one = clone(model).fit(X, y, sample_weight=weights)
    for form in (np.asfortranarray(X), sparse.csc_matrix(X), sparse.csr_array(X), KroneckerDesign(factors)):
        other = clone(model).fit(form, y, sample_weight=weights)
        np.testing.assert_allclose(other.coef_, one.coef_, atol=1e-6)
        np.testing.assert_allclose(other.coef_std_, one.coef_std_, atol=1e-6)
        for found, expected in zip(other.predict(form, return_std=True), one.predict(X, return_std=True), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(IncompatibleError, match="TurboVBIRegressor"):
        so.solve(so.Problem(KroneckerDesign(factors), y, penalty=so.penalties.L1(0.1)))


def test_complex_kronecker_and_dense_agree():
    rng = np.random.default_rng(2)

    def normal(*shape):
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)

    factors = [normal(6, 8), normal(8, 7)]
    X = np.kron(*factors)
    coef = draw_chain(rng, 56, high=30) * normal(56)
    y = X @ coef + 0.5 * normal(48)
    one = so.TurboVBIRegressor(fit_intercept=False).fit(X, y)
    other = so.TurboVBIRegressor(fit_intercept=False).fit(KroneckerDesign(factors), y)
    np.testing.assert_allclose(other.coef_, one.coef_, atol=1e-8)
    assert nmse(one.coef_, coef) < 0.05
    real = so.TurboVBIRegressor(fit_intercept=False).fit(X.real, y)  # real columns, complex data
    assert real.coef_.dtype == np.complex128
    turned = so.TurboVBIRegressor(fit_intercept=False).fit(X, 1j * y)
    np.testing.assert_allclose(turned.coef_, 1j * one.coef_, atol=1e-8)


def test_units_do_not_matter(data):
    X, y, *_ = data
    one = so.TurboVBIRegressor().fit(X, y)
    for a, b in ((1e-60, 1e80), (1e90, 1e-70)):
        other = so.TurboVBIRegressor().fit(X * a, y * b)
        np.testing.assert_allclose(other.coef_ * a / b, one.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(other.support_prob_, one.support_prob_, atol=1e-6)
    scales = 10.0 ** np.random.default_rng(0).integers(-3, 4, X.shape[1])
    other = so.TurboVBIRegressor().fit(X * scales, y)
    np.testing.assert_allclose(other.coef_ * scales, one.coef_, rtol=1e-6, atol=1e-9)


def test_reversal_of_the_chain(data):
    X, y, *_ = data
    prior = ChainSupport(learn=False)
    one = so.TurboVBIRegressor(structure=prior, solver="woodbury").fit(X, y)
    other = so.TurboVBIRegressor(structure=prior, solver="woodbury").fit(X[:, ::-1], y)
    np.testing.assert_allclose(other.coef_[::-1], one.coef_, atol=1e-5)


def test_targets_are_independent_unless_they_share(data):
    X, y, coef, s, _ = data
    rng = np.random.default_rng(3)
    other = X @ (s * rng.standard_normal(120)) + 0.1 * rng.standard_normal(80)
    Y = np.stack([y, other, np.full(80, 2.0)], axis=1)
    apart = so.TurboVBIRegressor().fit(X, Y)
    assert apart.coef_.shape == apart.coef_std_.shape == apart.support_prob_.shape == (3, 120)
    for t in range(2):
        alone = so.TurboVBIRegressor().fit(X, Y[:, t])
        np.testing.assert_allclose(apart.coef_[t], alone.coef_, atol=1e-8)
        np.testing.assert_allclose(apart.predict(X, True)[1][:, t], alone.predict(X, True)[1], rtol=1e-6)
    assert np.all(apart.coef_[2] == 0.0) and apart.intercept_[2] == pytest.approx(2.0)
    np.testing.assert_allclose(apart.support_prob_[2], ChainSupport().density)
    jobs = so.TurboVBIRegressor(n_jobs=2).fit(X, Y)
    np.testing.assert_array_equal(jobs.coef_, apart.coef_)
    together = so.TurboVBIRegressor(share_support=True).fit(X, Y[:, :2])
    np.testing.assert_array_equal(together.support_prob_[0], together.support_prob_[1])
    assert np.array_equal(*together.support_)


def test_shared_support_helps():
    rng = np.random.default_rng(4)
    errors = {True: [], False: []}
    for _ in range(8):
        s = draw_chain(rng, 120, high=36)
        X = rng.standard_normal((40, 120))
        W = s * rng.standard_normal((4, 120))
        Y = X @ W.T
        Y += 0.05 * rng.standard_normal(Y.shape) * np.std(Y, axis=0)
        for share, found in errors.items():
            found.append(nmse(so.TurboVBIRegressor(share_support=share, fit_intercept=False).fit(X, Y).coef_, W))
    assert np.mean(errors[True]) < 0.6 * np.mean(errors[False])


def test_a_fixed_number_of_non_zeros(data):
    X, y, *_ = data
    full = so.TurboVBIRegressor().fit(X, y)
    for k in (0, 1, 7, 120):
        for debias in (False, True):
            model = so.TurboVBIRegressor(n_nonzero_coefs=k, debias=debias).fit(X, y)
            best = np.sort(np.argsort(-full.support_log_odds_, kind="stable")[:k])
            assert np.array_equal(model.support_, best) and np.count_nonzero(model.coef_) == k
            assert np.array_equal(np.flatnonzero(model.coef_std_), best)
            if debias and 0 < k < 70:
                centred = X[:, best] - X[:, best].mean(axis=0)
                expected = np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
                np.testing.assert_allclose(model.coef_[best], expected, rtol=1e-8)


def test_debias_is_least_squares_on_the_support(data):
    X, y, *_ = data
    model = so.TurboVBIRegressor(debias=True, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(X[:, model.support_].T @ (y - model.predict(X)), 0.0, atol=1e-9)
    rss = np.sum((y - model.predict(X)) ** 2)
    assert model.noise_variance_ == pytest.approx(rss / (80 - model.support_.size))


@pytest.mark.parametrize("m, share, snr", [(120, 0.5, 20.0), (90, 0.6, 20.0), (120, 0.5, 10.0)])
def test_intervals_cover(m, share, snr):
    """On chains drawn from the model, 90% intervals of coefficients that were found to be active, of those that are,
    and of new data hold 85 to 95% of them; noise and structure are learned."""
    found, active, predicted = [], [], []
    z = norm.ppf(0.95)
    rng = np.random.default_rng(10)
    for _ in range(30):
        X, y, coef, s, noise = draw_data(rng, 200, m, snr=snr, share=share)
        model = so.TurboVBIRegressor(fit_intercept=False, tol=1e-3).fit(X, y)
        inside = np.abs(model.coef_ - coef) <= z * model.coef_std_
        found += list(inside[model.support_prob_ > 0.5])
        active += list(inside[s])
        new = rng.standard_normal((50, 200)) / np.sqrt(m)
        mean, std = model.predict(new, return_std=True)
        predicted += list(np.abs(mean - new @ coef - np.sqrt(noise) * rng.standard_normal(50)) <= z * std)
    assert 0.85 <= np.mean(found) <= 0.95
    assert 0.85 <= np.mean(predicted) <= 0.95
    if snr == 20.0:  # small ones are lost in more noise
        assert 0.85 <= np.mean(active) <= 0.95


def test_std_of_predictions_is_the_posterior(data):
    """With the support certain and the noise given, the model is a ridge regression."""
    X, y, *_ = data
    model = so.TurboVBIRegressor(structure=IIDSupport(0.999, learn=False), noise_variance=0.5, fit_intercept=False,
                                 solver="full").fit(X, y)  # fmt: skip
    new = np.random.default_rng(0).standard_normal((9, 120))
    diagonal, root, cols, sign = model._spreads[0]
    Sigma = np.diag(diagonal) + sign * root.T @ root
    expected = np.sqrt(np.einsum("ij,jk,ik->i", new, Sigma, new) + 0.5)
    np.testing.assert_allclose(model.predict(new, return_std=True)[1], expected, rtol=1e-10)
    assert model.noise_variance_ == pytest.approx(0.5)


def test_structures_by_name_and_object():
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((40, 24)), rng.standard_normal(40)
    by_name = so.TurboVBIRegressor(structure="chain", shape=(4, 6)).fit(X, y)
    by_object = so.TurboVBIRegressor(structure=ChainSupport(shape=(4, 6))).fit(X, y)
    np.testing.assert_array_equal(by_name.coef_, by_object.coef_)
    for options in (dict(structure="grid", shape=(4, 6)), dict(structure="groups", groups=6), dict(structure="iid"),
                    dict(structure=TreeSupport(np.arange(24) // 2 - 1 + (np.arange(24) == 1)))):  # fmt: skip
        model = so.TurboVBIRegressor(**options).fit(X, y)
        assert np.all(np.isfinite(model.coef_))
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        assert clone(model).get_params()["structure"] == options["structure"]
    fixed = so.TurboVBIRegressor(learn_structure=False).fit(X, y)
    assert fixed.structure_ == ChainSupport(learn=False)


@pytest.mark.parametrize("solver", ["auto", "full", "woodbury", "active", "cavi"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2), (30, 4), (4, 30)], ids=str)
def test_small_shapes(shape, solver):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal(shape), rng.standard_normal(shape[0])
    for intercept in (True, False):
        model = so.TurboVBIRegressor(solver=solver, fit_intercept=intercept, noise_variance=0.1).fit(X, y)
        mean, std = model.predict(X, return_std=True)
        assert np.all(np.isfinite(mean)) and np.all(std > 0)


@pytest.mark.parametrize("evidence", ["extrinsic", "joint", "mean_field"])
def test_noise_only_zero_columns_and_zero_data(evidence):
    rng = np.random.default_rng(7)
    X, y = rng.standard_normal((60, 100)), rng.standard_normal(60)
    X[:, [3, 50]] = 0.0
    X[:, 4] = 7.0
    X[:, 6] = X[:, 5]
    model = so.TurboVBIRegressor(evidence=evidence).fit(X, y)
    assert np.all(model.coef_[[3, 4, 50]] == 0.0) and np.all(np.isfinite(model.coef_std_))
    zero = so.TurboVBIRegressor(evidence=evidence).fit(X, np.zeros(60))
    assert np.all(zero.coef_ == 0.0) and zero.converged_ and np.all(zero.predict(X) == 0.0)
    assert np.all(so.TurboVBIRegressor(evidence=evidence).fit(np.zeros((60, 4)), y).coef_ == 0.0)


def test_warnings_say_what_to_do(data):
    X, y, coef, *_ = data
    message = "after max_iter=3 iterations, tol=1e-05 was asked; raise max_iter or tol"
    with pytest.warns(ConvergenceWarning, match=message):
        so.TurboVBIRegressor(max_iter=3).fit(X, y)
    with pytest.warns(UserWarning, match="set noise_variance, or use fewer features or more samples"):
        so.TurboVBIRegressor(fit_intercept=False).fit(X, X @ coef)
    with pytest.warns(UserWarning, match="order itself"):
        GridSupport((10, 12), coupling=0.7)


@pytest.mark.parametrize("options, message", [
    (dict(structure="tree"), "structure must be one of"),
    (dict(structure=3), "structure must be one of"),
    (dict(structure=ChainSupport(shape=(5, 5))), "is a prior of 25 coefficients, X has 120 columns"),
    (dict(structure=ChainSupport(), shape=(10, 12)), "shape goes with a structure given by name"),
    (dict(shape=(7, 7)), "is a prior of 49 coefficients, X has 120 columns"),
    (dict(structure="iid", shape=(10, 12)), "shape goes with structure='chain' or 'grid'"),
    (dict(groups=[1, 2]), "groups goes with structure='groups'"),
    (dict(structure="grid"), r"structure='grid' needs shape=\(height, width\)"),
    (dict(structure="groups", groups=[0, 1]), "groups"),
    (dict(evidence="exact"), "evidence must be one of"),
    (dict(solver="mm"), "solver must be one of"),
    (dict(noise_variance=0.0), "noise_variance must be a number"),
    (dict(noise_variance=np.nan), "noise_variance must be a number"),
    (dict(inactive_ratio=2.0), "inactive_ratio must be a number"),
    (dict(anneal="yes"), "anneal must be True or False"),
    (dict(n_nonzero_coefs=121), "n_nonzero_coefs=121 is more than the 120 columns of X"),
    (dict(n_nonzero_coefs=-1), "n_nonzero_coefs must be an integer"),
    (dict(n_nonzero_coefs=2.5), "n_nonzero_coefs must be an integer"),
    (dict(max_iter=0), "max_iter must be an integer"),
    (dict(tol=-1.0), "tol must be a number"),
    (dict(tol="small"), "tol must be a number, got 'small'"),
    (dict(n_jobs=0), "n_jobs must be None or an integer other than 0"),
    (dict(n_threads=0), "n_threads must be"),
    (dict(share_support=1), "share_support must be True or False"),
])  # fmt: skip
def test_bad_parameters_are_refused(data, options, message):
    X, y, *_ = data
    with pytest.raises((ValueError, TypeError), match=message):
        so.TurboVBIRegressor(**options).fit(X, y)


def test_bad_data_are_refused(data):
    X, y, *_ = data
    for bad_X, bad_y, message in (
        (X * 1j, y, "Complex data not supported with an intercept"),
        (np.where(np.arange(120) == 5, np.nan, X), y, "NaN"),
        (X, np.where(np.arange(80) == 5, np.inf, y), "infinity"),
        (X[:, :0], y, "0 feature"), (X, y[:50], "inconsistent"), (X, y * 1e200, "y is too large"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            so.TurboVBIRegressor().fit(bad_X, bad_y)
    with pytest.raises(ValueError, match="y must have shape"):
        so.TurboVBIRegressor().fit(KroneckerDesign([np.ones((2, 2)), np.ones((2, 2))]), np.ones(5))
    model = so.TurboVBIRegressor().fit(X, y)
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :7])
    with pytest.raises(ValueError, match="expected 120 features"):
        model.predict(KroneckerDesign([np.ones((2, 2))]))
    with pytest.raises(TypeError, match="return_std must be True or False"):
        model.predict(X, return_std="yes")
    for factors, message in (([], "must be a sequence"), ([np.ones(3)], "factors\\[0\\] must be a dense matrix"),
                             ([np.full((2, 2), np.nan)], "NaN"), (["a"], "must be a dense matrix")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            KroneckerDesign(factors)


def test_data_are_not_changed(data):
    X, y, *_ = (np.array(a) for a in data)
    for a in (X, y):
        a.flags.writeable = False
    prior = ChainSupport(p01=0.05)
    weights = np.ones(80)
    so.TurboVBIRegressor(structure=prior).fit(X, y, sample_weight=weights)
    assert prior == ChainSupport(p01=0.05)


def test_without_groups_every_column_is_its_own_group(data):
    X, y = data[:2]
    alone = so.TurboVBIRegressor(structure="groups").fit(X, y)
    labelled = so.TurboVBIRegressor(structure="groups", groups=np.arange(X.shape[1])).fit(X, y)
    np.testing.assert_array_equal(alone.coef_, labelled.coef_)
