"""What every solver may ask of a design matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._ranks import ALONE, Ranks

Vector = NDArray[np.float64]


class Design:
    """An n x p matrix X seen through its products.

    Solvers never ask how X is stored. They ask for products, and for `columns`, the compiled view that
    the kernels of ``sparseopt._ext`` read.

    Attributes
    ----------
    shape : tuple of int
        (n_samples, n_features).
    dtype : numpy.dtype
        float64 or float32. Products are float64 whatever it is.
    is_sparse : bool
    n_stored : int
        Entries in memory: n * p when dense, the stored entries when sparse. One pass over X reads them all.
    ranks : Ranks
        Where the other rows are; products with X' are already summed over them.
    sweeps : bool
        Whether single columns can be read without asking other processes, as sweeps over columns do.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    is_sparse: bool
    n_stored: int
    ranks: Ranks = ALONE
    sweeps: bool = True

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def n_total(self) -> int:
        """Samples on all ranks."""
        return self.n_samples

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.shape[1]

    def columns(self, center: Vector | None = None, factor: Vector | None = None):
        """Return a compiled view of the columns ``factor_j * (x_j - center_j)``; X is not copied."""
        raise NotImplementedError  # pragma: no cover - abstract

    def column_counts(self, cols: NDArray[np.intp]) -> int:
        """Return how many stored entries the given columns have together."""
        raise NotImplementedError  # pragma: no cover - abstract

    def matvec(self, w: Vector) -> Vector:
        """Return X w for w of shape (p,), or X W for W of shape (p, m)."""
        w = np.asarray(w, dtype=np.float64)
        if w.ndim == 2:
            return self._matmat(w)
        if w.shape != (self.n_features,):
            raise ValueError(f"w has shape {w.shape}, expected ({self.n_features},)")
        support = np.flatnonzero(w)
        kernel = self.columns()
        out = np.zeros((self.n_samples, 1), order=kernel.block_order)
        kernel.subtract(support, -w[support][None, :], out)
        return out.ravel()

    def _matmat(self, W):
        if W.shape[0] != self.n_features:
            raise ValueError(f"W has shape {W.shape}, expected {self.n_features} rows")
        support = np.flatnonzero(np.any(W != 0.0, axis=1))
        kernel = self.columns()
        out = np.zeros((self.n_samples, W.shape[1]), order=kernel.block_order)
        kernel.subtract(support, np.ascontiguousarray(-W[support].T), out)
        return out

    def rmatvec(self, r: Vector) -> Vector:
        """Return X' r for r of shape (n,), or X' R for R of shape (n, m)."""
        r = np.asarray(r, dtype=np.float64)
        if r.ndim == 2:
            return self.columns().rmatmat(r).T
        return self.columns().rmatvec(np.ascontiguousarray(r))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_samples} x {self.n_features}, {self.dtype})"
