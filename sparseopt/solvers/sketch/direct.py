"""Solvers that factor all rows: corrected normal equations, and LAPACK for what is small."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from .certificate import Judge
from .preconditioner import SINGLE_UNIT, TRUNCATE, Preconditioner

REFINEMENTS = 8
SINGLE_FROM = {"statistical": 100, "machine": 400}  # columns


def corrected_normal_equations(rows, tol, max_iter):
    """Solve with a Cholesky factor of the Gram matrix, then refine; None where the columns are too dependent.

    With many columns the Gram matrix costs most, and one in float32 half as much: refinement makes up for it.
    """
    if rows.p >= SINGLE_FROM["statistical" if tol == "statistical" else "machine"]:
        G, moments = rows.single_gram()
        P = None if G is None else Preconditioner.of_gram(G, SINGLE_UNIT)
        found = None if P is None else _corrected(rows, P, P(P.T(moments)), tol, max_iter)
        if found is not None:
            return found
    G, moments = rows.gram()
    P = Preconditioner.of_gram(G)
    return None if P is None else _corrected(rows, P, P(P.T(moments)), tol, max_iter)


def _corrected(rows, P, x, tol, max_iter):
    judge = Judge(rows, P, tol)
    worst = np.inf
    for n_iter in range(REFINEMENTS):
        G, rss = rows.sweep(x)
        c = P.T(G)
        certificate, done = judge.judge(x, G, c, rss)
        last, worst = worst, float(np.max(certificate.backward_error, initial=0.0))
        if done or (n_iter >= 2 and worst > 0.5 * last) or n_iter >= max_iter:
            break
        x = x + P(c)
    converged = judge.accepted(certificate, done)
    if not converged and n_iter < max_iter:
        return None
    return P, x, certificate, converged, n_iter


def lapack(rows, tol):
    """Solve by the singular value decomposition; of many solutions, return the shortest coefficients."""
    A, B = rows.dense()
    P = Preconditioner.of_matrix(A)
    if rows.intercept:
        root = A[:, -1]
        weight = root @ root
        means = (root @ A) / weight
        target_means = (root @ B) / weight
        A = A[:, :-1] - np.outer(root, means[:-1])
        B = B - np.outer(root, target_means)
    else:
        means = target_means = None
    coef, rank = _gelsd(A, B)
    if means is not None:
        coef = np.vstack([coef, target_means - means[:-1] @ coef])
        rank += 1
    P.rank = min(P.rank, rank)
    judge = Judge(rows, P, tol)
    G, rss = rows.sweep(coef)
    certificate, _ = judge.judge(coef, G, P.T(G), rss)
    return P, coef, certificate, True, 1


def _gelsd(A, B):
    if not A.shape[1]:
        return np.zeros((0, B.shape[1])), 0
    scale = np.abs(A).max(axis=0, initial=0.0)
    scale[scale == 0.0] = 1.0
    full = np.ptp(np.frexp(scale)[1]) > 40  # columns of very different size: the rank must not depend on units
    coef, _, rank, _ = linalg.lstsq(
        A / scale if full else A, B, cond=TRUNCATE, lapack_driver="gelsd", check_finite=False
    )
    return (coef / scale[:, None] if full else coef), int(rank)
