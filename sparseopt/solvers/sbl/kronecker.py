"""Kronecker-structured sparse Bayesian learning: one entry for all algorithms and any number of problems."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np

from ..._threads import resolve_n_threads, serial_blas
from .decomposed import solve_decomposed, warn_not_rank_one
from .factors import block_posterior, mean_square, outer, scale
from .published import solve_published
from .restarts import solve_from_starts

CONVERGED, COST_ROSE = 1, 2
LOG_EVIDENCE = 6.0  # what an entry must add: of some dozens that are only noise, about one in a hundred fits keeps one


@dataclass(frozen=True)
class KroneckerResult:
    """The posterior of one problem.

    Attributes
    ----------
    gamma : list of ndarray of shape (N_i,)
        Variances; zero where pruned. All but the last have unit norm.
    support : tuple of ndarray
        Positions that were kept, one array a factor.
    mean : ndarray of shape (snapshots, n_1, ..., n_I)
        Posterior mean on the kept block.
    variance : ndarray of shape (n_1, ..., n_I)
        Posterior variance on the kept block.
    noise_variance : float
    cost : float
        ``L log|S| + sum_l y_l^H S^-1 y_l`` at the end.
    cost_path : ndarray of shape (n_iter,)
        The same after every sweep.
    n_iter : int
    converged : bool
    cost_rose : bool
        Whether the cost rose by more than rounding explains, which it must not.
    """

    gamma: list
    support: tuple
    mean: np.ndarray
    variance: np.ndarray
    noise_variance: float
    cost: float
    cost_path: np.ndarray
    n_iter: int
    converged: bool
    cost_rose: bool


def solve_kronecker(
    factors, Y, *, solver="mm", noise_variance=None, max_iter=200, tol=1e-4, cost_tol=1e-7, prune=None, coupling=None,
    normalize=True, refine_support=True, evidence_threshold="auto", init="auto", n_init="auto", noise_floor=1e-10,
    power=1.0, prune_absolute=0.0, min_iter=5, random_state=None, n_threads=None,
):  # fmt: skip
    """Solve independent problems that share their dictionaries.

    Parameters
    ----------
    factors : list of ndarray of shape (M_i, N_i)
    Y : ndarray of shape (n_problems, snapshots, prod M_i)
        The snapshots of a problem share the variances.
    solver : {"mm", "am", "ksbl", "svd", "pc", "decompose"}
    noise_variance : None, float or array of shape (n_problems,)
        None: learned.
    max_iter, tol, cost_tol, prune, coupling, normalize, refine_support, evidence_threshold, init, n_init, noise_floor
        See :class:`sparseopt.KroneckerSBL`.
    power : {1.0, 0.5}
        Exponent of the "mm" update: 1 with a safeguard, or the provably monotone 1/2.
    prune_absolute : float
        Variances below this are pruned too ("am", "svd", "pc" only).
    min_iter : int
        Sweeps before which "mm" does not stop.
    random_state : numpy.random.RandomState or None
        For random starts. None: the same ones every time.
    n_threads : int or None

    Returns
    -------
    list of KroneckerResult
    """
    n_factors, n = len(factors), len(Y)
    prune = np.broadcast_to(DEFAULT_PRUNE[solver] if prune is None else prune, n_factors).astype(float)
    coupling = np.array([0.0 if b is None else b for b in np.broadcast_to(coupling, n_factors)])
    problem = scale(factors, Y, normalize)
    power_y = mean_square(problem.Y)
    floor = noise_floor * power_y
    learn = noise_variance is None
    s2 = 0.1 * power_y if learn else np.broadcast_to(noise_variance, n) / problem.power
    s2 = np.maximum(s2, floor)
    live = np.flatnonzero((power_y > 0) & np.all([c.any() for c in problem.columns]))
    results: list = [None] * n
    if live.size < n:
        dead = np.setdiff1d(np.arange(n), live)
        for i in dead:
            results[i] = _nothing(problem, i, noise_variance, noise_floor)
        if live.size == 0:
            return results
        problem = type(problem)(problem.factors, problem.Y[live], problem.columns, problem.power[live])
        s2 = s2[live]
    if evidence_threshold == "auto":  # the cost of real data counts the evidence twice
        evidence_threshold = LOG_EVIDENCE * (1.0 if np.iscomplexobj(problem.Y) else 2.0)
    threads = resolve_n_threads(n_threads)
    options = dict(
        max_iter=max_iter, min_iter=min_iter, tol=tol, cost_tol=cost_tol, learn_noise=learn, floor=noise_floor,
        fast=power == 1.0, refine=refine_support, evidence=evidence_threshold,
    )  # fmt: skip
    # BLAS starts no threads for products as small as these; holding it would take longer than they do
    small = factors_product(factors) < 100_000
    with contextlib.nullcontext() if small else serial_blas():
        if solver == "decompose":
            least = floor[live]
            state, means, unfit = solve_decomposed(problem, s2, learn, least, prune, options, threads)
            for i, result in zip(live, _products(problem, state, means, threads), strict=True):
                results[i] = result
            if unfit.any():
                warn_not_rank_one(int(unfit.sum()), n)
                rest = type(problem)(problem.factors, problem.Y[unfit], problem.columns, problem.power[unfit])
                state = solve_from_starts(rest, s2[unfit], coupling, prune, n_init, random_state, threads, options)
                for i, result in zip(live[unfit], _posteriors(rest, *state, threads), strict=True):
                    results[i] = result
            return results
        if solver == "mm":
            state = solve_from_starts(problem, s2, coupling, prune, n_init, random_state, threads, options)
        else:
            state = solve_published(
                problem, s2, solver, coupling, prune, prune_absolute, learn, noise_floor, max_iter, tol, init, threads
            )
        for i, result in zip(live, _posteriors(problem, *state, threads), strict=True):
            results[i] = result
    return results


DEFAULT_PRUNE = {"mm": 1e-3, "decompose": 1e-3, "am": 1e-2, "ksbl": 1e-2, "svd": 1e-3, "pc": 1e-2}


def factors_product(factors):
    """Return the multiplications of the largest product of matrices in a sweep."""
    size = max(H.shape[0] for H in factors) * np.prod([H.shape[0] for H in factors], dtype=float)
    return max(size, max(H.shape[1] * H.shape[0] ** 2 for H in factors))


def _posteriors(problem, gamma, noise, cost, path, n_iter, status, threads):
    mean, variance, offsets, facts = block_posterior(problem, gamma, noise, threads)
    snapshots, size = problem.Y.shape[1:]
    inverses = [1.0 / np.where(c > 0, c, np.inf) for c in problem.columns]
    variances = _in_units(gamma, inverses, problem.power)
    places = [np.nonzero(g)[1] for g in gamma]  # of all problems, one after the other
    ends = [np.concatenate([[0], np.cumsum(np.count_nonzero(g, axis=1))]).tolist() for g in gamma]
    shifts, roots = snapshots * size * np.log(problem.power), np.sqrt(problem.power)
    costs, noise = facts[:, 0] + shifts, noise * problem.power
    for i, root in enumerate(roots):
        support = tuple(p[e[i] : e[i + 1]] for p, e in zip(places, ends, strict=True))
        shape = tuple(map(len, support))
        unit = outer([inverse[s] for inverse, s in zip(inverses, support, strict=True)]) * root
        block = mean[offsets[i] * snapshots : offsets[i + 1] * snapshots].reshape((snapshots, *shape)) * unit
        spread = variance[offsets[i] : offsets[i + 1]].reshape(shape) * unit**2
        yield KroneckerResult(
            [v[i] for v in variances], support, block, spread, float(noise[i]), float(costs[i]),
            path[i, : n_iter[i]] + shifts[i], int(n_iter[i]), bool(status[i] & CONVERGED), bool(status[i] & COST_ROSE),
        )  # fmt: skip


def _in_units(gamma, inverses, power):
    """Return the variances of all problems in units of the data, of unit norm for all factors but the last."""
    found, carried = [], power[:, None]
    for k, (g, inverse) in enumerate(zip(gamma, inverses, strict=True)):
        v = g * (inverse * inverse)
        if k < len(gamma) - 1:
            peak = v.max(axis=1, keepdims=True)  # squares of what is that small or large may be no numbers
            norm = peak * np.linalg.norm(v / peak, axis=1, keepdims=True)
            v, carried = v / norm, carried * norm
        else:
            v = v * carried
        found.append(v)
    return found


def _products(problem, state, means, threads):
    """Turn coded factors into results: the mean is the product of theirs."""
    gamma, noise, n_iter, status = state
    gamma = [np.where(g > 0, np.maximum(g, 1e-290), 0.0) for g in gamma]
    path = np.full((len(noise), int(max(n_iter.max(), 1))), np.nan)
    for i, result in enumerate(_posteriors(problem, gamma, noise, None, path, n_iter, status, threads)):
        pieces = [m[i][s] / c[s] for m, c, s in zip(means, problem.columns, result.support, strict=True)]
        mean = outer(pieces)[None] * np.sqrt(problem.power[i])
        yield replace(result, mean=mean, cost_path=np.array([result.cost]))


def _nothing(problem, i, noise_variance, noise_floor):
    """Return the result for data that are zero, or a dictionary without a nonzero column."""
    empty = tuple(np.empty(0, dtype=np.intp) for _ in problem.shape)
    zero = (0,) * len(empty)
    power = np.mean(np.abs(problem.Y[i]) ** 2) * problem.power[i]
    noise = max(power, noise_floor, np.finfo(float).tiny)
    if noise_variance is not None:
        noise = float(np.broadcast_to(noise_variance, len(problem.Y))[i])
    L, size = problem.Y.shape[1:]
    cost = L * size * (np.log(noise) + power / noise)
    return KroneckerResult(
        [np.zeros(n) for n in problem.shape], empty, np.zeros((L, *zero), problem.Y.dtype), np.zeros(zero),
        float(noise), float(cost), np.array([cost]), 1, True, False,
    )  # fmt: skip
