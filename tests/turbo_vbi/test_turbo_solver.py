"""The posterior of x against dense formulas, bounds that must rise, recovery, Gram form, kernels."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from turbo_oracles import draw_data, nmse

import sparseopt as so
from sparseopt._ext import _cavi, _support_messages
from sparseopt.designs import KroneckerDesign
from sparseopt.exceptions import InvalidProblemError
from sparseopt.solvers.turbo_vbi import solve_gram, solve_turbo
from sparseopt.solvers.turbo_vbi.evidence import WIDEST
from sparseopt.solvers.turbo_vbi.posterior import Active, Cavi, Full, Woodbury
from sparseopt.solvers.turbo_vbi.refit import refit
from sparseopt.solvers.turbo_vbi.systems import linear_system
from sparseopt.supports import ChainSupport, GridSupport, GroupSupport, IIDSupport

SHAPES = [(30, 20), (20, 30), (1, 7), (7, 1)]


def problem(shape, kind="real", seed=0):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal(shape), rng.standard_normal(shape[0])
    if kind == "complex":
        X, y = X + 1j * rng.standard_normal(shape), y + 1j * rng.standard_normal(shape[0])
    D = rng.uniform(0.3, 2.0, shape[1]) ** 4
    return X, y, D, 3.7


def dense_posterior(A, y, D, kappa):
    """Mean, variance, cavity, residual, trace, log det by the formulas of the definition."""
    P = kappa * A.conj().T @ A + np.diag(1 / D)
    Sigma = np.linalg.inv(P)
    mean = kappa * Sigma @ A.conj().T @ y
    variance = np.diag(Sigma).real
    t = 1 / variance - 1 / D
    trace = np.trace(A @ Sigma @ A.conj().T).real
    return mean, variance, t, mean / (variance * t), np.sum(np.abs(y - A @ mean) ** 2), trace, -np.linalg.slogdet(P)[1]


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("solver", [Full, Woodbury, lambda s, y: Active(s, y, threshold=0.0)],
                         ids=["full", "woodbury", "active"])  # fmt: skip
def test_posterior_equals_the_dense_formula(solver, shape, kind):
    X, y, D, kappa = problem(shape, kind)
    system = linear_system(X)
    A = X / np.linalg.norm(X, axis=0)
    expected = dense_posterior(A, y, D, kappa)
    posterior = solver(system, y)
    found = posterior(D, kappa, 1.0)
    names = ("mean", "variance", "cavity_precision", "cavity_mean", "residual2", "trace")
    for name, value in zip(names, expected, strict=False):
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-8, atol=1e-10, err_msg=name)
    if not isinstance(posterior, Active):
        assert found.log_det == pytest.approx(expected[-1], rel=1e-9)
    diagonal, root, cols, sign = posterior.spread(D, kappa, found.variance)
    Sigma = np.diag(diagonal).astype(A.dtype)
    Sigma[np.ix_(cols, cols)] += sign * root.conj().T @ root
    np.testing.assert_allclose(Sigma, np.linalg.inv(kappa * A.conj().T @ A + np.diag(1 / D)), atol=1e-10)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_rough_steps_are_close_and_left_out_where_they_would_not_be(kind):
    X, y, D, kappa = problem((30, 60), kind)
    posterior = Woodbury(linear_system(X), y)
    rough, exact = posterior(D, kappa, rough=True), posterior(D, kappa)
    for name in ("mean", "variance", "cavity_precision", "cavity_mean", "residual2", "trace"):
        found, expected = getattr(rough, name), getattr(exact, name)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)
        assert np.asarray(found).dtype == np.asarray(expected).dtype
    assert not np.array_equal(rough.mean, exact.mean)
    np.testing.assert_array_equal(posterior(D, 1e9, rough=True).mean, posterior(D, 1e9).mean)


def test_active_set_is_exact_on_the_set_and_sees_the_rest_as_noise():
    X, y, _, kappa = problem((40, 60))
    system = linear_system(X)
    A = X / np.linalg.norm(X, axis=0)
    D = np.where(np.arange(60) < 15, 1.0, 1e-5)
    found = Active(system, y)(D, kappa, 1.0)
    exact = dense_posterior(A, y, D, kappa)
    for name, value in zip(("mean", "variance", "cavity_precision", "cavity_mean"), exact, strict=False):
        np.testing.assert_allclose(getattr(found, name), value, rtol=2e-3, atol=1e-4, err_msg=name)
    hidden = 45e-5 / 40
    inside = dense_posterior(A[:, :15], y, D[:15], 1 / (1 / kappa + hidden))
    np.testing.assert_allclose(found.mean[:15], inside[0], rtol=1e-9)
    np.testing.assert_allclose(found.variance[:15], inside[1], rtol=1e-9)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_columns_that_come_and_go_are_seen_as_with_the_whole_gram_matrix(kind):
    X, y, _, kappa = problem((40, 60), kind)
    known = linear_system(X)
    known.prepare()
    some, every = Active(linear_system(X), y), Active(known, y)
    for first, last in ((0, 15), (5, 25), (20, 45), (0, 20)):
        D = np.where((np.arange(60) >= first) & (np.arange(60) < last), 1.0, 1e-5)
        center = np.linspace(-0.5, 0.5, 60) * D
        found, expected = some(D, kappa, 1.0, center), every(D, kappa, 1.0, center)
        np.testing.assert_allclose(found.mean[first:last], expected.mean[first:last], rtol=1e-10, atol=1e-12)
        for name in ("mean", "variance", "cavity_precision", "cavity_mean", "residual2", "trace"):
            a, b = getattr(found, name), getattr(expected, name)
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)


def centred(X, weights):
    shares = weights / weights.sum()
    center = shares @ X
    return center, np.sqrt(weights)[:, None] * (X - center)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", ["dense", "csc", "kronecker"])
def test_systems_are_the_matrix_they_stand_for(form, dtype):
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((3, 4)), rng.standard_normal((5, 2))]
    dense = np.kron(*factors) if form == "kronecker" else rng.standard_normal((15, 8)) * (rng.random((15, 8)) < 0.5)
    dense[:, 3] = 0.0 if form != "kronecker" else dense[:, 3]
    dense = dense if form == "kronecker" else dense.astype(dtype).astype(float)
    X = {"dense": dense.astype(dtype), "csc": sparse.csc_array(dense.astype(dtype)), "kronecker": None}[form]
    X = KroneckerDesign(factors) if form == "kronecker" else X
    weights = rng.uniform(0.5, 2.0, 15)
    center, A = centred(dense, weights)
    for args, full in (((center, np.sqrt(weights)), A), ((None, None), dense)):
        system = linear_system(X, *args)
        norms = np.linalg.norm(full, axis=0)
        full = full / np.where(norms > 0, norms, 1.0)
        for whole in (True, False):
            if not whole:
                system._whole, system._gram = None, None
            v, x, D = rng.standard_normal(15), rng.standard_normal(8), rng.random(8)
            np.testing.assert_allclose(system.adjoint(v), full.T @ v, atol=1e-12)
            np.testing.assert_allclose(system.forward(x), full @ x, atol=1e-12)
            np.testing.assert_allclose(np.tril(system.outer(D)), np.tril((full * D**2) @ full.T), atol=1e-12)
            np.testing.assert_allclose(system.gram_rows(np.array([1, 5])), full[:, [1, 5]].T @ full, atol=1e-12)
            np.testing.assert_allclose(system.take(np.array([6, 2])), full[:, [6, 2]], atol=1e-12)


@pytest.mark.parametrize("form", ["dense", "csc", "complex"])
def test_sweeps_go_to_the_posterior_mean(form):
    rng = np.random.default_rng(1)
    X, y, D, kappa = problem((25, 12), "complex" if form == "complex" else "real")
    weights, center = rng.uniform(0.5, 2.0, 25), None
    roots = None
    if form != "complex":
        center, A = centred(X, weights)
        roots = np.sqrt(weights)
        y = roots * (y - weights @ y / weights.sum())
    else:
        A = X
    system = linear_system(sparse.csc_matrix(X) if form == "csc" else X, center, roots)
    sweeps = Cavi(system, y)
    for _ in range(400):
        found = sweeps(D, kappa)
    A = A / np.linalg.norm(A, axis=0)
    mean, *_ = dense_posterior(A, y, D, kappa)
    np.testing.assert_allclose(found.mean, mean, atol=1e-9)
    np.testing.assert_allclose(found.variance, 1 / (kappa + 1 / D), rtol=1e-12)
    np.testing.assert_allclose(found.residual2, np.sum(np.abs(y - A @ mean) ** 2), rtol=1e-8)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("evidence", ["joint", "mean_field"])
@pytest.mark.parametrize("solver", ["woodbury", "full", "cavi"])
def test_bounds_rise(evidence, kind, solver):
    """Each step maximises the bound over its own part."""
    X, y, *_ = draw_data(np.random.default_rng(3), 80, 40, kind=kind)
    system = linear_system(X)
    options = dict(evidence=evidence, solver=solver, anneal=False, inactive_ratio=0.01, max_iter=60)
    for prior in (ChainSupport(learn=False), GroupSupport(4, learn=False), IIDSupport(learn=False)):
        bounds = solve_turbo(system, y[:, None], prior.bind(80), **options).bounds
        assert len(bounds) > 5 and np.all(np.isfinite(bounds)) and bounds[-1] > bounds[0] + 1.0
        assert np.all(np.diff(bounds) >= -1e-9 * np.abs(bounds[:-1]))
    Y = np.stack([y, X @ np.roll(np.ones(80) * (np.arange(80) < 5), 9)], axis=1)
    bounds = solve_turbo(system, Y, ChainSupport(learn=False), **options).bounds
    assert np.all(np.diff(bounds) >= -1e-9 * np.abs(bounds[:-1]))


def test_bound_is_nan_where_there_is_none():
    X, y, *_ = draw_data(np.random.default_rng(3), 64, 40)
    system = linear_system(X)
    assert np.all(np.isnan(solve_turbo(system, y[:, None], ChainSupport()).bounds))
    grid = solve_turbo(system, y[:, None], GridSupport((8, 8)), evidence="joint", max_iter=5)
    assert np.all(np.isnan(grid.bounds))


@pytest.mark.parametrize("solver", ["woodbury", "full"])
def test_solvers_agree_along_the_iteration(solver):
    X, y, *_ = draw_data(np.random.default_rng(4), 60, 40)
    system = linear_system(X)
    found = [solve_turbo(system, y[:, None], ChainSupport(), solver=s, max_iter=5) for s in ("woodbury", solver)]
    exact = Active(system, y, threshold=0.0)
    np.testing.assert_allclose(found[0].mean, found[1].mean, atol=1e-8)
    last = found[0].targets[0]
    moments = exact(last.used_D, last.used_kappa, 1.0, last.used_center)
    np.testing.assert_allclose(moments.mean, last.moments.mean, atol=1e-8)
    np.testing.assert_allclose(moments.variance, last.moments.variance, atol=1e-8)


@pytest.mark.parametrize("solver", ["auto", "woodbury", "active"])
def test_recovery_on_fresh_chains(solver):
    """N = 256, M = 128, 25 dB: the acceptance test of the method."""
    rng = np.random.default_rng(2024)
    errors, learned = [], []
    for _ in range(20):
        X, y, coef, *_ = draw_data(rng, 256, 128)
        system = linear_system(X)
        found = solve_turbo(system, y[:, None], ChainSupport(), solver=solver)
        errors.append(nmse(found.mean[0] / system.columns.norms, coef))
        learned.append([found.support.p01, found.support.p10])
    assert 10 * np.log10(np.median(errors)) <= -25.0
    assert max(errors) < 0.1
    p01, p10 = np.mean(learned, axis=0)
    assert 0.01 <= p01 <= 0.04 and 0.08 <= p10 <= 0.18


def test_structure_beats_sparse_bayesian_learning():
    """N = 256, M = 128, 25 dB: the mean error is at least 5 dB below that of SBL, and no more draws fail."""
    rng = np.random.default_rng(2025)
    errors = {"chain": [], "SBL": []}
    for _ in range(20):
        X, y, coef, *_ = draw_data(rng, 256, 128)
        for name, model in (("chain", so.TurboVBIRegressor(fit_intercept=False)),
                            ("SBL", so.SBLRegressor(fit_intercept=False))):  # fmt: skip
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                errors[name].append(nmse(model.fit(X, y).coef_, coef))
    mean = {name: 10 * np.log10(np.mean(values)) for name, values in errors.items()}
    failures = {name: np.sum(np.array(values) > 0.1) for name, values in errors.items()}
    assert mean["chain"] <= mean["SBL"] - 5.0 and 2 * failures["chain"] <= failures["SBL"]


def blobs(rng, height=24, width=24, k=58):
    """Patches that are not drawn from the model: the largest values of blurred noise."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal((height, width)), 2.0)
    s = field >= np.sort(field, axis=None)[-k]
    return s.ravel()


