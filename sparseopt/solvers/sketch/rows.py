"""The data of a least-squares problem as rows that are read from start to end, never copied."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from ..._ext import _sketch, _sweep
from ...exceptions import InvalidProblemError
from .kinds import apply_sketch


class Rows:
    """Weighted rows of [X, 1] and targets, with the three ways in which solvers read them.

    Parameters
    ----------
    X : ndarray (float32 or float64, unit stride along one axis) or CSR matrix of shape (n, d)
    Y : ndarray of shape (n, k)
    weights : ndarray of shape (n,), optional
    intercept : bool
        Whether a column of ones follows the columns of X; it is never stored.
    ridge : float
        Added to the diagonal of X' W X, but for the intercept.
    n_threads : int
    comm : MPI communicator, optional
        Every rank holds some rows, and all sums run over the ranks.
    """

    def __init__(self, X, Y, weights=None, *, intercept=False, ridge=0.0, n_threads=1, comm=None):
        self.X, self.weights, self.intercept, self.n_threads, self.comm = X, weights, intercept, n_threads, comm
        self.Y = np.ascontiguousarray(Y, dtype=np.float64)
        self.n_local, self.d = X.shape
        self.k = self.Y.shape[1]
        self.p = self.d + intercept
        self.is_sparse = sparse.issparse(X)
        self.ridge = np.zeros(self.p)
        self.ridge[: self.d] = ridge
        self.n, self.row0 = self.n_local, 0
        self.n_passes = 0
        if comm is not None:
            counts = comm.allgather(self.n_local)
            self.n, self.row0 = sum(counts), sum(counts[: comm.Get_rank()])
        if self.n == 0:
            raise InvalidProblemError("there must be at least one row, got none")
        w = 1.0 if weights is None else weights[:, None]
        with np.errstate(over="ignore"):
            self.target_squares = self.reduce(np.sum(w * self.Y**2, axis=0))
        if np.any(np.isinf(self.target_squares)):
            raise InvalidProblemError("the targets are too large: their squares overflow float64; rescale them")
        self.total_weight = float(self.reduce(np.array([self.n_local if weights is None else weights.sum()]))[0])
        sums = self.reduce(np.sum(w * self.Y, axis=0)) if intercept else np.zeros(self.k)
        self.null_squares = np.maximum(self.target_squares - sums**2 / self.total_weight, 0.0)  # at zero coefficients
        # weights of zero are rows that are not there
        self.n_used = int(self.reduce(np.array([self.n_local if weights is None else np.count_nonzero(weights)]))[0])

    def reduce(self, local):
        """Return the sum over ranks."""
        if self.comm is None:
            return local
        total = np.empty_like(local)
        self.comm.Allreduce(np.ascontiguousarray(local), total)
        return total

    def sketch(self, kind, m, seed, nonzeros=1, row_signs=True):
        """Return S [X, 1, Y], of shape (m, p + k)."""
        scale = None if self.weights is None else np.sqrt(self.weights)
        extra = np.column_stack([np.ones((self.n_local, int(self.intercept))), self.Y])
        options = dict(row0=self.row0, scale=scale, nonzeros=nonzeros, total=self.n, row_signs=row_signs,
                       n_threads=self.n_threads)  # fmt: skip
        parts = [apply_sketch(kind, part, m, seed, **options) for part in (self.X, extra)]
        self.n_passes += 1
        return self.checked(self.reduce(np.hstack(parts)))

    def single_sketch(self, m, seed):
        """Return (S [X, 1])' in float32, times the root of m, and S Y, for the block sum; or None."""
        if self.is_sparse or self.comm is not None or not self.n_local:
            return None
        AS = np.zeros((self.p, m), dtype=np.float32)
        scale = None if self.weights is None else np.sqrt(self.weights)
        if not _sketch.block_sum_single(self.X, AS[: self.d], seed, 0, scale, True, self.n_threads):
            return None
        extra = np.column_stack([np.ones((self.n_local, int(self.intercept))), self.Y])
        rest = apply_sketch("blocksum", extra, m, seed, scale=scale, n_threads=self.n_threads)
        AS[self.d :] = m**0.5 * rest[:, : self.p - self.d].T
        self.n_passes += 1
        return AS, np.ascontiguousarray(rest[:, self.p - self.d :])

    def sweep(self, Z, *, homogeneous=False):
        """Return ([X, 1]' W (Y - [X, 1] Z) - ridge Z, sum w (Y - [X, 1] Z)^2), or the same with Y = 0."""
        coef = np.ascontiguousarray(Z[: self.d].T)
        shift = np.ascontiguousarray(Z[self.d]) if self.intercept else np.zeros(Z.shape[1])
        if self.is_sparse:
            R = -np.asarray(self.X @ Z[: self.d]) - shift
            if not homogeneous:
                R += self.Y
            WR = R if self.weights is None else self.weights[:, None] * R
            grads, totals, squares = (self.X.T @ WR).T, WR.sum(axis=0), np.sum(WR * R, axis=0)
        else:
            Y = None if homogeneous else self.Y
            grads, totals, squares = _sweep.sweep(self.X, Y, self.weights, coef, shift, self.n_threads)
        self.n_passes += 1
        sums = self.reduce(np.column_stack([grads, totals, squares]))
        G = np.ascontiguousarray(sums[:, : self.p].T)
        G -= self.ridge[:, None] * Z
        return G, sums[:, -1].copy()

    def gram(self):
        """Return ([X, 1]' W [X, 1] + ridge, [X, 1]' W Y)."""
        G = np.zeros((self.p, self.p))
        moments = np.zeros((self.p, self.k))
        d = self.d
        for X, Y, w in self._pieces():
            WX = X if w is None else (X.multiply(w[:, None]).tocsr() if self.is_sparse else X * w[:, None])
            if w is None:
                product = X.T @ X
            else:
                half = X.multiply(np.sqrt(w)[:, None]).tocsr() if self.is_sparse else X * np.sqrt(w)[:, None]
                product = half.T @ half
            G[:d, :d] += product.toarray() if self.is_sparse else product
            moments[:d] += WX.T @ Y
            if self.intercept:
                G[d, :d] += np.asarray(WX.sum(axis=0)).ravel()
                G[d, d] += X.shape[0] if w is None else w.sum()
                moments[d] += Y.sum(axis=0) if w is None else w @ Y
        self.n_passes += 1
        if self.intercept:
            G[:d, d] = G[d, :d]
        both = self.checked(self.reduce(np.hstack([G, moments])))
        G = np.ascontiguousarray(both[:, : self.p])
        G[np.diag_indices(self.p)] += self.ridge
        return G, both[:, self.p :]

    def single_gram(self):
        """Return (Gram matrix, moments) as `gram` does, with products in float32, at half the cost; or (None, None).

        Columns are scaled by their sizes in some of the rows first, so that units do not matter.
        """
        if self.is_sparse or not self.n_local or self.comm is not None:
            return None, None
        some = slice(None, None, max(1, self.n_local // 512))
        squares = [np.mean(np.square(part[some], dtype=np.float64), axis=0) for part in (self.X, self.Y)]
        size = np.sqrt(np.concatenate(squares))
        size[~((size > 0.0) & np.isfinite(size))] = 1.0
        d, p = self.d, self.p
        G = np.zeros((p + self.k, p + self.k))
        step = self._step()
        piece = np.ones((min(step, self.n_local), p + self.k), dtype=np.float32)
        factor = 1.0 / size
        for start in range(0, self.n_local, step):
            rows = slice(start, start + step)
            A = piece[: min(step, self.n_local - start)]
            np.multiply(self.X[rows], factor[:d], out=A[:, :d], casting="same_kind")
            np.multiply(self.Y[rows], factor[d:], out=A[:, p:], casting="same_kind")
            if self.weights is not None:
                root = np.sqrt(self.weights[rows, None])
                A[:, d:p] = 1.0
                A *= root
            G += A.T @ A
        self.n_passes += 1
        if not np.isfinite(G).all():
            return None, None
        full = np.concatenate([size[:d], np.ones(p - d), size[d:]])
        G *= np.outer(full, full)
        moments = np.ascontiguousarray(G[:p, p:])
        G = np.ascontiguousarray(G[:p, :p])
        G[np.diag_indices(p)] += self.ridge
        return G, moments

    def _step(self):
        """Return how many rows are a piece that stays in the cache while it is read twice, and is no small one."""
        return max(1024, 4 * self.d, (1 << 17) // max(1, self.d))

    def _pieces(self):
        """Yield (X, Y, weights) in float64, piece by piece; all rows where X is sparse, or wide and as it must be."""
        as_it_lies = self.weights is None and self.X.dtype == np.float64
        if self.is_sparse or (as_it_lies and self.d > 256):
            yield self.X, self.Y, self.weights
            return
        step = self._step()
        for start in range(0, self.n_local, step):
            rows = slice(start, start + step)
            X = self.X[rows] if as_it_lies else np.asarray(self.X[rows], dtype=np.float64)
            yield X, self.Y[rows], None if self.weights is None else self.weights[rows]

    def dense(self):
        """Return sqrt(W) [X, 1] with rows for the ridge, and sqrt(W) Y: for small problems only."""
        A = np.ones((self.n_local, self.p), order="F")
        A[:, : self.d] = self.X.toarray() if self.is_sparse else self.X
        B = self.Y
        if self.weights is not None:
            root = np.sqrt(self.weights)[:, None]
            A *= root
            B = B * root
        if self.ridge.any():
            A = np.vstack([A, np.diag(np.sqrt(self.ridge))[self.ridge > 0]])
            B = np.vstack([B, np.zeros((A.shape[0] - B.shape[0], self.k))])
        self.n_passes += 1
        _refuse_extremes(self.checked(A)[:, : self.d])
        return A, B

    def checked(self, result):
        """Return `result`; where it is not finite, say what in the data made it so."""
        if np.isfinite(result).all():
            return result
        assert_all_finite(self.X.data if self.is_sparse else self.X, input_name="X")
        raise InvalidProblemError("sums over the rows of X overflow: divide X or y by its largest magnitude")


def _refuse_extremes(A):
    """Raise InvalidProblemError for columns whose squares overflow, or vanish."""
    largest = np.abs(A).max(axis=0, initial=0.0)
    bad = (largest > 1e140) | ((largest < 1e-140) & (largest > 0.0))
    if bad.any():
        j = int(np.argmax(bad))
        word = "large" if largest[j] > 1.0 else "small"
        raise InvalidProblemError(
            f"column {j} of X is too {word}: squares of entries like {largest[j]:.3g} are no numbers; rescale X"
        )
