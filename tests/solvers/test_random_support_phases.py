"""Both phases against dense formulas: peeling, selection, exchanges, refits, certificate, nearly dependent sets."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from sparseopt import datasets
from sparseopt._ext import _greedy, _peeling
from sparseopt.solvers.random_support import PeelingRule, certify, peel_levels, unit_columns
from sparseopt.solvers.random_support.criterion import ebic
from sparseopt.solvers.random_support.forward import forward_selection
from sparseopt.solvers.random_support.lasso import entry_order, lasso_path
from sparseopt.solvers.random_support.null_sets import find_null_sets
from sparseopt.solvers.random_support.peeling import leading_subspace
from sparseopt.solvers.random_support.polish import delete, swap
from sparseopt.solvers.random_support.refit import least_squares, prefix_rss

HARD = {
    "common": (datasets.make_common_factor, {}),
    "latent": (datasets.make_latent_factors, {}),
    "mixed": (datasets.make_latent_factors, {"own": (1e-6, 1.0)}),
    "groups": (datasets.make_nested_groups, {}),
    "multiscale": (datasets.make_multiscale, {}),
    "tree": (datasets.make_tree_factors, {}),
    "walk": (datasets.make_random_walk, {}),
    "spectrum": (datasets.make_decaying_spectrum, {}),
}
EASY = {
    "autoregressive": (datasets.make_autoregressive, {}),
    "independent": (datasets.make_autoregressive, {"rho": 0.0}),
    "duplicates": (datasets.make_near_duplicates, {}),
    "triples": (datasets.make_dependent_triples, {}),
}


def instance(kind, seed=0, n=200, d=500):
    make, options = {**HARD, **EASY}[kind]
    return make(n, d, random_state=seed, **options)


def peeled(X, rule=None, n_threads=1):
    unit = unit_columns(X, center=False)
    return unit, list(peel_levels(unit.columns, unit.total, rule or PeelingRule(), n_threads))[-1]


def reference_peeling(X, rule):
    """The definition, with dense numpy and a full eigendecomposition."""
    n, d = X.shape
    R = X / np.linalg.norm(X, axis=0)
    a, U, dims = np.ones(d), np.zeros((n, 0)), []
    for _ in range(rule.max_rounds):
        alive = a > 0
        if alive.sum() < 2 or n - U.shape[1] < 3:
            break
        values, V = np.linalg.eigh(R @ R.T / alive.sum())
        V = V[:, values >= rule.threshold(n - U.shape[1], int(alive.sum()))]
        energy = ((V.T @ R) ** 2).sum(axis=0)
        inside = (alive & (energy >= 1 - rule.rho**2)).sum()
        if V.shape[1] == 0 or inside < rule.min_frac * d or U.shape[1] + V.shape[1] > int(rule.max_dim * n):
            break
        for _ in range(2):
            R = R - V @ (V.T @ R)
        norms = np.linalg.norm(R, axis=0)
        a = np.where(a * norms < rule.rank_tol, 0.0, a * norms)
        R = np.where(a > 0, R / np.where(norms > 0, norms, 1.0), 0.0)
        U = np.hstack([U, V])
        R = R - U @ (U.T @ R)
        norms = np.linalg.norm(R, axis=0)
        R = R / np.where(norms > 0, norms, 1.0)
        dims.append(V.shape[1])
    return dims, U, R, a


@pytest.mark.parametrize("kind", HARD)
def test_peeling_is_what_its_definition_says(kind):
    X, _, _ = instance(kind)
    unit, state = peeled(X)
    dims, U, Z, a = reference_peeling(X, PeelingRule())
    assert state.dims == dims and len(dims) > 0
    np.testing.assert_allclose(state.basis @ state.basis.T, U @ U.T, atol=1e-5)
    alive = a > 1e-9  # below, the two roundings differ
    np.testing.assert_allclose(state.norms[-1][alive], a[alive], rtol=1e-3)
    cosine = (state.residual[:, alive] * Z[:, alive]).sum(axis=0)
    np.testing.assert_allclose(cosine, 1.0, atol=1e-4)


@pytest.mark.parametrize("kind", HARD)
def test_invariants_of_peeling(kind):
    X, _, _ = instance(kind)
    unit, state = peeled(X)
    U, Z, a = state.basis, state.residual, state.norms[-1]
    assert np.abs(U.T @ U - np.eye(U.shape[1])).max() <= 1e-13
    Q = unit.columns - U @ (U.T @ unit.columns)
    assert np.abs(Q - Z * a).max() <= 1e-13
    norms = np.linalg.norm(Z, axis=0)
    np.testing.assert_allclose(norms[a > 0], 1.0, rtol=1e-14)
    assert not Z[:, a == 0].any()
    for before, after in itertools.pairwise(state.norms):
        assert np.all(after <= before * (1 + 1e-12))


@pytest.mark.parametrize(
    "kind, dims", [("common", [1]), ("latent", [5]), ("mixed", [5, 5, 5, 5]), ("tree", [1, 3, 12])]
)
def test_structure_is_found(kind, dims):
    for seed in range(3):
        assert peeled(instance(kind, seed)[0])[1].dims == dims


def test_structure_that_varies_with_the_draw():
    for seed in range(3):
        dims = peeled(instance("groups", seed)[0])[1].dims
        assert dims[0] == 4 and len(dims) in (4, 5) and 11 <= sum(dims) <= 13
        _, state = peeled(instance("multiscale", seed)[0])
        assert state.dims[:3] == [1, 1, 1]
        assert 1e-11 < np.median(state.norms[-1]) < 1e-9
        dims = peeled(instance("walk", seed)[0])[1].dims
        assert len(dims) == 2 and 12 <= sum(dims) <= 13


@pytest.mark.parametrize("kind", EASY)
def test_easy_designs_are_left_alone(kind):
    for seed in range(3):
        unit, state = peeled(instance(kind, seed)[0])
        assert state.dims == [] and state.residual is unit.columns and state.stopped_by == "clean"


@pytest.mark.parametrize(
    "kind, tol_u, tol_z",
    [("common", 1e-12, 1e-10), ("latent", 1e-12, 1e-10), ("tree", 1e-12, 1e-10), ("mixed", 1e-12, 1e-10),
     ("groups", 1e-7, 1e-7), ("multiscale", 1e-5, 1e-5)],
)  # fmt: skip
def test_transform_reproduces_the_training_rows(kind, tol_u, tol_z):
    X, _, _ = instance(kind)
    unit, state = peeled(X)
    alive = state.norms[-1] > 0
    for level in range(len(state.rounds) + 1):
        P, R = state.transform(unit.columns.copy(order="F"), level)
        np.testing.assert_allclose(P, state.basis[:, : state.dim(level)], atol=tol_u)
    np.testing.assert_allclose(R[:, alive], state.residual[:, alive], atol=tol_z)
    cols = np.arange(0, 500, 50)
    np.testing.assert_allclose(
        state.residual_columns(unit.columns[:, cols], len(state.rounds)), state.residual[:, cols], atol=tol_z
    )


@pytest.mark.parametrize("kind", ["common", "tree", "walk", "mixed"])
def test_pulled_back_coefficients_predict_the_same(kind):
    X, _, _ = instance(kind)
    unit, state = peeled(X)
    rng = np.random.default_rng(0)
    level = len(state.rounds)
    inside, outside = rng.standard_normal(state.basis.shape[1]), np.zeros(500)
    outside[rng.choice(500, 5, replace=False)] = rng.standard_normal(5)
    coef = state.pull_back(inside, outside, level)
    scale = np.abs(coef).sum()  # rounding grows with the coefficients that cancel
    np.testing.assert_allclose(
        unit.columns @ coef, state.basis @ inside + state.residual @ outside, atol=1e-13 * max(scale, 1.0)
    )


@pytest.mark.parametrize("shape", [(30, 90), (90, 30), (1, 5), (250, 200)])
def test_gram_and_leading_subspace(shape):
    R = np.asfortranarray(np.random.default_rng(0).standard_normal(shape))
    for by_rows in (True, False):
        size = shape[0] if by_rows else shape[1]
        M = np.empty((size, size), order="F")
        _peeling.gram(R, by_rows, 0.5, M)
        np.testing.assert_allclose(M, 0.5 * (R @ R.T if by_rows else R.T @ R), atol=1e-12 * shape[1])
    values, V = leading_subspace(R, shape[1], 1.0 / shape[1])
    full = np.linalg.svd(R, compute_uv=False) ** 2 / shape[1]
    np.testing.assert_allclose(values, full[full >= 1.0 / shape[1]], rtol=1e-10)
    np.testing.assert_allclose(V.T @ V, np.eye(V.shape[1]), atol=1e-12)
    np.testing.assert_allclose(R @ (R.T @ V) / shape[1], V * values, atol=1e-12 * values.max(initial=1.0))


def test_nothing_depends_on_the_number_of_threads():
    X, y, _ = instance("groups")
    one, two = peeled(X, n_threads=1)[1], peeled(X, n_threads=3)[1]
    np.testing.assert_array_equal(one.residual, two.residual)
    np.testing.assert_array_equal(one.basis, two.basis)
    orders = [forward_selection(one.residual, y, 30, n_threads=t) for t in (1, 2, 4)]
    np.testing.assert_array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[0], orders[2])


def explicit_selection(Z, y, size, normalise=True):
    """Forward selection with every residual column formed."""
    R, r, first, order = Z.copy(), y.copy(), (Z**2).sum(axis=0), []
    for _ in range(size):
        norms = (R**2).sum(axis=0)
        able = (norms > 1e-20 * first) & (first > 0)
        able[order] = False
        score = np.where(able, (R.T @ r) ** 2 / np.where(able, norms if normalise else first, 1.0), -1.0)
        j = int(score.argmax())
        if score[j] <= 0:
            break
        q = R[:, j] / np.sqrt(norms[j])
        R, r = R - np.outer(q, q @ R), r - q * (q @ r)
        order.append(j)
    return order


@pytest.mark.parametrize("kind", [*HARD, *EASY])
def test_forward_selection_equals_the_explicit_one(kind):
    X, y, _ = instance(kind, seed=3)
    Z = unit_columns(X, center=False).columns
    assert forward_selection(Z, y, 30).tolist() == explicit_selection(Z, y, 30)


@pytest.mark.parametrize("kind", ["independent", "tree"])
def test_matching_pursuit_equals_the_explicit_one(kind):
    X, y, _ = instance(kind, seed=3)
    Z = unit_columns(X, center=False).columns
    assert forward_selection(Z, y, 20, normalise=False).tolist() == explicit_selection(Z, y, 20, normalise=False)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 12), d=st.integers(1, 15), size=st.integers(0, 20))
def test_forward_selection_stops_where_it_must(seed, n, d, size):
    rng = np.random.default_rng(seed)
    Z = np.asfortranarray(rng.integers(-2, 3, (n, d)).astype(float))
    y = rng.standard_normal(n)
    order = forward_selection(Z, y, size)
    assert len(set(order.tolist())) == order.size <= min(size, n, d)
    assert np.linalg.matrix_rank(Z[:, order]) == order.size
    rss = prefix_rss(Z[:, order] / np.linalg.norm(Z[:, order], axis=0), y)
    assert np.all(np.diff(rss) <= 1e-12)


@pytest.mark.parametrize("kind", ["independent", "common", "multiscale", "groups"])
def test_an_exchange_never_raises_and_ends_where_no_exchange_helps(kind):
    X, y, _ = instance(kind, seed=1, n=60, d=40)
    A = unit_columns(X, center=False).columns
    start = [0, 1, 2, 3]
    end = swap(A, y, start, max_sweeps=50)
    rss = least_squares(A[:, end], y)[1]
    assert rss <= least_squares(A[:, start], y)[1]
    for at, j in itertools.product(range(4), range(40)):
        if j not in end:
            trial = [*end[:at], j, *end[at + 1 :]]
            assert least_squares(A[:, trial], y)[1] >= rss * (1 - 1e-6)


def test_deletion_follows_the_criterion():
    X, y, _ = instance("independent", n=60, d=30)
    A = unit_columns(X, center=False).columns
    support = list(range(8))

    def score(rss, size):
        return float(ebic(rss, 60, 30, size))

    end = delete(A, y, support, score)
    value = score(least_squares(A[:, end], y)[1], len(end))
    assert value <= score(least_squares(A[:, support], y)[1], 8)
    for one in end:
        rest = [j for j in end if j != one]
        assert not rest or score(least_squares(A[:, rest], y)[1], len(rest)) >= value


@pytest.mark.parametrize("kind", ["independent", "common", "multiscale"])
def test_refits_equal_the_svd(kind):
    X, y, _ = instance(kind, n=50, d=30)
    A = unit_columns(X, center=False).columns
    rss = prefix_rss(A[:, :10], y)
    for s in range(11):
        U = np.linalg.svd(A[:, :s], full_matrices=False)[0]
        expected = y - U @ (U.T @ y)
        np.testing.assert_allclose(rss[s], expected @ expected, rtol=1e-5)
        assert least_squares(A[:, :s], y)[1] == pytest.approx(rss[s], rel=1e-5)


def test_dependent_columns_get_the_smallest_coefficients():
    A = np.ones((5, 3))
    coef, rss = least_squares(A, np.arange(5.0))
    np.testing.assert_allclose(coef, 2.0 / 3.0)
    assert rss == pytest.approx(10.0)
    np.testing.assert_allclose(prefix_rss(A / np.sqrt(5.0), np.arange(5.0)), [30.0, 10.0, 10.0, 10.0])


def test_ebic_by_hand():
    assert ebic(50.0, 100, 10, 2) == pytest.approx(100 * np.log(0.5) + 2 * np.log(100) + 2 * np.log(45))
    ordered = ebic(50.0, 100, 10, 2, ordered=True)  # 10 x 9 ways to choose one after the other
    assert ordered == pytest.approx(100 * np.log(0.5) + 2 * np.log(100) + 2 * np.log(90))
    assert ebic(50.0, 100, 10, 2, 3, 0.5) == pytest.approx(100 * np.log(0.5) + 5 * np.log(100) + np.log(45))


def test_lasso_path_of_a_level_satisfies_its_conditions():
    X, y, _ = instance("independent", n=80, d=60)
    Z = unit_columns(X, center=False).columns
    coefs = lasso_path(Z, y)
    highest = np.abs(Z.T @ y).max()
    for coef, level in zip(coefs, np.geomspace(highest, 1e-2 * highest, len(coefs)), strict=True):
        slope = Z.T @ (y - Z @ coef)
        assert np.abs(slope).max() <= level * (1 + 0.02)
        np.testing.assert_allclose(slope[coef != 0], level * np.sign(coef[coef != 0]), atol=0.02 * level)
    order = entry_order(coefs, 5)
    first = [(np.flatnonzero(coefs[:, j]).min()) for j in order]
    assert first == sorted(first) and len(order) == 5
    assert lasso_path(Z, np.zeros(80)).shape == (1, 60)


def test_certificate_is_the_smallest_singular_value_of_random_supports():
    X, _, _ = instance("tree")
    _, state = peeled(X)
    level, dim = len(state.rounds), state.basis.shape[1]
    one = certify(state.residual, 6, level=level, dim=dim, n_draws=99, random_state=5)
    rng = np.random.default_rng(5)
    alive = state.norms[-1] > 0
    expected = []
    for _ in range(99):
        S = rng.choice(500, 6, replace=False)
        expected.append(np.linalg.svd(state.residual[:, S[alive[S]]], compute_uv=False)[-1])
    np.testing.assert_allclose(one.sigma, np.sort(expected), rtol=1e-9)
    assert one.failure_probability == 0.01 and one.sigma_min == one.sigma[0]
    assert one.alpha == pytest.approx(np.sqrt(dim) + np.sqrt(6) / one.sigma_min)
    assert "99 random supports of 6 columns" in str(one)


@pytest.mark.parametrize("kind", ["mixed", "groups", "multiscale"])
def test_peeling_makes_random_supports_well_conditioned(kind):
    X, _, _ = instance(kind, seed=2)
    unit, state = peeled(X)
    raw = certify(unit.columns, 8, level=0, dim=0, random_state=0)
    after = certify(state.residual, 8, level=len(state.rounds), dim=state.basis.shape[1], random_state=0)
    assert after.quantile(0.05) >= 0.5
    assert raw.quantile(0.05) <= 1e-3


def test_certificate_bounds_the_coordinates_of_every_signal_on_the_drawn_supports():
    X, _, _ = instance("groups")
    unit, state = peeled(X)
    rng = np.random.default_rng(0)
    S = rng.choice(500, 6, replace=False)
    sigma = np.linalg.svd(state.residual[:, S], compute_uv=False)[-1]
    bound = np.sqrt(state.basis.shape[1]) + np.sqrt(6) / sigma
    Q = np.linalg.qr(unit.columns[:, S])[0]
    for _ in range(50):
        z = Q @ rng.standard_normal(6)
        inside = state.basis.T @ z
        v = np.linalg.lstsq(state.residual[:, S], z - state.basis @ inside, rcond=None)[0]
        assert np.abs(inside).sum() + np.abs(v).sum() <= bound * np.linalg.norm(z)


def box_distance(Z, S):
    """The smallest norm of Z_S w over max |w_j| = 1, by one bounded least-squares problem for each j."""
    best = np.inf
    for j in S:
        others = [i for i in S if i != j]
        w = lsq_linear(Z[:, others], -Z[:, j], bounds=(-1, 1)).x
        best = min(best, np.linalg.norm(Z[:, j] + Z[:, others] @ w))
    return best


@pytest.mark.parametrize("kind", ["independent", "common", "latent", "tree", "duplicates", "walk", "groups"])
def test_the_dichotomy_lemma_holds(kind):
    """Many bad supports imply many columns of small tau, with the theory's constants; those are reduced."""
    k, delta, n, d = 3, 0.5, 120, 240
    X, _, _ = instance(kind, n=n, d=d)
    R = unit_columns(X, center=False).columns
    kappa = 2 * k * (k - 1) ** 2 * d / (delta * (d - 1)) + 1
    lam = 1 / (32 * kappa)
    rng = np.random.default_rng(0)
    bad = np.mean([box_distance(R, rng.choice(d, k, replace=False)) < np.sqrt(lam) for _ in range(40)])
    M = R @ R.T / d
    tau = np.einsum("ij,ij->j", R, np.linalg.solve(M + lam * np.eye(n), R))
    spread = tau <= kappa
    if bad >= delta + 0.25:  # the share is estimated from 40 draws
        assert spread.mean() >= delta / (2 * k)
    values, V = np.linalg.eigh(M)
    V = V[:, values >= lam]
    left = np.linalg.norm(R - V @ (V.T @ R), axis=0)
    assert np.all(left[spread] <= 0.25)
    assert V.shape[1] <= 32 * kappa
    if kind == "common":  # else the test would say nothing
        assert bad == 1.0 and spread.all()
    if kind == "independent":
        assert bad == 0.0 and not spread.any()