def test_recovery_of_patches():
    rng = np.random.default_rng(7)
    errors = {"grid": [], "iid": []}
    for _ in range(5):
        s = blobs(rng)
        coef = s * rng.standard_normal(s.size)
        X = rng.standard_normal((150, s.size)) / np.sqrt(150)
        clean, noise = X @ coef, rng.standard_normal(150)
        y = clean + noise * np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-25 / 20)
        system = linear_system(X)
        for name, prior in (("grid", GridSupport((24, 24))), ("iid", IIDSupport())):
            found = solve_turbo(system, y[:, None], prior)
            errors[name].append(nmse(found.mean[0] / system.columns.norms, coef))
    assert 10 * np.log10(np.mean(errors["grid"])) <= -19.0
    assert np.mean(errors["grid"]) < np.mean(errors["iid"])


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_fixed_point_matches_moments(kind):
    """At the end the posterior has the mean and variance of cavity times mixture, and the noise reproduces itself."""
    X, y, *_ = draw_data(np.random.default_rng(8), 100, 60, kind=kind)
    system, h = linear_system(X), 0.5 if kind == "real" else 1.0
    found = solve_turbo(system, y[:, None], ChainSupport(), solver="woodbury", tol=1e-10, max_iter=3000)
    target = found.targets[0]
    A = X / np.linalg.norm(X, axis=0)
    s1, s0 = target.s1, 1e-6 * target.s1
    shifted = dense_posterior(A, y - A @ target.center, target.D, target.kappa)
    mean, variance, t, m = shifted[0] + target.center, shifted[1], shifted[2], shifted[3] + target.center
    v = 1 / t
    llr = h * (np.log((v + s0) / (v + s1)) + np.abs(m) ** 2 * (1 / (v + s0) - 1 / (v + s1)))
    prob = found.support.messages(llr).prob
    np.testing.assert_allclose(prob, found.prob, atol=1e-5)
    first, second = 0.0, 0.0
    for share, s in ((prob, s1), (1 - prob, s0)):
        first = first + share * m * s / (v + s)
        second = second + share * (v * s / (v + s) + np.abs(m * s / (v + s)) ** 2)
    np.testing.assert_allclose(mean, first, atol=1e-6)
    np.testing.assert_allclose(mean, found.mean[0], atol=1e-6)
    exists = target.D < 0.99 * s1 * WIDEST  # otherwise the mixture is wider than the cavity
    assert exists.sum() > 90
    np.testing.assert_allclose((second - np.abs(first) ** 2)[exists], variance[exists], rtol=1e-3)
    assert target.kappa == pytest.approx(60 / (shifted[4] + shifted[5]), rel=1e-4)


