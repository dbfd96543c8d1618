"""Solutions along a grid of alphas: solve many on predicted working sets, certify them together, repeat.

Reading X is what costs, so X is read once for a whole batch of alphas:

1. predict which columns the next alphas of the grid will use, by extrapolating c(alpha) = X'theta, which is piecewise
   linear along the path, from the last two alphas whose c is known;
2. solve those alphas on the working set, without X, each warm-started from its larger neighbour;
3. read X once, for X' times all their residuals together, which gives every alpha its own duality gap;
4. alphas whose gap is too large stay in the batch; the columns that violate their optimality condition join.

The Gram matrix of all columns ever used grows along the path and is never computed twice.
"""

from __future__ import annotations

import numpy as np

from ..problem.certificates import best_dual, unpenalised_excess
from ._gram_set import GramSet
from ._path_batches import run_batches
from ._quadratic import Quadratic
from .working_set import FLOOR

BATCH = 20  # alphas certified by one reading of X
DAMPING = 0.85  # of the extrapolation of c: the whole of it lets too many columns join
LEAST = 100  # columns that may join by prediction, at least; at most as many as are active
MANY = 1000  # violators that may join at a time, at least; at most twice as many as are active
MAX_COMPLETE = 3000  # columns up to which the set may be completed to all of X


