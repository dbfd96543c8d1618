"""Linear algebra on one block: safe solves, Lipschitz constants, the non-smooth block problem."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from ..._ext._bcd import block_descent


def factor(H):
    """Return a function that solves with H, scaled to unit diagonal and shifted until its Cholesky factor exists."""
    diagonal = np.diagonal(H)
    root = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = H / np.outer(root, root)
    shift = 0.0
    for _ in range(4):
        L, info = dpotrf(scaled + shift * np.eye(len(H)) if shift else scaled, lower=1)
        if info == 0 and np.min(np.diagonal(L)) > 1e-8:
            return lambda g: dpotrs(L, g / root, lower=1)[0] / root
        shift = max(10.0 * shift, 1e-12)
    inverse = np.linalg.pinv(scaled, hermitian=True, rcond=1e-13)
    return lambda g: (inverse @ (g / root)) / root


def largest_eigenvalue(H) -> float:
    """Return the largest eigenvalue of a symmetric matrix, slightly rounded up."""
    if len(H) == 1:
        return float(H[0, 0])
    return float(np.linalg.eigvalsh(H)[-1]) * (1.0 + 1e-12)


def solve_block(H, g, x, lam, low, high, rounds: int = 60):
    """Return the minimiser z of g'(z - x) + (z - x)'H(z - x)/2 + lam'|z| within bounds.

    Coordinate descent finds which coordinates move freely; one linear solve on those then ends it exactly.
    """
    H = np.ascontiguousarray(H)
    z, slope = np.array(x), np.array(g, dtype=np.float64)
    roots = np.sqrt(np.maximum(np.diagonal(H), 0.0))
    scale = max(float(np.max(np.abs(slope) / np.where(roots > 0.0, roots, 1.0), initial=0.0)), 1e-300)
    tiny = 1e-15 * scale
    for sweeps in [20] * rounds:
        largest = block_descent(H, slope, z, lam, low, high, sweeps, tiny)
        if largest <= tiny:
            break
        sign = np.sign(z)
        free = (roots > 0.0) & (z > low) & (z < high) & ((z != 0.0) | (lam == 0.0))
        if not np.any(free):
            continue
        trial = z.copy()
        trial[free] -= factor(H[np.ix_(free, free)])(slope[free] + lam[free] * sign[free])
        inside = np.all(trial[free] >= low[free]) and np.all(trial[free] <= high[free])
        same = np.all((np.sign(trial[free]) == sign[free]) | (lam[free] == 0.0))
        if inside and same:
            moved = slope + H @ (trial - z)
            if decrease(H, g, x, trial, lam) <= decrease(H, g, x, z, lam):
                z, slope = trial, moved
    return z


def decrease(H, g, x, z, lam) -> float:
    """Return the block objective at z minus that at x."""
    d = z - x
    return float(g @ d + 0.5 * (d @ (H @ d)) + lam @ (np.abs(z) - np.abs(x)))