@pytest.mark.parametrize("solver", [Full, Woodbury, Cavi, Active, lambda s, y: Active(s, y, exact=Woodbury(s, y))],
                         ids=["full", "woodbury", "cavi", "active", "switch"])  # fmt: skip
def test_prior_mean_is_a_shift_of_the_data(solver):
    X, y, D, kappa = problem((30, 60), "complex")
    D[20:] *= 1e-8
    system = linear_system(X)
    A = X / np.linalg.norm(X, axis=0)
    center = np.random.default_rng(1).standard_normal(60)
    plain, moved = solver(system, y), solver(system, y + A @ center)
    for _ in range(7):  # the first are rough
        expected, found = plain(D, kappa, 1.0), moved(D, kappa, 1.0, center)
    tol = 1e-9 if solver is not Cavi else np.inf  # sweeps start elsewhere
    for name in ("mean", "cavity_mean"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name) + center, atol=tol, err_msg=name)
    for name in ("variance", "cavity_precision", "trace", "residual2"):
        if name != "residual2" or solver is not Cavi:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-7, err_msg=name)
    if solver is Cavi:
        for _ in range(400):
            found = moved(D, kappa, 1.0, center)
        np.testing.assert_allclose(found.mean, dense_posterior(A, y, D, kappa)[0] + center, atol=1e-7)


