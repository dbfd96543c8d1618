"""Columns of a design as sparse Bayesian learning reads them: in dense blocks, centred, weighted, of unit norm."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ..._ranks import ALONE
from ...problem.design import KroneckerDesign

ENTRIES = 1 << 21  # of a block: 16 MB of float64
PIECE = 1 << 15  # entries of a matrix that are brought into another order at a time


def adjoint_product(A, v):
    """Return A^H v without a copy of A."""
    return A.T @ v if A.dtype.kind != "c" else (A.T @ v.conj()).conj()


class Columns:
    """``diag(roots) (X - 1 center') diag(1 / norms)``, without a copy of X.

    Parameters
    ----------
    X : ndarray, CSC matrix or KroneckerDesign of shape (n, p)
    center : ndarray of shape (p,) or None
    roots : ndarray of shape (n,) or None
        Square roots of the weights of the rows.
    ranks : Ranks
        Where other rows are; norms are those of all.

    Attributes
    ----------
    norms : ndarray of shape (p,)
        Norms of the columns, 1 where a column is zero.
    dead : ndarray of bool, shape (p,)
        Whether a column is zero.
    """

    def __init__(self, X, center=None, roots=None, ranks=ALONE):
        self.X, self.center, self.roots = X, center, roots
        self.shape = X.shape
        self.dtype = np.result_type(np.float64, X.dtype)
        self.norms = np.ones(X.shape[1])
        norms = np.empty(X.shape[1])
        if sparse.issparse(X):
            norms[:] = self._sparse_norms()
        elif isinstance(X, np.ndarray) and center is None and roots is None:
            for part in self.parts(np.arange(X.shape[1])):
                norms[part] = safe_norms(X[:, part[0] : part[-1] + 1].astype(self.dtype, copy=False))
        else:
            for part in self.parts(np.arange(X.shape[1])):
                norms[part] = safe_norms(self.block(part))
        if ranks.several:
            largest = ranks.range(norms[None])[1]
            unit = np.where(largest > 0.0, largest, 1.0)
            norms = unit * np.sqrt(ranks.total((norms / unit) ** 2))
        # what centring leaves of a constant column is rounding
        size = 0.0 if center is None else np.abs(center) * np.sqrt(ranks.total(self._row_norm() ** 2))
        self.dead = norms <= 1e-13 * size
        self.norms = np.where(self.dead, 1.0, norms)

    def _row_norm(self):
        return np.sqrt(self.shape[0]) if self.roots is None else np.linalg.norm(self.roots)

    def _sparse_norms(self):
        """Return the norms of the columns from their stored entries."""
        X = self.X.tocsc()
        counts = np.diff(X.indptr)
        values = X.data.astype(np.float64)
        rest = self._row_norm() ** 2
        weights = np.ones(len(values)) if self.roots is None else self.roots[X.indices]
        of = np.repeat(np.arange(X.shape[1]), counts)
        if self.center is not None:
            values -= self.center[of]
            inside = np.bincount(of, weights**2, minlength=X.shape[1])
            rest = np.sqrt(np.maximum(rest - inside, 0.0)) * np.abs(self.center)
        values *= weights
        largest = np.zeros(X.shape[1])
        np.maximum.at(largest, of, np.abs(values))
        unit = np.where(largest > 0.0, largest, 1.0)
        norms = unit * np.sqrt(np.bincount(of, (values / unit[of]) ** 2, minlength=X.shape[1]))
        return norms if self.center is None else np.hypot(norms, rest)

    def parts(self, cols):
        """Yield pieces of `cols` whose blocks are of moderate size."""
        width = max(1, ENTRIES // max(self.shape[0], 1))
        for start in range(0, len(cols), width):
            yield cols[start : start + width]

    def block(self, cols):
        """Return the columns as a dense matrix of shape (n, len(cols))."""
        if isinstance(self.X, KroneckerDesign):
            block = self.X.block(cols)
        else:
            block = self.X[:, cols]
            block = block.toarray() if sparse.issparse(block) else np.asarray(block)
            block = block.astype(self.dtype)
        if self.center is not None:
            block -= self.center[cols]
        if self.roots is not None:
            block *= self.roots[:, None]
        block /= self.norms[cols]
        return block

    def whole(self):
        """Return all columns as a dense matrix in Fortran order."""
        if sparse.issparse(self.X) or isinstance(self.X, KroneckerDesign):
            return np.asfortranarray(self.block(np.arange(self.shape[1])))
        out = np.empty(self.shape, dtype=self.dtype, order="F")
        if self.X.flags.f_contiguous:
            return self._prepared(slice(None), out)
        height = max(1, PIECE // max(self.shape[1], 1))
        for start in range(0, self.shape[0], height):  # pieces that stay in the cache while they are turned
            rows = slice(start, start + height)
            out[rows] = self._prepared(rows)
        return out

    def _prepared(self, rows, out=None):
        """Return some rows of a dense X, centred, weighted and scaled; beside `out` there is no room for copies."""
        piece = self.X[rows]
        if self.center is not None:
            piece = np.subtract(piece, self.center, out=out)
        if self.roots is not None:
            piece = np.multiply(piece, self.roots[rows, None], out=out)
        return np.divide(piece, self.norms, out=out)

    def adjoint(self, cols, V):
        """Return (columns)^H V."""
        pieces = [self.block(part).conj().T @ V for part in self.parts(cols)]
        return np.concatenate(pieces) if pieces else np.zeros((0, V.shape[1]))

    def triangular(self, cols, Y):
        """Return R with R^H R = [columns, Y]^H [columns, Y], from QR decompositions of pieces of rows."""
        width = len(cols) + Y.shape[1]
        height = max(2 * width, ENTRIES // max(width, 1))
        X = self.X.tocsr() if sparse.issparse(self.X) else self.X
        R = np.zeros((0, width), dtype=np.result_type(self.dtype, Y))
        for start in range(0, self.shape[0], height):
            rows = slice(start, start + height)
            roots = None if self.roots is None else self.roots[rows]
            piece = _Rows(X[rows], self.center, roots, self.norms, self.dtype).block(cols)
            R = np.linalg.qr(np.vstack([R, np.hstack([piece, Y[rows]])]), mode="r")
        return R


def safe_norms(block):
    """Return the norms of columns, also of those whose squares over- or underflow."""
    with np.errstate(over="ignore", under="ignore"):
        parts = (block.real, block.imag) if block.dtype.kind == "c" else (block,)
        squares = sum(np.einsum("ij,ij->j", part, part) for part in parts)
    norms = np.sqrt(squares)
    odd = np.flatnonzero(~((squares > 1e-280) & (squares < np.inf)))
    if odd.size:
        size = np.abs(block[:, odd]).max(axis=0, initial=0.0)
        size[size == 0.0] = 1.0
        norms[odd] = size * np.linalg.norm(block[:, odd] / size, axis=0)
    return norms


class _Rows(Columns):
    """Some rows of columns whose norms are known."""

    def __init__(self, X, center, roots, norms, dtype):
        self.X, self.center, self.roots, self.norms, self.dtype, self.shape = X, center, roots, norms, dtype, X.shape


class Matrix(Columns):
    """A dense matrix whose columns are taken as they are."""

    def __init__(self, X):
        self.X, self.center, self.roots, self.dtype, self.shape = X, None, None, X.dtype, X.shape

    def block(self, cols):
        """Return the columns as a dense matrix."""
        return self.X[:, cols]
