"""Sample weights mean repetition, in the fit, the grid, the folds and the score."""

import numpy as np
import pytest
from estimator_oracles import (
    CROSS_VALIDATED,
    EVERY,
    SINGLE,
    make_data,
    null_objective,
    objective_and_gap,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import linear_model
from sklearn.model_selection import GroupKFold

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning", "error::RuntimeWarning")

TIGHT = {"tol": 1e-12, "max_iter": 1000, "n_threads": 1}


@st.composite
def problems(draw):
    n, p = draw(st.integers(3, 25)), draw(st.integers(1, 30))
    X, y = make_data(n, max(p, 10), seed=draw(st.integers(0, 10_000)))
    s = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    s[draw(st.integers(0, n - 1))] += 1  # not all zero
    return X[:, :p], y, s


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    problem=problems(),
    kind=st.sampled_from(sorted(SINGLE)),
    layout=st.sampled_from([np.asfortranarray, np.ascontiguousarray, sparse.csc_matrix]),
    fit_intercept=st.booleans(),
    positive=st.booleans(),
    alpha=st.sampled_from([2.0, 0.3, 0.03]),
)
def test_weights_are_repetition(problem, kind, layout, fit_intercept, positive, alpha):
    X, y, s = problem
    model = SINGLE[kind](alpha, fit_intercept=fit_intercept, positive=positive, **TIGHT)
    model.fit(layout(X), y, sample_weight=s)
    coef, intercept, objective = model.coef_, model.intercept_, model.objective_
    long_X, long_y = np.repeat(X, s, axis=0), np.repeat(y, s)
    model.fit(layout(long_X), long_y)
    scale = null_objective(long_y, None, fit_intercept)
    assert objective == pytest.approx(model.objective_, rel=1e-9, abs=1e-11 * scale)
    rho = 1.0 if kind == "lasso" else 0.5
    for w, b in ((coef, intercept), (model.coef_, model.intercept_)):
        _, gap = objective_and_gap(long_X, long_y, w, b, alpha, rho, fit_intercept=fit_intercept, positive=positive)
        assert gap <= 1e-11 * scale + 1e-14 * np.abs(long_y).max() ** 2
    # the predictions of a lasso are unique even where its coefficients are not
    np.testing.assert_allclose(
        long_X @ coef + intercept, model.predict(long_X), atol=1e-5 * np.sqrt(scale) + 1e-9 * np.abs(y).max()
    )


@pytest.fixture(params=sorted(EVERY))
def name(request):
    return request.param


def quick(name, **parameters):
    return EVERY[name](**({"n_alphas": 15} if name in CROSS_VALIDATED else {"alpha": 0.1}), **parameters)


@pytest.mark.parametrize("kind", sorted(SINGLE))
@pytest.mark.parametrize("layout", [np.asfortranarray, np.ascontiguousarray, sparse.csc_matrix, sparse.csr_matrix])
def test_zero_weights_remove_rows(kind, layout):
    X, y = make_data()
    s = np.ones(60)
    s[[0, 17, 18, 59]] = 0.0
    kept = s > 0
    y[~kept] = 1e6  # must not be felt
    model = SINGLE[kind](0.1, **TIGHT).fit(layout(X), y, sample_weight=s)
    removed = SINGLE[kind](0.1, **TIGHT).fit(layout(X[kept]), y[kept])
    np.testing.assert_allclose(model.coef_, removed.coef_, atol=1e-9)
    assert model.intercept_ == pytest.approx(removed.intercept_, rel=1e-9)
    assert model.dual_gap_ == pytest.approx(removed.dual_gap_, abs=1e-11)


@pytest.mark.parametrize("factor", [1e-8, 7.0, 1e8])
def test_only_ratios_of_weights_matter(name, factor):
    X, y = make_data()
    s = np.random.default_rng(0).uniform(0.5, 2.0, 60)
    one, other = (quick(name, **TIGHT).fit(X, y, sample_weight=k * s) for k in (1.0, factor))
    np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-9)
    assert one.objective_ == pytest.approx(other.objective_, rel=1e-9)


def test_equal_weights_are_no_weights(name):
    X, y = make_data()
    plain = quick(name).fit(X, y)
    for s in (np.ones(60), np.full(60, 3), 2.5, [1] * 60):
        np.testing.assert_allclose(quick(name).fit(X, y, sample_weight=s).coef_, plain.coef_, atol=1e-9)


def test_one_row_with_weight(name):
    """A single row in effect: nothing to learn but its y. Cross-validation has no folds then and says so."""
    X, y = make_data()
    s = np.zeros(60)
    s[7] = 2.0
    if name in CROSS_VALIDATED:
        with pytest.raises(ValueError, match="fold"):
            quick(name).fit(X, y, sample_weight=s)
    else:
        model = quick(name).fit(X, y, sample_weight=s)
        assert not model.coef_.any() and model.intercept_ == pytest.approx(y[7])


