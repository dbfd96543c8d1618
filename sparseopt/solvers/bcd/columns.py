"""Columns of a design as a dense block, and facts about all of its columns."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ...problem.design import CscDesign, DenseDesign, Standardized


def take(design, cols):
    """Return X[:, cols] as a dense float64 array."""
    if isinstance(design, DenseDesign):
        return np.asarray(design.array[:, cols], dtype=np.float64)
    if isinstance(design, CscDesign):
        return design.matrix[:, cols].toarray().astype(np.float64, copy=False)
    if isinstance(design, Standardized):
        block = take(design.base, cols)
        if design.center is not None:
            block = block - design.center[cols]
        return block if design.factor is None else block * design.factor[cols]
    unit = np.zeros((design.n_features,))
    block = np.empty((design.n_samples, len(cols)))
    for k, j in enumerate(cols):
        unit[j] = 1.0
        block[:, k] = design.matvec(unit)
        unit[j] = 0.0
    return block


def means_and_squares(design, s):
    """Return the weighted mean and the weighted sum of squares about it of every column; s sums to one."""
    mean, about, _ = design.columns().moments(s, np.zeros(design.n_samples), int(np.argmax(s)))
    return mean, about


def absolute_gram_sums(design, s, n_threads: int = 1, width: int = 128):
    """Return sum_k |x_j' S x_k| for every column j, without ever holding the Gram matrix."""
    p = design.n_features
    sums = np.empty(p)
    kernel = design.columns()
    for first in range(0, p, width):
        cols = np.arange(first, min(first + width, p))
        block = take(design, cols) * s[:, None]
        sums[cols] = np.abs(kernel.rmatmat(block, n_threads)).sum(axis=1)
    return sums


def rows_of(design):
    """Return a sparse float64 CSR copy of the design, or None where X is dense or transformed."""
    if not isinstance(design, CscDesign):
        return None
    return sparse.csr_array(design.matrix, dtype=np.float64)
