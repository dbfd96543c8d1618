"""The quadratic model of a smooth loss on a set of coefficients: its Gram matrix, kept while it is good enough.

Entry (j, k), feature j for output k, has the number j K + k.  With D the second derivative of the summed loss in eta
and the intercept profiled out, the Gram matrix of the model is G = X'DX - (X'D1)(1'D1)^+(1'DX) on the set.
Forming it is what costs, so it is kept when D moves a little or columns join: any positive definite model gives a
descent direction, and the line search on the true objective keeps the steps honest.
"""

from __future__ import annotations

import numpy as np

from .._ext._gram_lasso import GramLasso
from ._row_model import RowModel

MAX_SUPPORT = 4000  # largest support solved by one Cholesky factorization
FLOOR = 1e-6  # of the largest second derivative: the smallest that a model uses
ROWS = 2048  # rows of X widened at a time
ROUNDS = 200


class ScalarModel:
    """One output: G = X'DX with D diagonal and columns centred by their D-weighted means."""

    def __init__(self, design, fit_intercept: bool, n_threads: int) -> None:
        self.design, self.fit_intercept, self.n_threads = design, fit_intercept, n_threads
        self.plain = design.columns()
        self.center = np.zeros(design.n_features)
        self.gram = np.empty((0, 0))
        self.formed = 0
        self.cols = np.empty(0, dtype=np.intp)

    def restart(self, d) -> None:
        """Take new second derivatives d (n,) and forget the set."""
        largest = self.design.ranks.largest(d)
        self.d = np.maximum(d, FLOOR * largest if largest > 0.0 else 1.0)
        self.mass = self.design.ranks.total(float(self.d.sum()))
        self.formed, self.cols = 0, np.empty(0, dtype=np.intp)
        self.solver = GramLasso(MAX_SUPPORT)

    def extend(self, new) -> None:
        """Let columns join, under the second derivatives of the last restart."""
        old = self.cols.size
        self.cols = np.concatenate([self.cols, new])
        total = self.cols.size
        if self.fit_intercept and new.size:
            self.center[new] = self.plain.rmatvec(self.d, new, n_threads=self.n_threads) / self.mass
        self.columns = self.design.columns(center=self.center if self.fit_intercept else None)
        if total > self.gram.shape[0]:
            capacity = total + max(64, total // 4)
            grown = np.empty((capacity, capacity))
            grown[:old, :old] = self.gram[:old, :old]
            self.gram = grown
        self.columns.extend_gram(self.cols, old, self.d, self.gram, n_threads=self.n_threads)

    def square(self, theta) -> float:
        """Return theta'D^-1 theta."""
        return self.design.ranks.total(float(theta @ (theta / self.d)))

    def minimise(self, w, c, rr, lam, mu, positive, tol):
        """Return the minimiser of the model on the set from w, where the gradient of the loss is -c."""
        z, q, left = np.array(w), np.array(c), 10 * ROUNDS
        while left > 0:
            rr, gap, rounds = self.solver.solve(self.gram, z, q, lam, mu, positive, rr, tol, ROUNDS)
            left -= ROUNDS
            if gap <= tol or rounds < ROUNDS:
                break
        return z

    def direction(self, move):
        """Return the change of eta, the best change of the intercept included."""
        used = np.flatnonzero(move)
        v = np.zeros((self.design.n_samples, 1), order=self.columns.block_order)
        self.columns.subtract(self.cols[used], -move[used][None, :], v, n_threads=self.n_threads)
        return v.ravel()

    def products(self, theta, entries):
        """Return x_j'theta for entries."""
        return self.plain.rmatvec(theta, entries, n_threads=self.n_threads)


class OutputModel:
    """K outputs coupled by each sample's K x K second derivative."""

    def __init__(self, problem, n_threads: int, rows: bool) -> None:
        self.problem, self.design, self.n_threads = problem, problem.design, n_threads
        self.K = problem.n_outputs
        self.rows = rows
        self.groups = RowModel(self.K)
        self.plain = problem.design.columns()
        self.cols = np.empty(0, dtype=np.intp)
        self.gram = np.empty((0, 0))

    def restart(self, eta, bound=None) -> None:
        """Take new second derivatives, those at eta (or `bound` times the centring matrix), and forget the set."""
        loss, y, K = self.problem.loss, self.problem.y, self.K
        s = np.ones(len(y)) if self.problem.sample_weight is None else self.problem.sample_weight
        self.h = np.empty((K, K, len(y)))
        for k in range(K):
            unit = np.zeros_like(eta)
            unit[:, k] = 1.0
            bend = loss.hessian_product(y, eta, unit) if bound is None else bound * (unit - 1.0 / K)
            self.h[k] = (s[:, None] * bend).T
        self.mass = self.design.ranks.total(self.h.sum(axis=2))
        self.root = np.linalg.pinv(self.mass, hermitian=True) if self.problem.fit_intercept else np.zeros((K, K))
        self.cols = np.empty(0, dtype=np.intp)
        self.cross = np.empty((K, 0))
        self.solver = GramLasso(MAX_SUPPORT)

    def extend(self, new) -> None:
        """Let entries join, under the second derivatives of the last restart."""
        K, old = self.K, self.cols.size
        self.cols = np.concatenate([self.cols, new])
        total = self.cols.size
        if total > self.gram.shape[0]:
            capacity = total + max(64, total // 4)
            grown = np.empty((capacity, capacity))
            grown[:old, :old] = self.gram[:old, :old]
            self.gram = grown
        G = self.gram[:total, :total]
        G[old:] = 0.0
        features, at = np.unique(self.cols // K, return_inverse=True)
        outputs = self.cols % K
        place = [np.flatnonzero(outputs == k) for k in range(K)]
        fresh = [where[where >= old] for where in place]
        cross = np.zeros((K, total))
        n = self.design.n_samples
        for first in range(0, n, ROWS):
            part = slice(first, min(first + ROWS, n))
            A = self._rows(features, part)
            for k in range(K):
                if not fresh[k].size:
                    continue
                left = A[:, at[fresh[k]]]
                for m in range(K):
                    cross[m, fresh[k]] += self.h[m, k, part] @ left
                    if place[m].size:
                        weighted = self.h[k, m, part, None] * A[:, at[place[m]]]
                        G[np.ix_(fresh[k], place[m])] += left.T @ weighted
        G[old:], cross = self.design.ranks.total(G[old:]), self.design.ranks.total(cross)
        cross[:, :old] = self.cross
        self.cross = cross
        if self.problem.fit_intercept:
            G[old:] -= cross[:, old:].T @ (self.root @ cross)
        G[:old, old:] = G[old:, :old].T
        G[np.arange(old, total), np.arange(old, total)] *= 1.0 + 1e-10

    def _rows(self, features, part):
        """Return rows of X as a dense float64 block."""
        if hasattr(self.design, "array"):
            return np.asarray(self.design.array[part, features], dtype=np.float64)
        block = np.zeros((part.stop - part.start, features.size))
        if hasattr(self.design, "matrix"):
            return np.asarray(self.design.matrix[part][:, features].toarray(), dtype=np.float64)
        unit = np.zeros(self.design.n_features)
        for a, j in enumerate(features):
            unit[j] = 1.0
            block[:, a] = self.design.matvec(unit)[part]
            unit[j] = 0.0
        return block

    def square(self, theta) -> float:
        """Return a bound of theta'D^-theta, with which the model is a least-squares problem."""
        diagonal = self.h[np.arange(self.K), np.arange(self.K)].T
        ranks = self.design.ranks
        floor = 1e-9 * ranks.largest(diagonal) + 1e-300
        return ranks.total(float(np.sum(theta * theta / np.maximum(diagonal, floor))))

    def minimise(self, w, c, rr, lam, mu, positive, tol):
        """Return the minimiser of the model on the set from w, where the gradient of the loss is -c."""
        if self.rows:  # members join by whole rows, in order
            return self.groups.minimise(self.gram, w, c, lam[:: self.K], mu, tol)
        z, q, left = np.array(w), np.array(c), 10 * ROUNDS
        while left > 0:
            rr, gap, rounds = self.solver.solve(self.gram, z, q, lam, mu, positive, rr, tol, ROUNDS)
            left -= ROUNDS
            if gap <= tol or rounds < ROUNDS:
                break
        return z

    def direction(self, move):
        """Return the change of eta, the best change of the intercepts included."""
        K = self.K
        full = np.zeros((self.design.n_features, K))
        full.ravel()[self.cols] = move
        v = self.design.matvec(full)
        if self.problem.fit_intercept:
            v = v - self.root @ (self.cross @ move)
        return v

    def products(self, theta, entries):
        """Return x_j'theta_k for entries."""
        K = self.K
        features, at = np.unique(entries // K, return_inverse=True)
        out = np.empty(entries.size)
        for k in range(K):
            mine = np.flatnonzero(entries % K == k)
            if mine.size:
                each = self.plain.rmatvec(np.ascontiguousarray(theta[:, k]), features, n_threads=self.n_threads)
                out[mine] = each[at[mine]]
        return out
