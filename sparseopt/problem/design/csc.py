"""Sparse matrices in compressed-column form, with 32- or 64-bit indices."""

from __future__ import annotations

import numpy as np

from ..._ext._csc import CscColumns
from ._base import Design


class CscDesign(Design):
    """A scipy CSC matrix or array, used where it lies.

    Parameters
    ----------
    X : scipy.sparse.csc_matrix or csc_array of shape (n, p), float64 or float32
        Without duplicate entries. Rows inside a column may come in any order.
    """

    is_sparse = True

    def __init__(self, X) -> None:
        self.matrix = X
        self.shape = X.shape
        self.dtype = X.dtype
        self.n_stored = int(X.indptr[-1])
        self._counts = np.diff(X.indptr)
        CscColumns(X.data, X.indices, X.indptr, X.shape[0])  # refuses what the kernels cannot read

    def columns(self, center=None, factor=None):
        X = self.matrix
        kernel = CscColumns(X.data, X.indices, X.indptr, X.shape[0], check=False)
        kernel.set_transform(center, factor)
        return kernel

    def column_counts(self, cols) -> int:
        return int(self._counts[cols].sum())
