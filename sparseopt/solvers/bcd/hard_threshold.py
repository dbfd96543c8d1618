"""The block of a given size with the largest quadratic progress: hard thresholding pursuit with a guard."""

from __future__ import annotations

import numpy as np

from .blocks import factor

ROUNDS = 10


def better_block(smooth, block, root, step: float, usable):
    """Return (block, g_b' H_b^-1 g_b) of a block that promises at least as much as the given one.

    Finding the best subset is NP-hard. In coordinates scaled to unit diagonal, a gradient step on the quadratic model
    is cut to its largest entries, and solved again on those; the first block that promises no more ends the search.

    Parameters
    ----------
    smooth : Smooth
    block : ndarray
        Where to start, of the size of the result.
    root : ndarray of shape (n,)
        Square roots of the diagonal of the Hessian bound.
    step : float
        Reciprocal of the largest eigenvalue of the scaled bound.
    usable : ndarray
        Variables that may be chosen.
    """
    g = smooth.gradient()

    def solve(b):
        d = factor(smooth.bound(b))(g[b])
        return d, float(g[b] @ d)

    d, best = solve(block)
    for _ in range(ROUNDS):
        full = np.zeros(smooth.n)
        full[block] = -d * root[block]
        full -= step * (g + smooth.product(full / root)) / root
        size = np.abs(full[usable])
        trial = np.sort(usable[np.argpartition(-size, block.size - 1)[: block.size]])
        trial_d, value = solve(trial)
        if value <= best * (1.0 + 1e-12):
            break
        block, d, best = trial, trial_d, value
    return block, best
