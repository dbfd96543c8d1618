"""Two factors instead of a sparse matrix: whitened low rank, and a dictionary with column-sparse codes.

With G = L L' the objective is |L'(W' - V')|_F^2, so that V' = L'^-1 D S, where D S approximates M = L' U' and U is the
unconstrained minimiser. A rank-r D S is the truncated SVD of M; codes S with few non-zeros in every column allow more
atoms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..._ext._prune_codes import pursue
from ..._threads import serial_blas
from ..patterns import Pattern
from ..problem import LayerProblem
from ._found import Found, Settings

RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)  # atoms over non-zeros of a code
MASK = 1.0 / 32.0  # numbers that one bit of a mask costs
ROUNDS = 15


def low_rank(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Truncate the singular values of what the inputs make of the weights; k numbers are stored."""
    rows, n = problem.shape
    U, s, Vt = linalg.svd(_whitened(problem), full_matrices=False)
    rank = max(1, min(k // (rows + n), s.size))
    return _found(problem, U[:, :rank] * s[:rank], Vt[:rank], 1, True)


def dictionary(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Learn a dictionary of inputs by K-SVD with orthogonal matching pursuit, started from singular vectors.

    Several ratios of atoms to non-zeros are tried within the same storage, low rank among them, and the best is kept
    (CoSpaDi, arXiv 2509.22075, which starts from random columns and has one ratio).
    """
    rows, n = problem.shape
    M = _whitened(problem)
    U, s, Vt = linalg.svd(M, full_matrices=False)
    rank = max(1, min(k // (rows + n), s.size))
    best = (U[:, :rank], s[:rank, None] * Vt[:rank])
    error, rounds, done = float(np.square(s[rank:]).sum()), 0, True
    for ratio in RATIOS[1:]:
        atoms = int(k / (n + rows / ratio + rows * MASK))
        codes = int(atoms / ratio)
        if not 1 <= codes < atoms or atoms > s.size:
            continue
        D, S, value, made = _ksvd(M, U[:, :atoms].copy(), codes, settings)
        rounds += made
        if value < error:
            best, error, done = (D, S), value, made < (settings.max_iter or ROUNDS)
    return _found(problem, *best, rounds, True if settings.max_iter is None else done)


def _whitened(problem: LayerProblem) -> NDArray[np.float64]:
    return problem.factor.T @ problem.free.T


def _found(problem: LayerProblem, D: NDArray, S: NDArray, n_iter: int, converged: bool) -> Found:
    """Turn a factorization of M into one of the weights."""
    left, right = np.ascontiguousarray(S.T), linalg.solve_triangular(problem.factor, D, trans="T", lower=True).T
    V = left @ right
    return Found(V, np.ones(V.shape, dtype=bool), n_iter, converged, (left, np.ascontiguousarray(right)))


def _ksvd(M: NDArray, D: NDArray, codes: int, settings: Settings):
    """Return the best dictionary, codes and squared error met, and the rounds made; pursuit can make things worse."""
    best, error, since, made = (D, np.zeros((D.shape[1], M.shape[1]))), np.inf, 0, 0
    for _ in range(settings.max_iter or ROUNDS):
        S = _pursue(D, M, codes, settings)
        E = M - D @ S
        value = float(np.vdot(E, E))
        since = 0 if value < (1.0 - 1e-3) * error else since + 1
        if value < error:
            best, error = (D.copy(), S.copy()), value
        if since == 3:
            break
        _sweep(D, S, E)
        made += 1
    S = _pursue(D, M, codes, settings)
    value = float(np.square(M - D @ S).sum())
    return (D, S, value, made) if value < error else (*best, error, made)


def _pursue(D: NDArray, M: NDArray, codes: int, settings: Settings) -> NDArray:
    S = np.empty((M.shape[1], D.shape[1]))
    with serial_blas():
        pursue(np.ascontiguousarray(D.T @ D), np.ascontiguousarray(M.T @ D), codes, S, settings.n_threads)
    return np.ascontiguousarray(S.T)


def _sweep(D: NDArray, S: NDArray, E: NDArray) -> None:
    """Improve every atom with its codes in place, E = M - D S along; an atom without use takes the worst column."""
    for j in range(D.shape[1]):
        used = np.flatnonzero(S[j])
        if used.size == 0:
            worst = E[:, int(np.argmax(np.einsum("ij,ij->j", E, E)))]
            size = np.linalg.norm(worst)
            if size > 0.0:
                D[:, j] = worst / size
            continue
        R = E[:, used] + np.outer(D[:, j], S[j, used])
        d = R @ S[j, used]
        size = np.linalg.norm(d)
        if size > 0.0:
            D[:, j] = d / size
        S[j, used] = D[:, j] @ R
        E[:, used] = R - np.outer(D[:, j], S[j, used])
