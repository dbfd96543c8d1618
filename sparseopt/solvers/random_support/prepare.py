"""Centred, weighted, unit columns: what both phases work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..._ranks import ALONE, Ranks
from ...exceptions import IncompatibleError

MAX_ENTRIES = 200_000_000  # of a sparse X that is made dense: 1.6 GB
CHUNK = 256  # columns, or rows, that are converted together
CONSTANT = 8 * np.finfo(float).eps  # a column that varies by less than this, relative to its size, is constant


@dataclass
class UnitColumns:
    """The columns (x_j - mean_j) sqrt(weight) / scale_j of unit 2-norm; constant columns are zero, with scale 1.

    Attributes
    ----------
    columns : ndarray of shape (m, d), Fortran order
        Rows of weight zero are left out. Where columns lie on several ranks, those of this one.
    mean, scale : ndarray of shape (d,)
    root : ndarray of shape (m,) or None
        Square roots of the weights.
    rows : ndarray of int or None
        Rows kept.
    total : float
        Number of samples: the sum of the weights, which count repetitions.
    """

    columns: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    root: NDArray[np.float64] | None
    rows: NDArray[np.intp] | None
    total: float
    ranks: Ranks = ALONE

    @property
    def n_features(self) -> int:
        """Columns on all ranks."""
        return self.scale.size

    def take(self, numbers):
        """Return some of the columns of all ranks."""
        return self.ranks.take_columns(self.columns, numbers)

    def vector(self, y, center: bool):
        """Return (centred and weighted y, its mean)."""
        y = np.asarray(y, dtype=np.float64) if self.rows is None else np.asarray(y, dtype=np.float64)[self.rows]
        mean = 0.0
        if center:
            mean = float(np.mean(y)) if self.root is None else float(np.average(y, weights=self.root**2))
            rest = y - mean
            y = rest if np.abs(rest).max(initial=0.0) > CONSTANT * np.abs(y).max(initial=0.0) else np.zeros(y.size)
        return (y if self.root is None else y * self.root), mean

    def scaled(self, X):
        """Return rows of new data as dense (x - mean) / scale, Fortran order."""
        out = X.toarray(order="F") if sparse.issparse(X) else np.array(X, dtype=np.float64, order="F")
        out = np.asfortranarray(out, dtype=np.float64)
        out -= self.mean
        out /= self.scale
        return out


def unit_columns(X, sample_weight=None, *, center: bool = True, ranks: Ranks = ALONE) -> UnitColumns:
    """Copy X, dense or sparse, into centred, weighted columns of unit norm.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, d)
    sample_weight : ndarray of shape (n,), optional
        Checked weights.
    center : bool
        Whether the (weighted) means are taken out.
    ranks : Ranks
        Where other columns are.
    """
    n, d = X.shape
    ranks.place_columns(d)
    if sparse.issparse(X) and n * d > MAX_ENTRIES:
        raise IncompatibleError(
            f"X is sparse with {n} x {d} entries; regression on random supports peels columns, which makes them dense, "
            f"and takes at most {MAX_ENTRIES} entries; use Lasso or ElasticNet"
        )
    rows = root = None
    total = float(n)
    if sample_weight is not None:
        total = float(np.sum(sample_weight))
        kept = np.flatnonzero(sample_weight)
        rows = None if kept.size == n else kept
        root = np.sqrt(sample_weight[kept])
    m = n if rows is None else rows.size
    columns = np.empty((m, d), order="F")
    mean, scale = np.zeros(d), np.ones(d)
    for start in range(0, d, CHUNK):
        part = slice(start, min(start + CHUNK, d))
        mean[part], scale[part] = _fill(columns[:, part], X[:, part], rows, root, center)
    mean, scale = ranks.of_all_columns(mean), ranks.of_all_columns(scale)
    return UnitColumns(columns, mean, scale, root, rows, total, ranks)


def _fill(out, X, rows, root, center):
    """Write one chunk of columns; return their means and scales."""
    X = X.toarray() if sparse.issparse(X) else X
    out[...] = X if rows is None else X[rows]
    size = np.abs(out).max(axis=0, initial=0.0)
    mean = np.zeros(size.size)
    if center and out.shape[0]:
        # a column near the largest float would overflow in a sum
        safe = np.where(size > 0.0, size, 1.0)
        weights = np.full(out.shape[0], 1.0 / out.shape[0]) if root is None else root**2 / np.sum(root**2)
        mean = (weights @ (out / safe)) * safe
        out -= mean
    if root is not None:
        out *= root[:, None]
    spread = np.abs(out).max(axis=0, initial=0.0)
    constant = spread <= CONSTANT * size * (1.0 if root is None else root.max(initial=0.0))
    out[:, constant] = 0.0
    spread[constant] = 1.0
    out /= spread
    norms = np.sqrt(np.einsum("ij,ij->j", out, out))
    norms[constant] = 1.0
    out /= norms
    return mean, spread * norms
