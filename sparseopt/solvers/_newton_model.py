"""The quadratic model of a smooth loss on a set of coefficients: its Gram matrix, kept while it is good enough.

Entry (j, k), feature j for output k, has the number j K + k.  With D the second derivative of the summed loss in eta
and the intercept profiled out, the Gram matrix of the model is G = X'DX - (X'D1)(1'D1)^+(1'DX) on the set.
Forming it is what costs, so it is kept when D moves a little or columns join: any positive definite model gives a
descent direction, and the line search on the true objective keeps the steps honest.
"""

from __future__ import annotations

import numpy as np

from .._ext._gram_lasso import GramLasso
from ._bends import OutputBends, ScalarBends
from ._gram_set import MAX_GRAM, NS_AXPY, NS_GEMM, NS_SPARSE, gram_is_cheaper
from ._row_model import RowModel

MAX_SUPPORT = 4000  # largest support solved by one Cholesky factorization
ROWS = 2048  # rows of X widened at a time
ROUNDS = 200
NEWTON_SWEEPS = 20  # over columns, for one Newton step of several outputs


def minimise_on_gram(solver, gram, w, c, rr, lam, mu, positive, tol):
    """Return the minimiser from w of the model with gradient -c there."""
    z, q, left = np.array(w), np.array(c), 10 * ROUNDS
    while left > 0:
        rr, gap, rounds = solver.solve(gram, z, q, lam, mu, positive, rr, tol, ROUNDS)
        left -= ROUNDS
        if gap <= tol or rounds < ROUNDS:
            break
    return z


