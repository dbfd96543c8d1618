"""Sequential maximisation of the evidence: one variance at a time, to its best value, the most rewarding first."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve

from .classic import finish


def solve_fast(evidence, learn, least, max_iter, tol):
    """Add, change and delete columns, starting from none.

    Every step costs one product with all columns: x_j^H C^-1 x_j and x_j^H C^-1 y are kept up to date by rank-one
    formulas, and computed anew in every iteration, which is a run of such steps and an update of the noise.
    """
    k = len(evidence.support)
    gamma = np.zeros(k)
    path: list = []
    converged = k == 0
    for _ in range(max_iter):
        path.append(evidence.factorise(gamma))
        b, q = evidence.statistics()
        inverse = cho_solve((evidence.root, True), np.eye(len(evidence.root)))
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
    snapshots = b.shape[1]
    for _ in range(2 * min(len(gamma), len(inverse)) + 10):
        best, gain = _best_values(gamma, b, q, snapshots)
        j = int(np.argmax(gain)) if gain.size else 0
        if gain.size == 0 or gain[j] <= tol * snapshots:
            return True
        change = best[j] - gamma[j]
        x = evidence.columns.block(evidence.cols[j : j + 1])
        h = inverse @ x
        weight = change / (1.0 + change * q[j])
        along = evidence.columns.adjoint(evidence.cols, h)[:, 0]
        b -= weight * np.outer(along, b[j].copy())
        q -= weight * np.abs(along) ** 2
        inverse -= weight * (h @ h.conj().T)
        gamma[j] = best[j]
    return False


def _best_values(gamma, b, q, snapshots):
    """Return for every column its best variance, the others fixed, and how much the cost would fall."""
    shrink = np.maximum(1.0 - gamma * q, 1e-12)
    s = np.maximum(q / shrink, 1e-300)  # as if the column were left out
    energy = np.mean(np.abs(b) ** 2, axis=1) / shrink**2
    best = np.maximum(energy - s, 0.0) / s**2

    def fall(g):
        return snapshots * (energy * g / (1.0 + g * s) - np.log1p(g * s))

    return best, fall(best) - fall(gamma)
