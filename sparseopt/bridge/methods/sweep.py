"""One sweep over the columns that removes weights and repairs what is right of them."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from ..._ext._prune_sweep import sweep_block
from ..._threads import serial_blas
from ..patterns import NM, Pattern, PerRow
from ..problem import LayerProblem
from ._found import Found, Settings

BLOCK = 128


def sparsegpt(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Sweep from left to right, choosing what goes block by block (Frantar and Alistarh, ICML 2023)."""
    rows, n = problem.shape
    # U'U = G^-1 with U upper triangular
    U = np.ascontiguousarray(linalg.cholesky(problem.inverse, lower=False))
    V = np.array(problem.free)
    mask = np.ones((rows, n), dtype=np.uint8)
    nm = isinstance(pattern, NM)
    group, keep = (pattern.m, pattern.n) if isinstance(pattern, NM) else (0, 0)
    width = max(group, BLOCK // group * group) if nm else BLOCK
    score = np.empty((rows, max(group, 1)))
    left = k
    with serial_blas():
        for first in range(0, n, width):
            last = min(first + width, n)
            if not nm:
                saliency = np.square(V[:, first:last] / np.diagonal(U)[first:last])
                # what stays is spread evenly over the blocks, in whole rows where rows are to be alike
                share = (
                    round(left / rows * (last - first) / (n - first)) * rows
                    if isinstance(pattern, PerRow)
                    else (round(left * (last - first) / (n - first)))
                )
                mask[:, first:last] = pattern.mask(saliency, share) if share > 0 else 0
                left -= int(mask[:, first:last].sum())
            error = np.empty((rows, last - first))
            sweep_block(U, first, V, mask, error, score, keep, group, settings.n_threads)
            if last < n:
                V[:, last:] -= error @ U[first:last, last:]
    chosen = mask.view(np.bool_)
    return Found(np.where(chosen, V, 0.0), chosen, n_iter=1)
