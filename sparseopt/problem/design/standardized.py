"""Centred and scaled columns that are never formed."""

from __future__ import annotations

import numpy as np

from ._base import Design


class Standardized(Design):
    """Columns ``(x_j - center_j) / scale_j`` of another design, without forming them.

    Sparse designs stay sparse. Products cost what they cost on the base, plus O(n + p).

    Parameters
    ----------
    base : Design
    center : array-like of shape (p,), optional
        Subtracted from each column; None: nothing.
    scale : array-like of shape (p,), optional
        Each column is divided by it; finite and not zero; None: ones.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.designs import Standardized, as_design
    >>> X = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> Standardized(as_design(X), center=X.mean(axis=0)).matvec(np.array([1.0, 1.0]))
    array([-3.,  3.])
    """

    def __init__(self, base: Design, center=None, scale=None) -> None:
        self.base = base
        self.shape = base.shape
        self.dtype = base.dtype
        self.is_sparse = base.is_sparse
        self.n_stored = base.n_stored
        self.center = self._checked("center", center)
        scale = self._checked("scale", scale)
        if scale is not None and not np.all(scale != 0.0):
            raise ValueError(f"scale must not be zero, is for column {int(np.argmin(np.abs(scale)))}")
        self.factor = None if scale is None else 1.0 / scale

    def _checked(self, name, value):
        if value is None:
            return None
        value = np.ascontiguousarray(value, dtype=np.float64)
        if value.shape != (self.n_features,):
            raise ValueError(f"{name} has shape {value.shape}, expected ({self.n_features},)")
        if not np.all(np.isfinite(value)):
            raise ValueError(f"{name} must be finite")
        return value

    def columns(self, center=None, factor=None):
        """Compose: factor (f (x - c) - center) = factor f (x - (c + center / f))."""
        if self.factor is not None:
            center = None if center is None else center / self.factor
            factor = self.factor if factor is None else factor * self.factor
        if self.center is not None:
            center = self.center if center is None else center + self.center
        return self.base.columns(center, factor)

    def column_counts(self, cols) -> int:
        return self.base.column_counts(cols)
