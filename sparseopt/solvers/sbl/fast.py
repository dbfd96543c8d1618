"""Sequential maximisation of the evidence: one variance at a time, to its best value, the most rewarding first."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, get_blas_funcs

from .classic import finish
from .columns import ENTRIES, Matrix, adjoint_product


def solve_fast(evidence, learn, least, max_iter, tol):
    """Add, change and delete columns, starting from none.

    Every step costs one product with all columns: x_j^H C^-1 x_j and x_j^H C^-1 y are kept up to date by rank-one
    formulas, and computed anew in every iteration, which is a run of such steps and an update of the noise.
    """
    k = len(evidence.support)
    if k * len(evidence.Y) <= ENTRIES:  # steps are many and short: they must not make blocks of columns each time
        evidence.columns = Matrix(np.asfortranarray(evidence.columns.block(evidence.cols)))
        evidence.columns.norms = np.ones(k)
        evidence.cols = np.arange(k)
    gamma = np.zeros(k)
    path: list = []
    converged = k == 0
    for _ in range(max_iter):
        path.append(evidence.factorise(gamma))
        b, q = evidence.statistics()
        inverse = np.asfortranarray(cho_solve((evidence.root, True), np.eye(len(evidence.root))))
        settled = _steps(evidence, gamma, b, q, inverse, tol)
        if not learn:
            converged = settled
        else:
            evidence.factorise(gamma)
            s2 = max(evidence.noise_step(), least)
            converged = settled and abs(s2 - evidence.s2) <= tol * s2
            evidence.s2 = s2
        if converged:
            break
    used = gamma > 0
    evidence.keep(used)
    return finish(evidence, gamma[used], path, converged)


def _steps(evidence, gamma, b, q, inverse, tol):
    """Change one variance after the other, at most as many as there may be columns; return whether all are settled."""
    snapshots, kept = b.shape[1], isinstance(evidence.columns, Matrix)
    A = evidence.columns.X if kept else None
    rank_one = get_blas_funcs("gerc" if inverse.dtype.kind == "c" else "ger", dtype=inverse.dtype)
    energy = np.mean(np.abs(b) ** 2, axis=1)
    for _ in range(2 * min(len(gamma), len(inverse)) + 10):
        best, gain = _best_values(gamma, energy, q, snapshots)
        j = int(np.argmax(gain)) if gain.size else 0
        if gain.size == 0 or gain[j] <= tol * snapshots:
            return True
        change = best[j] - gamma[j]
        x = A[:, j] if kept else evidence.columns.block(evidence.cols[j : j + 1])[:, 0]
        h = inverse @ x
        weight = change / (1.0 + change * q[j])
        along = adjoint_product(A, h) if kept else evidence.columns.adjoint(evidence.cols, h[:, None])[:, 0]
        b -= along[:, None] * (weight * b[j])
        q -= weight * np.abs(along) ** 2
        energy = b[:, 0] ** 2 if b.dtype.kind != "c" and snapshots == 1 else np.mean(np.abs(b) ** 2, axis=1)
        inverse = rank_one(-weight, h, h, a=inverse, overwrite_a=1)
        gamma[j] = best[j]
    return False


def _best_values(gamma, energy, q, snapshots):
    """Return for every column its best variance, the others fixed, and how much the cost would fall.

    With s and e the values of q and energy as if the column were left out, the cost of g is L times
    log(1 + g s) - e g / (1 + g s), and g = (u - 1) / s with u = max(e / s, 1) is best.
    """
    shrink = np.maximum(1.0 - gamma * q, 1e-12)  # 1 / (1 + gamma s)
    s = np.maximum(q / shrink, 1e-300)
    left = energy / shrink
    u = np.maximum(left / (shrink * s), 1.0)
    gain = u - 1.0 - left * gamma - np.log(u * shrink)
    return (u - 1.0) / s, snapshots * gain
