"""Starts of the majorise-minimise solver: when one is not enough, where the others begin, which end is kept.

With few measurements for many active entries the evidence has poor local maxima. Nearly all look alike: one short
factor uses so many of its atoms that these could write nearly anything, and carries what the others should. That is
seen at the end of a fit at no cost, so that problems without such a factor never pay for a second start.
"""

from __future__ import annotations

import numpy as np

from ..._ext import _kron_sbl
from .factors import energy_start, mean_square

RESTARTS = 10  # at most, where the first end is doubtful
WARM_SWEEPS = 10  # of the start with more noise
LEAST_VARIANCE = 1e-3  # of the largest of a factor: what a warm start leaves to atoms that it would have dropped


def doubtful(gamma, factors):
    """Tell for each problem whether a short factor uses more than half as many atoms as it has rows.

    Only factors with more columns than rows can; where there is one factor only, no other could do its work.

    Parameters
    ----------
    gamma : list of ndarray of shape (n_problems, N_i)
    factors : list of ndarray of shape (M_i, N_i)

    Returns
    -------
    ndarray of bool, shape (n_problems,)
    """
    found = np.zeros(len(gamma[0]), dtype=bool)
    if len(factors) > 1:
        for g, H in zip(gamma, factors, strict=True):
            if H.shape[1] > H.shape[0]:
                found |= (g > 0.0).sum(axis=1) > max(1, H.shape[0] // 2)
    return found


def solve_from_starts(problem, s2, coupling, prune, n_init, random_state, threads, options):
    """Run the compiled solver from as many starts as it takes; keep for each problem the end of least cost.

    Parameters
    ----------
    problem : Scaled
    s2 : ndarray of shape (n_problems,)
        Noise variances, or where learning them starts.
    coupling, prune : ndarray of shape (n_factors,)
    n_init : int or "auto"
        "auto": further starts only for problems whose best end is still doubtful.
    random_state : numpy.random.RandomState or None
        Asked for one seed, and only when there are random starts: what a problem gets does not depend on the others.
        None: the same seed every time.
    threads : int
    options : dict
        Of the compiled solver.

    Returns
    -------
    gamma, noise, cost, path, n_iter, status
    """
    start = energy_start(problem, 0.0 if options["learn_noise"] else s2, coupling)
    best = _run(problem, start, s2, coupling, prune, threads, options)
    auto = n_init == "auto"
    rest = np.flatnonzero(doubtful(best[0], problem.factors)) if auto else np.arange(len(s2))
    rng = None
    for trial in range(RESTARTS if auto else n_init - 1):
        if rest.size == 0:
            break
        some = type(problem)(problem.factors, problem.Y[rest], problem.columns, problem.power[rest])
        begin = [g[rest] for g in start]
        if auto and trial == 0:
            begin = _warm_start(some, begin, s2[rest], coupling, prune, threads, options)
        else:
            if rng is None:
                rng = np.random.default_rng(0 if random_state is None else random_state.randint(2**31 - 1))
            begin = [g * np.exp(rng.standard_normal(g.shape[1])) for g in begin]
        _keep_better(best, _run(some, begin, s2[rest], coupling, prune, threads, options), rest)
        if auto:
            rest = rest[doubtful([g[rest] for g in best[0]], problem.factors)]
    return (best[0], *best[1:])


def _run(problem, start, s2, coupling, prune, threads, options):
    gamma, noise = [np.array(g, order="C") for g in start], s2.copy()
    some = min(threads, len(noise))  # a thread without a problem would be waited for
    found = _kron_sbl.solve(problem.factors, problem.Y, gamma, noise, coupling, prune, n_threads=some, **options)
    return (gamma, noise, *found)


def _keep_better(best, other, rest):
    """Overwrite the states of those problems (numbers `rest`) that ended at a smaller cost."""
    won = other[2] < best[2][rest]
    for mine, theirs in zip((*best[0], *best[1:]), (*other[0], *other[1:]), strict=True):
        mine[rest[won]] = theirs[won]


def _warm_start(problem, start, s2, coupling, prune, threads, options):
    """Return the variances after some sweeps with more noise, which smooths the evidence."""
    noise = np.maximum(10.0 * s2, 0.1 * mean_square(problem.Y))
    settings = dict(options, max_iter=WARM_SWEEPS, learn_noise=False, refine=False)
    gamma = _run(problem, start, noise, coupling, prune, threads, settings)[0]
    least = [LEAST_VARIANCE * g.max(axis=1, keepdims=True) for g in gamma]
    return [np.where(s > 0, np.maximum(g, low), 0.0) for s, g, low in zip(start, gamma, least, strict=True)]
