"""A linear layer that multiplies with what is not zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._ext._sparse_matmul import BlockRows, CsrRows, MaskRows, SparseRows
from .._threads import resolve_n_threads
from ..exceptions import InvalidProblemError
from .storage import Stored, pointers_of, store

_DENSER = 0.35  # share of non-zeros from which one bit a weight takes less memory than the time is worth


class SparseLinear:
    """The map y = W x + b in float32, with W stored sparse.

    Parameters
    ----------
    weight : ndarray of shape (out, in), or Stored
    bias : ndarray of shape (out,), optional
    n_threads : int, optional
        Threads of one product; None: see ``n_threads`` of the estimators. Results do not depend on it.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import SparseLinear
    >>> layer = SparseLinear(np.array([[0.0, 2.0], [0.0, 0.0]]), np.array([0.0, 1.0]))
    >>> layer(np.array([1.0, 3.0]))
    array([6., 1.], dtype=float32)
    """

    def __init__(self, weight: NDArray | Stored, bias: NDArray | None = None, *, n_threads: int | None = None) -> None:
        stored = weight if isinstance(weight, Stored) else store(weight)
        self.stored = stored
        self.bias = None if bias is None else np.array(bias, dtype=np.float32)
        if self.bias is not None and self.bias.shape != stored.shape[:1]:
            raise InvalidProblemError(f"bias must have the shape {stored.shape[:1]}, got {self.bias.shape}")
        resolve_n_threads(n_threads)  # refuses what is no number of threads
        self.n_threads = n_threads
        self._rows = _rows(stored)

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in)."""
        return self.stored.shape

    def __call__(self, x: Any) -> NDArray[np.float32]:
        """Return W x + b for the vectors along the last axis of x.

        Parameters
        ----------
        x : ndarray of shape (..., in)

        Returns
        -------
        ndarray of shape (..., out)
            float32.
        """
        x = np.asarray(x)
        out, n = self.stored.shape
        if x.ndim == 0 or x.shape[-1] != n or x.dtype.kind not in "fiub":
            raise InvalidProblemError(f"x must hold numbers with {n} inputs on its last axis, got {x.dtype} {x.shape}")
        rows = np.ascontiguousarray(x.reshape(-1, n), dtype=np.float32)
        y = np.empty((len(rows), out), dtype=np.float32)
        self._rows.matmul(rows, y, resolve_n_threads(self.n_threads))
        if self.bias is not None:
            y += self.bias
        return y.reshape(*x.shape[:-1], out)

    def __reduce__(self):
        return _again, (self.stored, self.bias, self.n_threads)

    def __repr__(self) -> str:
        out, n = self.stored.shape
        return f"SparseLinear({n} -> {out}, {self.stored.format}, {self.stored.nnz} values)"


def _again(stored: Stored, bias: NDArray | None, n_threads: int | None) -> SparseLinear:
    return SparseLinear(stored, bias, n_threads=n_threads)


def _rows(stored: Stored) -> SparseRows:
    """Return what multiplies fastest, which need not be what is smallest in a file."""
    (out, n), arrays = stored.shape, stored.arrays
    if stored.format == "bsr":
        return BlockRows(pointers_of(arrays["counts"]), arrays["columns"], arrays["values"], n)
    if stored.format == "csr":
        return CsrRows(pointers_of(arrays["counts"]), arrays["columns"], arrays["values"], n)
    if stored.format == "bitmask" and stored.nnz > _DENSER * out * n:
        return MaskRows(arrays["mask"], arrays["values"], n)
    return _rows(store(stored.dense(), "csr"))
