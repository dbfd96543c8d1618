"""The pruning kernels against dense linear algebra and enumeration."""

import itertools

import numpy as np
import pytest
from sklearn.linear_model import orthogonal_mp_gram

from sparseopt._ext._prune_codes import pursue
from sparseopt._ext._prune_rows import obc_rows, refit_rows, threshold_rows
from sparseopt._ext._prune_sweep import nm_mask, sweep_block


def gram(n, seed=0, rows=None):
    X = np.random.default_rng(seed).standard_normal((rows or 2 * n, n)) + 0.5
    return X.T @ X / len(X)


@pytest.mark.parametrize("threads", [1, 3])
def test_refit_solves_every_row_on_its_support(threads):
    rng = np.random.default_rng(0)
    G, B = gram(9), rng.standard_normal((20, 9))
    mask = (rng.random((20, 9)) < 0.5).astype(np.uint8)
    mask[0], mask[1] = 0, 1
    V = np.full(B.shape, np.nan)
    assert refit_rows(G, B, mask, V, threads) == 0
    for row, b, on in zip(V, B, mask.astype(bool), strict=True):
        want = np.zeros(9)
        want[on] = np.linalg.solve(G[np.ix_(on, on)], b[on])
        np.testing.assert_allclose(row, want, rtol=0, atol=1e-12)


def test_refit_counts_singular_rows():
    G = np.ones((2, 2))
    V = np.zeros((2, 2))
    assert refit_rows(G, np.ones((2, 2)), np.array([[1, 1], [1, 0]], np.uint8), V) == 1
    assert V[1].tolist() == [1.0, 0.0]


def test_refit_refuses_shapes_and_takes_nothing():
    with pytest.raises(ValueError, match="shapes disagree"):
        refit_rows(np.eye(2), np.zeros((1, 3)), np.zeros((1, 2), np.uint8), np.zeros((1, 2)))
    assert refit_rows(np.zeros((0, 0)), np.zeros((3, 0)), np.zeros((3, 0), np.uint8), np.zeros((3, 0))) == 0


def naive_obc(H, w, steps, group, keep):
    """Remove one weight after the other, with the whole inverse brought up to date each time."""
    H, w, n = H.copy(), w.copy(), len(w)
    order, losses, alive = [], [], np.ones(n, bool)
    for _ in range(steps):
        allowed = alive.copy()
        if group:
            for start in range(0, n, group):
                if alive[start : start + group].sum() <= keep:
                    allowed[start : start + group] = False
        if not allowed.any():
            break
        cost = np.where(allowed, w**2 / np.where(alive, np.diagonal(H), 1.0), np.inf)
        j = int(np.argmin(cost))
        order.append(j)
        losses.append(cost[j])
        w -= H[:, j] * (w[j] / H[j, j])
        H -= np.outer(H[:, j], H[j]) / H[j, j]
        alive[j] = False
    return order, losses


