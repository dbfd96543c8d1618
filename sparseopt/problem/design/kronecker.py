"""Kronecker products of small matrices, never formed."""

from __future__ import annotations

from math import prod

import numpy as np

from ..._validation import short
from ...exceptions import IncompatibleError, InvalidProblemError
from ._base import Design


class KroneckerDesign(Design):
    """The Kronecker product of dense matrices, kept as its factors.

    Columns are numbered as in ``numpy.kron``: the last factor runs fastest. For Bayesian estimators that say so.

    Parameters
    ----------
    factors : sequence of array-like of shape (m_i, n_i)
        Real or complex.

    Attributes
    ----------
    factors : list of ndarray
        float64, or complex128 where one is complex.
    shape : tuple of int
        (prod m_i, prod n_i).

    Raises
    ------
    ValueError
        When there is no factor, or one is empty, not two-dimensional, not numeric or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.designs import KroneckerDesign
    >>> A, B = np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(2, 2)
    >>> X = KroneckerDesign([A, B])
    >>> np.array_equal(X.matvec(np.arange(6.0)), np.kron(A, B) @ np.arange(6.0))
    True
    """

    is_sparse = False

    def __init__(self, factors) -> None:
        if isinstance(factors, (str, bytes)) or not hasattr(factors, "__len__") or len(factors) == 0:
            raise InvalidProblemError(f"factors must be a sequence of matrices, got {short(factors)}")
        self.factors = [_matrix(f"factors[{i}]", factor) for i, factor in enumerate(factors)]
        dtype = np.result_type(*self.factors)
        self.factors = [factor.astype(dtype, copy=False) for factor in self.factors]
        self.dtype = dtype
        self.shape = (prod(len(f) for f in self.factors), prod(f.shape[1] for f in self.factors))
        self.n_stored = sum(f.size for f in self.factors)

    def columns(self, center=None, factor=None):
        raise IncompatibleError(
            "a Kronecker design goes with TurboVBIRegressor; for other models use KroneckerSBL, or form numpy.kron"
        )

    def column_counts(self, cols) -> int:
        return self.n_samples * len(cols)

    def block(self, cols):
        """Return some columns as a dense matrix of shape (n, len(cols))."""
        numbers = np.unravel_index(cols, [f.shape[1] for f in self.factors])
        block = np.ones((1, len(cols)), dtype=self.dtype)
        for factor, at in zip(self.factors, numbers, strict=True):
            block = (block[:, None, :] * factor[:, at][None, :, :]).reshape(-1, len(cols))
        return block

    def matvec(self, w):
        """Return X w for w of shape (p,), or X W for W of shape (p, m)."""
        return _apply(self.factors, np.asarray(w))

    def rmatvec(self, r):
        """Return X^H r for r of shape (n,), or X^H R for R of shape (n, m)."""
        return _apply([f.conj().T for f in self.factors], np.asarray(r))

    def gram_rows(self, cols):
        """Return the rows `cols` of X^H X, from the Gram matrices of the factors."""
        return KroneckerDesign([(f.conj().T @ f).T for f in self.factors]).block(cols).T


def _apply(factors, v):
    """Multiply every axis of v, which has the columns of all factors as its first axis, by its factor."""
    tail = v.shape[1:]
    out = v.reshape([f.shape[1] for f in factors] + [-1])
    for k, factor in enumerate(factors):
        out = np.moveaxis(np.tensordot(factor, out, axes=(1, k)), 0, k)
    return out.reshape(-1, *tail)


def _matrix(name, factor):
    try:
        factor = np.asarray(factor)
    except ValueError as error:
        raise InvalidProblemError(f"{name} must be a matrix, got {short(factor)}") from error
    if factor.dtype.kind not in "fiubc" or factor.ndim != 2 or factor.size == 0:
        raise InvalidProblemError(
            f"{name} must be a dense matrix of numbers that is not empty, got {factor.dtype} of shape {factor.shape}"
        )
    factor = factor.astype(np.complex128 if factor.dtype.kind == "c" else np.float64, copy=False)
    if not np.all(np.isfinite(factor)):
        raise InvalidProblemError(f"{name} contains NaN or infinity")
    return factor
