"""Paths for penalties on groups: the batches of :mod:`.path`, with groups in place of columns."""

from __future__ import annotations

import numpy as np

from ..problem.certificates import best_dual, unpenalised_excess
from ..problem.group_certificates import dual_sizes, excess
from ._group_set import GroupSet
from ._path_batches import run_batches
from ._quadratic import Quadratic
from .group_working_set import group_levels, penalty_groups, penalty_value
from .working_set import FLOOR

BATCH = 20  # alphas certified by one reading of X; divided by the number of outputs
DAMPING = 0.85  # of the extrapolation of c
LEAST = 100  # columns that may join by prediction, at least; at most as many as are active


class GroupPath:
    """The state between rounds: the working set, and for every alpha its coefficients and its gap.

    Attributes
    ----------
    alphas, gaps, primals : ndarray of shape (n_alphas,)
    target : float
        The gap that certifies an alpha.
    """

    def __init__(self, quadratic: Quadratic, alphas, tol: float) -> None:
        problem = quadratic.problem
        self.problem, self.quadratic, self.alphas = problem, quadratic, alphas
        self.groups = penalty_groups(problem)
        self.set = GroupSet(quadratic, self.groups)
        self.n_outputs = self.set.n_outputs
        self.batch = max(1, BATCH // self.n_outputs)
        self.target = max(tol, FLOOR) * quadratic.null
        self.coefs: list = [None] * alphas.size  # each (n_outputs, leading columns of the set)
        self.gaps = np.full(alphas.size, np.inf)
        self.primals = np.full(alphas.size, np.nan)
        self.active = 0
        l1, lam, mu = self.levels(0)
        trace = self.groups.total(quadratic.curvature)
        self.norms = np.sqrt(trace)
        self.usable = (trace > 0.0) & np.isfinite(lam)
        free = np.flatnonzero((lam == 0.0) & self.usable) if l1 == 0.0 else np.empty(0, dtype=np.intp)
        self.set.add(free)
        self.free = self.groups.members(free) if mu == 0.0 else free[:0]
        self.least = max(1, int(LEAST * len(self.groups) / quadratic.curvature.size))
        self.known: list = [(np.inf, np.atleast_2d(quadratic.gradient))]  # the last alphas whose c is known, with c

    def levels(self, i):
        return group_levels(self.problem, self.groups, self.alphas[i])

    def predict(self, last: int) -> None:
        """Let the groups join that alphas down to `last` will need, by (damped) linear extrapolation of c."""
        l1, lam, _ = self.levels(last)
        alpha, c = self.known[-1]
        if len(self.known) > 1:
            before, c_before = self.known[-2]
            c = c + DAMPING * ((self.alphas[last] - alpha) / (alpha - before)) * (c - c_before)
        over = excess(self.groups, c.T, l1, lam)
        new = np.flatnonzero((over > 0.0) & self.usable & ~self.set.member)
        most = max(self.least, self.active)
        if new.size > most:
            new = new[np.argpartition(-over[new] / self.norms[new], most)[:most]]
        self.set.add(new)

    def solve(self, i: int, start):
        """Solve alpha i on the set, from its own last coefficients or its neighbour's."""
        start = start if self.coefs[i] is None else self.coefs[i]
        w = np.zeros((self.n_outputs, self.set.cols.size))
        if start is not None:
            w[:, : start.shape[1]] = start
        l1, lam, mu = self.levels(i)
        support = np.flatnonzero(np.any(w != 0.0, axis=0))
        theta = None
        if not self.set.prefers_gram(support.size):
            r = self.quadratic.residual(self.set.cols[support], w[:, support])
            theta = self.problem.weighted(r)
        self.set.solve_groups(w, l1, lam, mu, 0.3 * self.target, theta)
        self.coefs[i] = w
        return w

    def certify(self, batch) -> None:
        """Compute the gap of every alpha of the batch; violators of those not good enough join."""
        K, q = self.n_outputs, self.quadratic
        W = np.zeros((len(batch), K, self.set.cols.size))
        for k, i in enumerate(batch):
            W[k, :, : self.coefs[i].shape[1]] = self.coefs[i]
        used = np.any(W[-1] != 0.0, axis=0)
        self.active = np.unique(self.groups.of[self.set.cols[used]]).size
        C, rr, y_theta = self._products(W)
        violating = np.zeros(len(self.groups), dtype=bool)
        whole = np.zeros((q.curvature.size, K))
        for k, i in enumerate(batch):
            l1, lam, mu = self.levels(i)
            whole[self.set.cols] = W[k].T
            primal = 0.5 * rr[k] + penalty_value(self.groups, whole, l1, lam, mu)
            sizes, bounds = dual_sizes(self.groups, C[k].T, l1, lam)
            value, _ = best_dual(np.where(self.usable, sizes, 0.0), y_theta[k], rr[k], bounds, mu, False)
            gap = max(primal - value, 0.0)
            for c in C[k] if self.free.size else ():
                gap += unpenalised_excess(c[self.free], None, q.curvature[self.free], False)
            self.primals[i], self.gaps[i] = primal, gap
            if gap > self.target:
                violating |= excess(self.groups, C[k].T, l1, lam) > 0.0
        self.known = [(self.alphas[i], C[k]) for k, i in enumerate(batch)][-2:]
        self.set.add(np.flatnonzero(violating & self.usable))

    def _products(self, W):
        """Read X once: X' times all residuals, and the inner products of the dual points."""
        q, b, K = self.quadratic, W.shape[0], self.n_outputs
        used = np.flatnonzero(np.any(W != 0.0, axis=(0, 1)))
        R = np.empty((q.y.shape[0], b * K), order=q.columns.block_order)
        R[:] = np.tile(q.y.reshape(-1, K), b)
        q.columns.subtract(
            self.set.cols[used], np.ascontiguousarray(W.reshape(b * K, W.shape[2])[:, used]), R, n_threads=q.n_threads
        )
        q.count(self.set.cols[used])
        theta = R if q.s is None else np.asarray(R * q.s[:, None], order=q.columns.block_order)
        C = q.columns.rmatmat(theta, n_threads=q.n_threads)
        q.passes += 1.0
        C[:, q.curvature == 0.0] = 0.0
        rr = np.einsum("ij,ij->j", R, theta).reshape(b, K).sum(axis=1)
        y_theta = np.einsum("ik,ibk->b", q.y.reshape(-1, K), theta.reshape(-1, b, K))
        return C.reshape(b, K, -1), *self.problem.ranks.total((rr, y_theta))

    def run(self, max_iter: int, on_round, section) -> int:
        """Certify batch after batch, and let the section keep each; return the number of rounds."""
        return run_batches(self, self.set, self.batch, max_iter, on_round, section)

    def all_coefs(self):
        """Return the coefficients of every alpha, shape (n_alphas, p) or (n_alphas, p, n_outputs)."""
        out = np.zeros((self.alphas.size, self.quadratic.curvature.size, self.n_outputs))
        for i, w in enumerate(self.coefs):
            if w is not None:
                out[i, self.set.cols[: w.shape[1]]] = w.T
        return out[:, :, 0] if self.quadratic.gradient.ndim == 1 else out