class BatchPath:
    """The state between rounds: the working set, and for every alpha its coefficients and its gap."""

    def __init__(self, quadratic: Quadratic, alphas, tol: float) -> None:
        problem = quadratic.problem
        self.problem, self.quadratic, self.alphas = problem, quadratic, alphas
        self.gram = GramSet(quadratic)
        self.target = max(tol, FLOOR) * quadratic.null
        with np.errstate(divide="ignore"):
            self.reach = 1.0 / np.sqrt(quadratic.curvature)
        self.positive = problem.penalty.positive
        self.coefs: list = [None] * alphas.size  # each on the leading columns of the set
        self.gaps = np.full(alphas.size, np.inf)
        self.primals = np.full(alphas.size, np.nan)
        self.active = 0
        self.usable = quadratic.curvature > 0.0
        lam, _ = self.levels(0)
        if np.ndim(lam):
            self.usable &= np.isfinite(lam)
            self.gram.add(np.flatnonzero((lam == 0.0) & self.usable))
        self.free = self.gram.cols
        self.known: list = [(np.inf, quadratic.gradient)]  # the last alphas whose c is known, with c

    def levels(self, i):
        return self.problem.levels(self.alphas[i])

    def size(self, c):
        return c if self.positive else np.abs(c)

    def predict(self, last: int) -> None:
        """Let the columns join that alphas down to `last` will need, by (damped) linear extrapolation of c."""
        lam, _ = self.levels(last)
        alpha, c = self.known[-1]
        if len(self.known) > 1:
            before, c_before = self.known[-2]
            c = c + DAMPING * ((self.alphas[last] - alpha) / (alpha - before)) * (c - c_before)
        with np.errstate(invalid="ignore"):
            over = (self.size(c) - lam) * self.reach
        new = np.flatnonzero((over > 0.0) & self.usable & ~self.gram.member)
        most = max(LEAST, self.active)
        if new.size > most:
            new = new[np.argpartition(-over[new], most)[:most]]
        self.gram.add(new)
        n_usable = int(np.count_nonzero(self.usable))
        if len(self.gram) > 0.3 * n_usable and n_usable <= min(MAX_COMPLETE, self.problem.design.n_total):
            self.gram.add(np.flatnonzero(self.usable))  # from here on, the Gram matrix is all of X

    def solve(self, i: int, start):
        """Solve alpha i on the set, from its own last coefficients or its neighbour's."""
        start = start if self.coefs[i] is None else self.coefs[i]
        w = np.zeros(len(self.gram))
        if start is not None:
            w[: start.size] = start
        lam, mu = self.levels(i)
        theta = None if self.gram.prefers_gram(int(np.count_nonzero(w))) else self.gram.dual_point(w)
        self.gram.solve(w, lam, mu, self.positive, 0.3 * self.target, theta)
        self.coefs[i] = w
        return w

    def certify(self, batch) -> None:
        """Compute the gap of every alpha of the batch; violators of those not good enough join."""
        W = np.zeros((len(batch), len(self.gram)))
        for k, i in enumerate(batch):
            W[k, : self.coefs[i].size] = self.coefs[i]
        self.active = int(np.count_nonzero(W[-1]))
        complete = len(self.gram) == np.count_nonzero(self.usable) and self.gram.formed
        C, rr, y_theta = self._products_from_gram(W) if complete else self._products(W)
        over = np.zeros(self.usable.size)  # by how much each column violates, at the alpha where it does most
        for k, i in enumerate(batch):
            lam, mu = self.levels(i)
            w = W[k]
            l1 = lam * np.abs(w).sum() if np.ndim(lam) == 0 else lam[self.gram.cols] @ np.abs(w)
            primal = 0.5 * rr[k] + float(l1) + 0.5 * mu * float(w @ w)
            value, _ = best_dual(C[k], y_theta[k], rr[k], lam, mu, self.positive)
            gap = max(primal - value, 0.0)
            if self.free.size and mu == 0.0:  # the free columns are the first members of the set
                curvature = self.quadratic.curvature[self.free]
                gap += unpenalised_excess(C[k, self.free], w[: self.free.size], curvature, self.positive)
            self.primals[i], self.gaps[i] = primal, gap
            if self.gaps[i] > self.target:
                with np.errstate(invalid="ignore"):
                    np.maximum(over, (self.size(C[k]) - lam) * self.reach, out=over, where=self.usable)
        self.known = [(self.alphas[i], C[k]) for k, i in enumerate(batch)][-2:]
        new = np.flatnonzero((over > 0.0) & ~self.gram.member)
        most = max(MANY, 2 * self.active)
        if new.size > most:  # on a coarse grid nearly all columns may violate, and few of them stay
            new = new[np.argpartition(-over[new], most)[:most]]
        self.gram.add(new)

    def _products(self, W):
        """Read X once: X' times all residuals, and the inner products of the dual points."""
        q = self.quadratic
        used = np.flatnonzero(np.any(W != 0.0, axis=0))
        R = np.empty((q.y.size, W.shape[0]), order=q.columns.block_order)
        R[:] = q.y[:, None]
        q.columns.subtract(self.gram.cols[used], np.ascontiguousarray(W[:, used]), R, n_threads=q.n_threads)
        q.count(self.gram.cols[used])
        theta = R if q.s is None else np.asarray(R * q.s[:, None], order=q.columns.block_order)
        C = q.columns.rmatmat(theta, n_threads=q.n_threads)
        q.passes += 1.0
        C[:, ~self.usable] = 0.0
        return C, *self.problem.ranks.total((np.einsum("ij,ij->j", R, theta), q.y @ theta))

    def _products_from_gram(self, W):
        """The same without X, once the set holds every column."""
        gram, used = self.gram, np.flatnonzero(np.any(W != 0.0, axis=0))
        G = gram.matrix[used, : len(gram)] if used.size < len(gram) else gram.matrix[: len(gram), : len(gram)]
        on_set = gram.at_zero - W[:, used] @ G
        C = np.zeros((W.shape[0], self.usable.size))
        C[:, gram.cols] = on_set
        y_theta = 2.0 * self.quadratic.null - W @ gram.at_zero
        rr = np.maximum(y_theta - np.einsum("ij,ij->i", W, on_set), 0.0)
        return C, rr, y_theta

    def all_coefs(self):
        """Return the coefficients of every alpha, shape (n_alphas, p)."""
        out = np.zeros((self.alphas.size, self.problem.design.n_features))
        for i, w in enumerate(self.coefs):
            if w is not None:
                out[i, self.gram.cols[: w.size]] = w
        return out

    def run(self, max_iter: int, on_round, section) -> int:
        """Certify batch after batch, and let the section keep each; return the number of rounds."""
        return run_batches(self, self.gram, BATCH, max_iter, on_round, section)


def highest_alpha(quadratic: Quadratic) -> float:
    """Return where a grid starts: the smallest alpha with zero coefficients, from what the first pass over X told.

    Where no column may enter at any alpha (`positive`), the scale of the data as free coefficients see it.
    """
    problem = quadratic.problem
    lam, _ = problem.levels(1.0)
    if np.ndim(lam) and np.any(lam == 0.0):
        return problem.alpha_max() or problem.alpha_max(two_sided=True)
    size = np.abs(quadratic.gradient)
    one_sided = np.max(quadratic.gradient / lam, initial=0.0) if problem.penalty.positive else 0.0
    return float(one_sided or np.max(size / lam, initial=0.0))
