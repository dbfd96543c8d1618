"""Dense matrices: float32 or float64, Fortran or C order, writable or not, in memory or mapped from a file."""

from __future__ import annotations

import numpy as np

from ..._ext._dense import DenseColumns
from ._base import Design


class DenseDesign(Design):
    """A dense matrix, used where it lies.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64 or float32
        Unit stride along one axis. Fortran order is the fastest; nothing is copied.
    """

    is_sparse = False

    def __init__(self, X: np.ndarray) -> None:
        self.array = X
        self.shape = X.shape
        self.dtype = X.dtype
        self.n_stored = X.size
        self._plain = DenseColumns(X)  # refuses what the kernels cannot read

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_plain"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._plain = DenseColumns(self.array)  # points into memory of this process

    def columns(self, center=None, factor=None):
        if center is None and factor is None:
            return self._plain
        kernel = DenseColumns(self.array)
        kernel.set_transform(center, factor)
        return kernel

    def column_counts(self, cols) -> int:
        return self.n_samples * len(cols)