def test_pairs_and_triples_are_found():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 40))
    X[:, 7] = -3.0 * X[:, 2] + 1e-4 * rng.standard_normal(80)
    X[:, 30] = X[:, 11] - X[:, 20] + 1e-3 * rng.standard_normal(80)
    X[:, 25] = X[:, 24]  # the same column twice has no direction of its own
    Z = unit_columns(X, center=False).columns
    null = find_null_sets(Z, 0.05, rng)
    assert null.sets == [(2, 7), (11, 20, 30)] and null.n_scanned == 40
    np.testing.assert_allclose(np.linalg.norm(null.atoms, axis=0), 1.0)
    for one, gap, atom in zip(null.sets, null.gaps, null.atoms.T, strict=True):
        assert np.linalg.lstsq(Z[:, one], atom, rcond=None)[1] < 1e-12
        others = Z[:, one[:-1]]
        rest = Z[:, one[-1]] - others @ np.linalg.lstsq(others, Z[:, one[-1]], rcond=None)[0]
        assert gap == pytest.approx(np.linalg.norm(rest), rel=1e-6)
    assert find_null_sets(Z, 1e-5, rng).sets == []


@pytest.mark.parametrize("call", [
    lambda Z: _greedy.products(Z, np.empty((3, 1), order="F"), np.empty((5, 1), order="F")),
    lambda Z: _greedy.square_norms(Z, np.empty(4)),
    lambda Z: _greedy.step(Z, np.empty(3), 0.0, 0.1, np.ones(5, np.uint8), *np.empty((3, 5)), np.ones(5, np.uint8)),
    lambda Z: _greedy.best(np.ones(5, np.uint8), np.ones(4), np.ones(5), np.ones(5), np.ones(5), 0.0),
    lambda Z: _greedy.refresh(Z, np.empty((3, 1), order="F"), np.empty(4), np.arange(2), np.empty(5), np.empty(5)),
    lambda Z: _peeling.gram(Z, True, 1.0, np.empty((5, 5), order="F")),
    lambda Z: _peeling.coordinates(np.empty((3, 1), order="F"), Z, np.empty((1, 5), order="F"), np.empty(5)),
    lambda Z: _peeling.peel(np.empty((4, 1), order="F"), np.empty((3, 1), order="F"), Z, np.empty((1, 5), order="F"),
                            np.empty(5), np.empty(5), 0.0),
])  # fmt: skip
def test_kernels_refuse_shapes_that_disagree(call):
    with pytest.raises(ValueError, match="disagree|expected|entries"):
        call(np.zeros((4, 5), order="F"))


def test_kernels_refuse_columns_that_do_not_exist():
    Z = np.zeros((4, 5), order="F")
    with pytest.raises(IndexError):
        _greedy.refresh(Z, np.empty((4, 1), order="F"), np.empty(4), np.array([5]), np.empty(5), np.empty(5))