def grouped(n, seed=0):
    """Weights, and row groups that put all copies of a row in one fold."""
    s = np.random.default_rng(seed).integers(0, 4, n)
    s[:5] = 1
    long = np.repeat(np.arange(n), s)
    folds = list(GroupKFold(5).split(np.zeros((n, 1)), groups=np.arange(n)))
    where = [np.isin(long, test) for _, test in folds]
    return s, long, folds, [(np.flatnonzero(~inside), np.flatnonzero(inside)) for inside in where]


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
@pytest.mark.parametrize("layout", [np.asfortranarray, np.ascontiguousarray, sparse.csc_matrix])
@pytest.mark.parametrize("rule", ["min", "1se"])
def test_cross_validation_with_weights_is_repetition(kind, layout, rule):
    X, y = make_data(80, 30, seed=2)
    s, long, folds, long_folds = grouped(80)
    options = dict(n_alphas=20, eps=1e-2, selection_rule=rule, **TIGHT)
    model = CROSS_VALIDATED[kind](cv=folds, **options).fit(layout(X), y, sample_weight=s)
    repeated = CROSS_VALIDATED[kind](cv=long_folds, **options).fit(layout(X[long]), y[long])
    np.testing.assert_allclose(model.alphas_, repeated.alphas_, rtol=1e-10)
    np.testing.assert_allclose(model.mse_path_, repeated.mse_path_, rtol=1e-7)
    np.testing.assert_allclose(model.mse_se_, repeated.mse_se_, rtol=1e-6)
    assert model.alpha_ == pytest.approx(repeated.alpha_, rel=1e-10)
    np.testing.assert_allclose(model.coef_, repeated.coef_, atol=1e-8)


@pytest.mark.parametrize("rho", [1.0, 0.4])
def test_weighted_cross_validation_against_scikit_learn(rho):
    X, y = make_data(60, 25, seed=4)
    s = np.random.default_rng(1).uniform(0.2, 3.0, 60)
    folds = [(np.setdiff1d(np.arange(60), test), test) for test in np.split(np.arange(60), 5)]
    alphas = np.geomspace(1.0, 1e-2, 12)
    ours = CROSS_VALIDATED["elastic_net_cv"](l1_ratio=rho, alphas=alphas, cv=folds, **TIGHT)
    ours.fit(X, y, sample_weight=s)
    theirs = linear_model.ElasticNetCV(l1_ratio=rho, alphas=alphas, cv=folds, tol=1e-12, max_iter=100_000)
    theirs.fit(X, y, sample_weight=s)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-6)
    assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@pytest.mark.parametrize(
    "bad, error, message",
    [
        (np.ones(59), ValueError, "sample_weight.*59.*60"),
        (np.ones(61), ValueError, "sample_weight.*61.*60"),
        ([], ValueError, "sample_weight"),
        (np.ones((60, 1)), ValueError, r"sample_weight.*\(60, 1\)"),
        (np.r_[-1.0, np.ones(59)], ValueError, "sample_weight.*-1"),
        (np.r_[np.nan, np.ones(59)], ValueError, "sample_weight.*NaN"),
        (np.r_[np.ones(59), np.inf], ValueError, "sample_weight.*inf"),
        (np.zeros(60), ValueError, "sample_weight.*zero"),
        (0.0, ValueError, "sample_weight.*zero"),
        (-2.0, ValueError, "sample_weight.*-2"),
        (["a"] * 60, (ValueError, TypeError), "sample_weight"),
        (np.ones(60, dtype=complex), (ValueError, TypeError), "sample_weight"),
        ("balanced", (ValueError, TypeError), "sample_weight"),
    ],
    ids="short long empty column negative nan inf zeros zero number text complex word".split(),
)  # fmt: skip
def test_bad_weights(name, bad, error, message):
    X, y = make_data()
    with pytest.raises(error, match=f"(?i){message}"):
        quick(name).fit(X, y, sample_weight=bad)


@pytest.mark.parametrize("factor", [5e-324 / 0.5, 1e-300, 1e-250, 1e200, 8e307])
def test_extreme_weights_are_right(name, factor):
    """Weights whose squares underflow or whose sum overflows: only their ratios matter."""
    X, y = make_data()
    s = np.random.default_rng(0).choice([1.0, 2.0], 60)
    one, other = (quick(name, **TIGHT).fit(X, y, sample_weight=k * s) for k in (1.0, factor))
    np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-8)
    assert one.objective_ == pytest.approx(other.objective_, rel=1e-9)


def test_equal_huge_weights(name):
    X, y = make_data()
    model = quick(name, **TIGHT).fit(X, y, sample_weight=np.full(60, 1e308))
    np.testing.assert_allclose(model.coef_, quick(name, **TIGHT).fit(X, y).coef_, atol=1e-8)


def test_weights_of_very_different_sizes(name):
    """Rows whose weight is negligible beside the others are as good as absent; the others lose nothing."""
    X, y = make_data()
    s = np.ones(60)
    s[::6] = 1e-200
    if name in CROSS_VALIDATED:
        model = quick(name, cv=3, **TIGHT).fit(X, y, sample_weight=s)
        assert np.all(np.isfinite(model.mse_path_))
    kept = s == 1.0
    one, other = SINGLE["lasso"](0.1, **TIGHT).fit(X, y, s), SINGLE["lasso"](0.1, **TIGHT).fit(X[kept], y[kept])
    np.testing.assert_allclose(one.coef_, other.coef_, atol=1e-8)