def test_zero_column_and_duplicates():
    X, y, *_ = draw_data(np.random.default_rng(9), 60, 40)
    X[:, 7] = 0.0
    X[:, 8] = X[:, 9]
    for solver in ("full", "woodbury", "active", "cavi", "auto"):
        found = solve_turbo(linear_system(X), y[:, None], ChainSupport(), solver=solver)
        assert found.mean[0, 7] == 0.0 and np.all(np.isfinite(found.mean)) and np.all(np.isfinite(found.variance))
        assert found.mean[0, 8] == pytest.approx(found.mean[0, 9], abs=1e-4 if solver != "cavi" else 1.0)


def test_refit_is_least_squares_or_ridge():
    X, y, *_ = draw_data(np.random.default_rng(10), 60, 40)
    system = linear_system(X)
    A = X / np.linalg.norm(X, axis=0)
    cols = np.array([3, 10, 11])
    options = dict(active_variance=2.0, noise_variance=0.3, learn_noise=True)
    free = refit(system, y, cols, debias=True, **options)
    expected, rss, *_ = np.linalg.lstsq(A[:, cols], y, rcond=None)
    np.testing.assert_allclose(free.coef, expected, rtol=1e-10)
    assert free.noise_variance == pytest.approx(rss[0] / 37)
    np.testing.assert_allclose(
        free.variance, np.diag(np.linalg.inv(A[:, cols].T @ A[:, cols])) * rss[0] / 37, rtol=1e-9
    )
    bound = refit(system, y, cols, debias=False, **options)
    mean, variance, *_ = dense_posterior(A[:, cols], y, np.full(3, 2.0), 1 / 0.3)
    np.testing.assert_allclose(bound.coef, mean, rtol=1e-9)
    np.testing.assert_allclose(bound.variance, variance, rtol=1e-9)
    assert refit(system, y, np.arange(0), debias=True, **options).coef.size == 0