def grown(gram, old: int, total: int):
    """Return the matrix with room for `total` rows; the first `old` ones stay."""
    if total <= gram.shape[0]:
        return gram
    capacity = total + max(64, total // 4)
    larger = np.empty((capacity, capacity))
    larger[:old, :old] = gram[:old, :old]
    return larger


class ScalarModel(ScalarBends):
    """One output: G = X'DX with D diagonal and columns centred by their D-weighted means."""

    cheap = False
    inner = 1e-3  # solved to this share of the gap that is left: only forming the matrix costs

    def __init__(self, problem, n_threads: int, count) -> None:
        super().__init__(problem)
        self.n_threads, self.count = n_threads, count
        self.center = np.zeros(self.design.n_features)
        self.gram = np.empty((0, 0))
        self.cols = np.empty(0, dtype=np.intp)

    def worthwhile(self, members, n_support: int) -> bool:
        """Whether the Gram matrix of the members is the cheaper way."""
        if members.size > MAX_GRAM:
            return False
        if not self.design.is_sparse:
            return True
        stored = self.design.column_counts(members)
        return gram_is_cheaper(stored, self.design.n_samples, members.size, 0, n_support)

    def restart(self, eta, share) -> None:
        """Take the second derivatives at eta, at least a share of their bound, and forget the set."""
        self.bend(eta, share)
        self.cols = np.empty(0, dtype=np.intp)
        self.solver = GramLasso(MAX_SUPPORT)

    def extend(self, new) -> None:
        """Let columns join, under the second derivatives of the last restart."""
        old = self.cols.size
        self.cols = np.concatenate([self.cols, new])
        if self.fit_intercept and new.size:
            self.center[new] = self.plain.rmatvec(self.d, new, n_threads=self.n_threads) / self.mass
            self.count(new)
        self.columns = self.design.columns(center=self.center if self.fit_intercept else None)
        self.gram = grown(self.gram, old, self.cols.size)
        self.columns.extend_gram(self.cols, old, self.d, self.gram, n_threads=self.n_threads)
        self.count(self.cols)

    def minimise(self, w, c, theta, lam, mu, positive, tol):
        """Return the minimiser of the model on the set from w, where the gradient of the loss is -c."""
        return minimise_on_gram(self.solver, self.gram, w, c, self.square(theta), lam, mu, positive, tol)

    def direction(self, move):
        """Return the change of eta, the best change of the intercept included."""
        used = np.flatnonzero(move)
        v = np.zeros((self.design.n_samples, 1), order=self.columns.block_order)
        self.columns.subtract(self.cols[used], -move[used][None, :], v, n_threads=self.n_threads)
        self.count(self.cols[used])
        return v.ravel()

    def products(self, theta, entries):
        """Return x_j'theta for entries."""
        return self.plain.rmatvec(theta, entries, n_threads=self.n_threads)


class OutputModel(OutputBends):
    """K outputs coupled by each sample's K x K second derivative."""

    cheap = False
    inner = 1e-3

    def __init__(self, problem, n_threads: int, count) -> None:
        super().__init__(problem)
        self.n_threads, self.count = n_threads, count
        self.groups = RowModel(self.K)
        self.cols = np.empty(0, dtype=np.intp)
        self.gram = np.empty((0, 0))

    def worthwhile(self, members, n_support: int) -> bool:
        """Whether the Gram matrix of the members is the cheaper way."""
        if members.size > MAX_GRAM:
            return False
        if not self.design.is_sparse:
            return True
        n, k = self.design.n_samples, members.size
        stored = self.K * self.design.column_counts(members // self.K)  # an update of an entry changes K outputs
        by_columns = NEWTON_SWEEPS * NS_SPARSE * (stored + 4.0 * k)
        support = max(n_support, k // 3)
        return NS_GEMM * (n * k * k + support**3 / 1.5) + 20 * NS_AXPY * support * k < by_columns

    def restart(self, eta, share) -> None:
        """Take the second derivatives at eta, at least a share of their bound, and forget the set."""
        self.bend(eta, share)
        self.cols = np.empty(0, dtype=np.intp)
        self.cross = np.empty((self.K, 0))
        self.solver = GramLasso(MAX_SUPPORT)

    def extend(self, new) -> None:
        """Let entries join, under the second derivatives of the last restart."""
        old = self.cols.size
        self.cols = np.concatenate([self.cols, new])
        total = self.cols.size
        self.gram = grown(self.gram, old, total)
        G = self.gram[:total, :total]
        G[old:] = 0.0
        sums = self._whole_rows(G, old) if self.softmax and self.rows else self._entries(G, old)
        self.cross = cross = np.hstack([self.cross, sums])
        if self.problem.fit_intercept:
            G[old:] -= cross[:, old:].T @ (self.root @ cross)
        G[:old, old:] = G[old:, :old].T
        G[np.arange(old, total), np.arange(old, total)] *= 1.0 + 1e-10

    def _whole_rows(self, G, old):
        """Write the rows of G from `old` on, when features join for all outputs; return the sums of their columns.

        Second derivatives vanish along equal changes of all outputs, so that the blocks of two different outputs, which
        are symmetric, tell those of one.
        """
        K, first, count = self.K, old // self.K, self.cols.size // self.K
        features, n = self.cols[::K] // K, self.design.n_samples
        pairs = [(k, m) for k in range(K) for m in range(k)]
        blocks, sums = np.zeros((len(pairs), count - first, count)), np.zeros((len(pairs), count - first))
        for start in range(0, n, ROWS):
            part = slice(start, min(start + ROWS, n))
            A = self._rows(features, part)
            for at, (k, m) in enumerate(pairs):
                weighted = A[first:] * self.coupling(k, m)[part]
                blocks[at] += weighted @ A.T
                sums[at] += weighted.sum(axis=1)
        self.count(features)
        ranks = self.design.ranks
        ranks.total_symmetric_rows(blocks, first)
        sums = ranks.total(sums)
        cross = np.zeros((K, G.shape[0] - old))
        for (k, m), block, total in zip(pairs, blocks, sums, strict=True):
            for a, b in ((k, m), (m, k)):
                G[old + a :: K, b::K] = block
                G[old + a :: K, a::K] -= block
                cross[b, a::K] = total
                cross[a, a::K] -= total
        return cross

    def _entries(self, G, old):
        """Write the rows of G from `old` on, of any entries; return the sums of their columns."""
        K, total = self.K, self.cols.size
        features, at = np.unique(self.cols // K, return_inverse=True)
        outputs = self.cols % K
        place = [np.flatnonzero(outputs == k) for k in range(K)]
        cross = np.zeros((K, total))
        n = self.design.n_samples
        for first in range(0, n, ROWS):
            part = slice(first, min(first + ROWS, n))
            A = self._rows(features, part)
            entries = A[at]
            for f in self.factors:
                B = entries * f[outputs, part]
                G[old:] -= B[old:] @ B.T
                cross[:, old:] -= f[:, part] @ B[old:].T
            for k in range(K):
                fresh = place[k][place[k] >= old]
                if fresh.size:
                    weighted = entries[fresh] * self.own[k, part]
                    G[np.ix_(fresh, place[k])] += weighted @ entries[place[k]].T
                    cross[k, fresh] += weighted.sum(axis=1)
        self.count(features)
        self.design.ranks.total_symmetric(G, old, total)
        return self.design.ranks.total(cross[:, old:])

    def _rows(self, features, part):
        """Return some columns in some rows of X, one column after the other, as a dense float64 block."""
        if hasattr(self.design, "array"):
            return np.ascontiguousarray(self.design.array[part, features].T, dtype=np.float64)
        if hasattr(self.design, "matrix"):
            return np.ascontiguousarray(self.design.matrix[part][:, features].toarray().T, dtype=np.float64)
        block = np.zeros((features.size, part.stop - part.start))
        unit = np.zeros(self.design.n_features)
        for a, j in enumerate(features):
            unit[j] = 1.0
            block[a] = self.design.matvec(unit)[part]
            unit[j] = 0.0
        return block

    def minimise(self, w, c, theta, lam, mu, positive, tol):
        """Return the minimiser of the model on the set from w, where the gradient of the loss is -c."""
        if self.rows:  # members join by whole rows, in order
            return self.groups.minimise(self.gram, w, c, lam[:: self.K], mu, tol)
        return minimise_on_gram(self.solver, self.gram, w, c, self.square(theta), lam, mu, positive, tol)
