"""The quadratic model of a smooth loss on the columns themselves, where a Gram matrix would cost more or not fit.

Nothing but weights is formed, so that every Newton step takes the second derivatives of its own point.
"""

from __future__ import annotations

import numpy as np

from .._ext._residual_lasso import ResidualLasso
from .._ext._residual_outputs import ResidualOutputs, ResidualRows
from ._bends import OutputBends, ScalarBends

SWEEPS = 100  # most sweeps on one model


class ColumnModel(ScalarBends):
    """One output."""

    cheap = True
    inner = 0.05  # solved to this share of the gap that is left: sweeps cost

    def __init__(self, problem, n_threads: int, count) -> None:
        super().__init__(problem)
        self.n_threads, self.count = n_threads, count
        self.cols = np.empty(0, dtype=np.intp)
        self.center = np.zeros(self.design.n_features)

    def restart(self, eta, share) -> None:
        """Take the second derivatives at eta, at least a share of their bound, and forget the set."""
        self.bend(eta, share)
        self.cols = np.empty(0, dtype=np.intp)

    def extend(self, new) -> None:
        """Let columns join, under the second derivatives of the last restart."""
        self.cols = np.concatenate([self.cols, new])
        if self.fit_intercept and new.size:
            self.center[new] = self.plain.rmatvec(self.d, new, n_threads=self.n_threads) / self.mass
            self.count(new)
        columns = self.design.columns(center=self.center if self.fit_intercept else None)
        self.columns, self.places = gather(self.design, columns, self.cols)
        self.count(self.cols)
        zeros = np.zeros(self.design.n_samples)
        means, squares, _ = self.columns.moments(self.d, zeros, int(np.argmax(self.d)), self.n_threads)
        self.bends = np.ascontiguousarray((squares + self.mass * means * means)[self.places])
        self.stored = self.columns.stored_products(self.d, self.places) if self.columns.centered else np.zeros(0)

    def minimise(self, w, c, theta, lam, mu, positive, tol):
        """Return the minimiser of the model on the set from w, where minus the gradient of the loss is theta."""
        z = np.array(w)
        sweeper = ResidualLasso(self.columns, self.places, self.bends, lam, mu, positive, self.d, self.stored, z,
                                np.array(theta))
        sweeper.run(tol, SWEEPS)
        return z

    def direction(self, move):
        """Return the change of eta, the best change of the intercept included."""
        used = np.flatnonzero(move)
        v = np.zeros((self.design.n_samples, 1), order=self.columns.block_order)
        self.columns.subtract(self.places[used], -move[used][None, :], v, n_threads=self.n_threads)
        return v.ravel()

    def products(self, theta, entries):
        """Return x_j'theta for entries."""
        return self.plain.rmatvec(theta, entries, n_threads=self.n_threads)


class OutputColumnModel(OutputBends):
    """K outputs coupled by each sample's K x K second derivative."""

    cheap = True
    inner = 0.05

    def __init__(self, problem, n_threads: int, count) -> None:
        super().__init__(problem)
        self.n_threads, self.count = n_threads, count
        self.cols = np.empty(0, dtype=np.intp)

    def restart(self, eta, share) -> None:
        """Take the second derivatives at eta, moved a share of the way to their bound, and forget the set."""
        self.bend(eta, share)
        self.cols = np.empty(0, dtype=np.intp)

    def extend(self, new) -> None:
        """Let entries join, under the second derivatives of the last restart."""
        K = self.K
        self.cols = np.concatenate([self.cols, new])
        self.h = np.stack([np.stack([np.broadcast_to(self.coupling(k, m), self.own[k].shape) for m in range(K)])
                           for k in range(K)])  # fmt: skip
        features, at = np.unique(self.cols // K, return_inverse=True)
        self.outputs = np.ascontiguousarray(self.cols % K)
        self.columns, places = gather(self.design, self.plain, features)
        self.count(features)
        self.places = np.ascontiguousarray(places[at])
        stored = np.empty((self.cols.size, K))  # of columns as stored, and as they are with centre and scale
        cross = np.empty((K, self.cols.size))
        self.bends = np.empty(self.cols.size)
        zeros = np.zeros(self.design.n_samples)
        for k in range(K):
            mine = np.flatnonzero(self.outputs == k)
            for m in range(K):
                d = np.ascontiguousarray(self.h[k, m])
                stored[mine, m] = self.columns.stored_products(d, places)[at[mine]]
                cross[m, mine] = self.columns.rmatvec(d, places)[at[mine]]
            own = np.ascontiguousarray(self.h[k, k])
            if own.max() > 0.0:
                means, squares, _ = self.columns.moments(own, zeros, int(np.argmax(own)), self.n_threads)
                self.bends[mine] = (squares + own.sum() * means * means)[places][at[mine]]
            else:
                self.bends[mine] = 0.0
        self.stored, self.cross = stored, cross

    def minimise(self, w, c, theta, lam, mu, positive, tol):
        """Return the minimiser of the model on the set from w, where minus the gradient of the loss is theta."""
        z, K = np.array(w), self.K
        kind = ResidualRows if self.rows else ResidualOutputs
        sweeper = kind(self.columns, self.places, self.outputs, self.bends, lam[::K].copy() if self.rows else lam, mu,
                       positive, self.h, self.scale.ravel(), self.stored, self.root, z, theta.T.flatten())
        sweeper.run(tol, SWEEPS)
        return z


def gather(design, columns, cols):
    """Return columns as kernels sweep them, and their places: sparse ones are copied together."""
    if design.is_sparse:
        return columns.take(cols), np.arange(cols.size)
    return columns, cols