def test_gram_form_equals_the_regression():
    """With the noise given, rows of a Gram matrix are regressions with full solver."""
    rng = np.random.default_rng(11)
    X = rng.standard_normal((90, 24))
    X /= np.linalg.norm(X, axis=0)
    W = np.stack([np.where(np.arange(24) // 6 == k, 1.0, 0.0) * rng.standard_normal(24) for k in (0, 2)])
    Y = X @ W.T
    prior = ChainSupport(shape=(2, 24), learn=False)
    found = solve_gram(X.T @ X, (X.T @ Y).T, prior, noise_variance=0.01, active_variance=1.0, max_iter=400, tol=1e-12)
    assert found.converged and found.coef.shape == (2, 24)
    # fixed point of each row, by the dense formulas
    for k in range(2):
        second = found.std[k] ** 2 + found.coef[k] ** 2
        mean, variance, t, m, *_ = dense_posterior(X, Y[:, k], second, 100.0)
        v, s1, s0 = 1 / t, 1.0, 1e-4
        llr = 0.5 * (np.log((v + s0) / (v + s1)) + m**2 * (1 / (v + s0) - 1 / (v + s1)))
        assert np.all((llr > 0)[W[k] != 0] | (np.abs(W[k][W[k] != 0]) < 0.5))
    single = ChainSupport(shape=(1, 24), learn=False)
    options = dict(noise_variance=0.01, active_variance=1.0, max_iter=400, tol=1e-12)
    alone = solve_gram(X.T @ X, (X.T @ Y).T[:1], single, **options)
    np.testing.assert_allclose(alone.log_odds[0], found.log_odds[0], atol=1e-6)
    kept = solve_gram(X.T @ X, (X.T @ Y).T, prior, noise_variance=0.01, n_nonzero=12)
    assert np.count_nonzero(kept.coef) == 12
    for k in range(2):
        on = np.flatnonzero(kept.coef[k])
        np.testing.assert_allclose((X.T @ (Y[:, k] - X @ kept.coef[k]))[on], 0.0, atol=1e-8)


@pytest.mark.parametrize("change, message", [
    (dict(gram=np.ones((2, 3))), "gram must be square"),
    (dict(gram=np.array([[1.0, 2.0], [0.0, 1.0]])), "gram must be symmetric"),
    (dict(gram=np.full((2, 2), np.nan)), "must not contain NaN"),
    (dict(b=np.ones((3, 4))), r"b must have shape \(n_rows, 2\), got \(3, 4\)"),
    (dict(noise_variance=0.0), "noise_variance must be a number"),
    (dict(n_nonzero=7), r"n_nonzero must lie in 0..6, got 7"),
    (dict(support=ChainSupport(shape=(2, 2))), "is a prior of 4 coefficients"),
    (dict(inactive_ratio=1.0), "inactive_ratio must be"),
])  # fmt: skip
def test_bad_gram_input_is_refused(change, message):
    good = dict(gram=np.eye(2), b=np.ones((3, 2)), support=ChainSupport(), noise_variance=1.0)
    with pytest.raises((InvalidProblemError, ValueError, TypeError), match=message):
        solve_gram(**{**good, **change})


def test_kernels_refuse_shapes_that_disagree():
    a, b = np.zeros(6), np.zeros(6)
    with pytest.raises(ValueError, match="are no chains"):
        _support_messages.chains(a, b, b.copy(), np.zeros((1, 5)), 4, 1, 0.1, 0.1, 0.5)
    with pytest.raises(ValueError, match="stats shape"):
        _support_messages.chains(a, b, b.copy(), np.zeros((2, 5)), 6, 1, 0.1, 0.1, 0.5)
    with pytest.raises(ValueError, match="must lie in 0..5"):
        order = np.full(6, 9, dtype=np.intp)
        _support_messages.tree(a, order, order, b, b.copy(), b.copy(), np.zeros(5), 0.1, 0.1, 0.5)
    with pytest.raises(ValueError, match="messages must have shape"):
        small = np.zeros((4, 1, 2, 2))
        _support_messages.flood(np.zeros((1, 2, 3)), small, small.copy(), 0.0, np.ones(3), 0.0)
    with pytest.raises(ValueError, match="shapes disagree"):
        _cavi.sweep_dense(np.zeros((3, 2), order="F"), a, a, 1.0, b, b.copy())
    data, rows, starts = np.ones(2), np.array([0, 9], dtype=np.int32), np.array([0, 1, 2], dtype=np.int32)
    two, three = np.ones(2), np.ones(3)
    with pytest.raises(ValueError, match="sparse structure is broken"):
        _cavi.sweep_csc(data, rows, starts, two, three, two, two, two, 1.0, two.copy(), three.copy(), 0.0)
    for shape in ((0, 3), (3, 0), (0, 0)):
        m, n = shape
        _cavi.sweep_dense(np.zeros(shape, order="F"), np.ones(n), np.ones(n), 1.0, np.zeros(n), np.zeros(m))
    _support_messages.chains(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros((0, 5)), 3, 1, 0.1, 0.1, 0.5)
    _support_messages.flood(np.zeros((0, 2, 3)), np.zeros((4, 0, 2, 3)), np.zeros((4, 0, 2, 3)), 0.0, np.ones(3), 0.0)