@pytest.mark.parametrize("group, keep", [(0, 0), (4, 2), (5, 1)])
@pytest.mark.parametrize("n", [1, 7, 70])
def test_obc_follows_the_inverse(n, group, keep):
    rng = np.random.default_rng(n)
    H, W = np.linalg.inv(gram(n) + 0.1 * np.eye(n)), rng.standard_normal((4, n))
    steps = np.array([n, n // 2, 0, 10 * n])
    order, loss = np.full(W.shape, -1, dtype=np.intp), np.full(W.shape, -1.0)
    obc_rows(H, W, steps, group, keep, order, loss, 2)
    for r in range(4):
        want, costs = naive_obc(H, W[r], min(steps[r], n), group, keep)
        assert order[r, : len(want)].tolist() == want
        np.testing.assert_allclose(loss[r, : len(want)], costs, rtol=1e-7, atol=1e-12)
        assert np.all(order[r, len(want) :] == -1) and np.all(loss[r, len(want) :] == -1.0)


def test_obc_losses_add_up_to_the_least_squares_error():
    n = 40
    G = gram(n) + 0.05 * np.eye(n)
    w = np.random.default_rng(3).standard_normal((1, n))
    order, loss = np.full((1, n), -1, dtype=np.intp), np.zeros((1, n))
    obc_rows(np.linalg.inv(G), w, np.array([n]), 0, 0, order, loss)
    assert sorted(order[0]) == list(range(n))
    for gone in (1, 33, n):
        out = order[0, :gone]
        H = np.linalg.inv(G)[np.ix_(out, out)]
        np.testing.assert_allclose(loss[0, :gone].sum(), w[0, out] @ np.linalg.solve(H, w[0, out]), rtol=1e-7)


def test_obc_with_dependent_columns_stays_finite():
    G = np.ones((40, 40)) + 1e-13 * np.eye(40)
    order, loss = np.full((2, 40), -1, dtype=np.intp), np.zeros((2, 40))
    obc_rows(np.linalg.pinv(G), np.ones((2, 40)), np.full(2, 40), 0, 0, order, loss)
    assert np.isfinite(loss).all() and sorted(order[1]) == list(range(40))


@pytest.mark.parametrize("n, m", [(1, 4), (2, 4), (3, 5), (0, 2), (4, 4)])
def test_nm_mask_is_the_exact_projection(n, m):
    score = np.random.default_rng(1).integers(0, 4, (6, 13)).astype(float)
    mask = np.full(score.shape, 7, dtype=np.uint8)
    nm_mask(score, n, m, mask, 2)
    for row, kept in zip(score, mask, strict=True):
        for start in range(0, 13, m):
            part, got = row[start : start + m], np.flatnonzero(kept[start : start + m])
            sets = list(itertools.combinations(range(len(part)), min(n, len(part))))
            best = max(part[list(s)].sum() for s in sets)
            assert part[got].sum() == best
            # among equals the first ones: no kept entry has an equal before it that is not kept
            assert all(
                part[i] > part[j] or i > j or i in got for j in got for i in range(len(part)) if part[i] >= part[j]
            )


def test_sweep_is_elimination_in_a_fixed_order():
    n, rng = 12, np.random.default_rng(2)
    G = gram(n) + 0.1 * np.eye(n)
    U = np.ascontiguousarray(np.linalg.cholesky(np.linalg.inv(G)).T)
    W, mask = rng.standard_normal((3, n)), (rng.random((3, n)) < 0.5).astype(np.uint8)
    want = W.copy()
    for r in range(3):
        H, done = np.linalg.inv(G), []
        for j in range(n):  # fix the columns before j, remove j, adapt those behind
            rest = np.arange(j, n)
            H = np.linalg.inv(G[np.ix_(rest, rest)])
            if not mask[r, j]:
                want[r, rest] -= H[:, 0] * want[r, j] / H[0, 0]
                want[r, j] = 0.0
            done.append(j)
    got = W.copy()
    for first in (0, 5):
        width = min(7 if first else 5, n - first)
        error = np.empty((3, width))
        sweep_block(U, first, got, mask, error, np.empty((3, 1)), 0, 0, 2)
        got[:, first + width :] -= error @ U[first : first + width, first + width :]
    np.testing.assert_allclose(got, want, atol=1e-10)


def test_sweep_chooses_groups_on_the_way():
    n = 8
    U = np.ascontiguousarray(np.linalg.cholesky(np.linalg.inv(gram(n))).T)
    W = np.random.default_rng(5).standard_normal((4, n))
    mask, error = np.ones((4, n), np.uint8), np.empty((4, n))
    sweep_block(U, 0, W, mask, error, np.empty((4, 4)), 2, 4)
    assert np.all(mask.reshape(4, 2, 4).sum(axis=2) == 2)
    assert np.array_equal(W != 0.0, mask.astype(bool))


def test_hard_thresholds_end_where_no_coordinate_gains():
    G = gram(15)
    G /= np.sqrt(np.outer(np.diagonal(G), np.diagonal(G)))
    U = np.random.default_rng(0).standard_normal((5, 15))
    V, Q, lam = U.copy(), np.zeros((5, 15)), 0.3
    assert threshold_rows(G, lam, V, Q, 0.0, 1000, 2) < 1000
    np.testing.assert_allclose(Q, (U - V) @ G, atol=1e-12)
    value = Q + V
    assert np.all(np.square(value[V != 0.0]) >= lam) and np.all(np.square(value[V == 0.0]) <= lam)
    np.testing.assert_allclose(Q[V != 0.0], 0.0, atol=1e-12)


@pytest.mark.parametrize("s", [0, 1, 4, 30])
def test_pursuit_agrees_with_scikit_learn(s):
    rng = np.random.default_rng(0)
    D = rng.standard_normal((20, 12))
    D /= np.linalg.norm(D, axis=0)
    Y = rng.standard_normal((7, 20))
    codes = np.full((7, 12), np.nan)
    pursue(D.T @ D, Y @ D, s, codes, 2)
    if s == 0:
        assert not codes.any()
        return
    want = orthogonal_mp_gram(D.T @ D, (Y @ D).T, n_nonzero_coefs=min(s, 12))
    np.testing.assert_allclose(codes, np.reshape(want, (12, 7)).T, atol=1e-10)


def test_pursuit_skips_atoms_that_depend_on_others():
    D = np.eye(3)[:, [0, 0, 1]]
    codes = np.empty((1, 3))
    pursue(D.T @ D, np.array([[2.0, 2.0, 1.0]]), 3, codes)
    assert codes.tolist() == [[2.0, 0.0, 1.0]]
