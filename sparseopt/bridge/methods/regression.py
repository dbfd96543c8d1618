"""Rows as regressions: best subsets, the Lasso, group Lasso, random supports. All end with a refit on the support."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..._ext._best_subset import SubsetSearch
from ..._ext._gram_lasso import GramLasso
from ..._threads import serial_blas
from ..patterns import Grouped, Pattern
from ..problem import LayerProblem
from ._found import Found, Settings, refit
from .admm import admm
from .obc import obc

EXACT = 1e11  # multiplications that greedy removal may cost as the start of an exchange
SHRINK = 0.75  # of the Lasso's alpha from one point of the path to the next
HALVINGS = 6  # of the last interval of the path


def best_subset(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Exchange weights of every row, one for another, until no exchange gains; a greedy support is the start."""
    rows, n = problem.shape
    start = obc if rows * n**3 / 6 <= EXACT else admm
    found = start(problem, pattern, k, settings)
    unit = problem.unit
    G, B = np.ascontiguousarray(unit.G), np.ascontiguousarray(unit.B)
    mask = found.mask.copy()

    def exchange(r: int) -> int:
        support = np.flatnonzero(found.mask[r])
        if support.size == 0:
            return 0
        null = 0.5 * float(B[r] @ unit.free[r])
        search = SubsetSearch(G, B[r], null, 0.0, support.size)
        search.load(support)
        search.exchange(1e-10 * null)
        mask[r] = False
        mask[r, search.support()] = True
        return search.exchanges

    with serial_blas(), ThreadPoolExecutor(settings.n_threads) as pool:
        n_iter = sum(pool.map(exchange, range(rows)))
    return Found(refit(problem, mask, settings.n_threads), mask, n_iter)


def l1(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """The Lasso with one alpha for all rows, the largest that leaves k weights; then the largest k are refitted."""
    unit = problem.unit
    G, B = np.ascontiguousarray(unit.G), np.ascontiguousarray(unit.B)
    rows, n = unit.shape
    level = np.einsum("ij,ij->i", B, unit.free)
    solver = GramLasso(n)
    rounds = 0

    def solve(V: NDArray, alpha: float) -> NDArray:
        nonlocal rounds
        V = V.copy()
        for r in range(rows):
            w, q = V[r], B[r] - V[r] @ G
            rr = max(0.0, level[r] - float(w @ (B[r] + q)))
            tol = 1e-6 * level[r]
            rounds += solver.solve(G, w, q, np.full(n, alpha), 0.0, False, rr, tol, settings.max_iter or 1000)[2]
        return V

    with serial_blas():
        V = _path(np.zeros((rows, n)), float(np.abs(B).max(initial=0.0)), k, np.count_nonzero, solve)
    mask = pattern.mask(_ranked(V, unit.free), k)
    return Found(refit(problem, mask, settings.n_threads), mask, rounds)


def group(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """The group Lasso over the groups of the pattern, by accelerated proximal gradient; then a refit on its groups."""
    assert isinstance(pattern, Grouped)
    unit = problem.unit
    labels, sizes = pattern.labels(unit.shape).ravel(), pattern.sizes(unit.shape)
    step = 1.0 / float(linalg.eigvalsh(unit.G, subset_by_index=[len(unit.G) - 1] * 2)[0])
    iterations = 0

    def prox(T: NDArray, t: float) -> NDArray:
        norms = np.sqrt(np.bincount(labels, weights=np.square(T).ravel()))
        stays = norms > t * np.sqrt(sizes)
        shrink = np.where(stays, 1.0 - t * np.sqrt(sizes) / np.where(stays, norms, 1.0), 0.0)
        return T * shrink[labels].reshape(T.shape)

    def solve(V: NDArray, alpha: float) -> NDArray:
        nonlocal iterations
        Y, momentum = V, 1.0
        for _ in range(settings.max_iter or 200):
            new = prox(Y - step * (Y @ unit.G - unit.B), step * alpha)
            moved = new - V
            iterations += 1
            if np.vdot(moved, Y - new) > 0.0:  # the momentum points uphill: restart
                momentum = 1.0
            grown = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            Y, momentum, V = new + (momentum - 1.0) / grown * moved, grown, new
            if np.vdot(moved, moved) <= 1e-8 * max(np.vdot(V, V), 1e-300):
                break
        return V

    norms = np.sqrt(np.bincount(labels, weights=np.square(unit.B).ravel()) / sizes)
    wanted = int(pattern.mask(np.square(unit.free), k).sum())
    V = _path(np.zeros(unit.shape), float(norms.max(initial=0.0)), wanted, np.count_nonzero, solve)
    mask = pattern.mask(_ranked(V, unit.free), k)
    return Found(refit(problem, mask, settings.n_threads), mask, iterations)


def random_support(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Regression on random supports, row by row, on the square root of G; rows keep as many weights as ADMM gives them.

    A spectral peeling of all inputs for every row: for small layers.
    """
    from ...solvers.random_support import Settings as RowSettings
    from ...solvers.random_support import solve_random_support

    unit = problem.unit
    L = np.tril(linalg.cholesky(unit.G, lower=True))
    X = np.asfortranarray(L.T)
    targets = linalg.solve_triangular(L, unit.B.T, lower=True).T
    counts = admm(problem, pattern, k, settings).mask.sum(axis=1)
    mask = np.zeros(unit.shape, dtype=bool)
    for r in np.flatnonzero((counts > 0) & np.any(targets != 0.0, axis=1)):
        if counts[r] >= len(L):
            mask[r] = True
            continue
        chosen = RowSettings(n_nonzero=int(counts[r]), n_draws=0, null_tol=0.0, n_threads=settings.n_threads)
        outcome = solve_random_support(
            X, targets[r], center=False, settings=chosen, random_state=settings.random_state
        )
        mask[r] = outcome.coef != 0.0
    return Found(refit(problem, mask, settings.n_threads), mask, len(mask))


def _path(V: NDArray, alpha: float, k: int, count, solve) -> NDArray:
    """Follow a path of decreasing alphas until at least k weights are not zero, then halve the last step."""
    low, high, best = 0.0, alpha, V
    for _ in range(200):
        if count(V) >= k or alpha <= 0.0:
            break
        best, high = V, alpha
        alpha *= SHRINK
        V = solve(V, alpha)
        low = alpha
    for _ in range(HALVINGS):
        if count(V) == k or low <= 0.0:
            break
        middle = np.sqrt(low * high)
        tried = solve(best, middle)
        if count(tried) >= k:
            V, low = tried, middle
        else:
            best, high = tried, middle
    return V


def _ranked(V: NDArray, free: NDArray) -> NDArray:
    """Return scores by the size of V; what V leaves at zero comes after, by the size of the dense weights."""
    size, rest = np.square(V), np.square(free)
    least = float(size[V != 0.0].min(initial=1.0))
    return np.where(V != 0.0, size, 1e-6 * least / max(float(rest.max(initial=0.0)), 1e-300) * rest)
