"""Data that are a Kronecker product of vectors: one small problem for each factor, instead of one large one.

When x itself is a Kronecker product of vectors (a channel with one path at one end), y is one too, up to noise, and its
factors are leading singular vectors. Each is then coded by its own dictionary. The noise must not be learned from the
factors (a handful of numbers each, which a dictionary can explain entirely) but comes from what the rank-one
approximation leaves.
"""

from __future__ import annotations

import warnings
from functools import reduce

import numpy as np

from ..._ext import _kron_sbl
from .factors import Scaled, block_posterior, energy_start

TOO_LARGE = 3.0  # times what noise explains


def rank_one_factors(y, rows):
    """Return vectors whose Kronecker product approximates y, all but the last of unit norm, by singular vectors.

    Also returns the second singular value of the first split, squared, over the largest that noise makes likely. The
    noise is judged by the smallest singular value, since the residual holds whatever else is there.
    """
    out, rest, excess = [], y, 0.0
    for i, m in enumerate(rows[:-1]):
        u, s, vh = np.linalg.svd(rest.reshape(m, -1), full_matrices=False)
        if i == 0 and len(s) > 2 and m != vh.shape[1]:
            wide, narrow = np.sqrt(max(m, vh.shape[1])), np.sqrt(len(s))
            likely = max(s[-1] / (wide - narrow), 1e-12 * s[0]) * (wide + narrow)
            excess = (s[1] / likely) ** 2 if likely > 0 else 0.0
        out.append(u[:, 0])
        rest = s[0] * vh[0]
    return [*out, rest], float(excess)


def noise_of_residual(y, vectors, rows):
    """Return the noise variance that the rank-one residual shows, or None when it has no degrees of freedom."""
    freedom = y.size - sum(rows) + len(rows) - 1
    if freedom <= 0:
        return None
    return float(np.sum(np.abs(y - reduce(np.kron, vectors)) ** 2) / freedom)


def solve_decomposed(problem, s2, learn, floor, prune, options, threads):
    """Solve problems whose data are Kronecker products; return the state, and which problems are not of that kind.

    Parameters
    ----------
    problem : Scaled
        With one snapshot.
    s2 : ndarray of shape (n_problems,)
        Known noise variances; replaced where `learn`.
    learn : bool
    floor : ndarray of shape (n_problems,)
    prune : ndarray of shape (n_factors,)
    options : dict
        Of the compiled solver.
    threads : int

    Returns
    -------
    state : tuple
        gamma, noise, n_iter, status, as the compiled solver returns them.
    vectors : list of ndarray
        Posterior means of the factors, (n_problems, N_i) each.
    unfit : ndarray of bool
    """
    rows = [len(H) for H in problem.factors]
    n = len(problem.Y)
    noise, unfit = s2.copy(), np.zeros(n, dtype=bool)
    parts = [np.empty((n, 1, m), dtype=problem.Y.dtype) for m in rows]
    for i, y in enumerate(problem.Y[:, 0]):
        vectors, excess = rank_one_factors(y, rows)
        shown = noise_of_residual(y, vectors, rows)
        if shown is not None:
            known = shown if learn else s2[i]
            noise[i] = max(known, floor[i])
            unfit[i] = shown > TOO_LARGE * max(known, floor[i]) or excess > TOO_LARGE
        for part, v in zip(parts, vectors, strict=True):
            part[i, 0] = v
    gamma, means, n_iter, status = [], [], np.zeros(n, dtype=int), np.ones(n, dtype=int)
    scale = np.sum(np.abs(parts[-1][:, 0]) ** 2, axis=1)
    for i, (H, part) in enumerate(zip(problem.factors, parts, strict=True)):
        own = noise / scale if i < len(rows) - 1 else noise.copy()
        one = Scaled([H], part, [problem.columns[i]], np.ones(n))
        start = [np.array(g, order="C") for g in energy_start(one, own, [0.0])]
        _, _, sweeps, flags = _kron_sbl.solve(
            [H], part, start, own, [0.0], [prune[i]], n_threads=threads, **dict(options, learn_noise=False)
        )
        mean, _, _, _ = block_posterior(one, start, own, threads)
        full = np.zeros(start[0].shape, dtype=mean.dtype)
        full[start[0] > 0] = mean
        gamma.append(start[0])
        means.append(full)
        n_iter = np.maximum(n_iter, sweeps)
        status &= flags
    return (gamma, noise, n_iter, status), means, unfit


def warn_not_rank_one(count, total):
    """Say that data were no Kronecker products."""
    which = "y is" if total == 1 else f"{count} of {total} problems are"
    warnings.warn(
        f"{which} not a Kronecker product of vectors up to noise, which solver='decompose' needs; "
        "solver='mm' was used instead",
        UserWarning,
        stacklevel=4,
    )
