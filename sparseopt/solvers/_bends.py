"""Second derivatives of a smooth loss as quadratic models use them: floored, or moved towards a bound.

A model of second derivatives alone may promise anything where the loss is flat (far away, or where the Huber loss is
linear). `share` in [0, 1] says how far it is moved towards a quadratic that touches the loss and lies above it: at 1
the minimiser of the model lowers the objective for certain.
"""

from __future__ import annotations

import numpy as np

from ..problem.penalties import Group, RowGroup

FLOOR = 1e-6  # of the largest second derivative: the smallest that a model uses
UNBOUNDED = 1e-12  # the same of exponentials, which fall without end where the penalty lets them
LOW = 1e-14  # the same where the bound keeps the model regular
FLAT = 0.01  # second derivatives below this share of their bound
MANY = 0.5  # this share of flat samples: start from the bound


class ScalarBends:
    """One output: d (n,), weighted, and its sum `mass`; the bound everywhere when it is `steady`."""

    steady = False

    def __init__(self, problem) -> None:
        self.problem, self.design, self.fit_intercept = problem, problem.design, problem.fit_intercept
        self.loss, self.y = problem.loss, problem.y
        self.plain = problem.design.columns()

    def first_share(self, eta) -> float:
        """Return where to start: at the bound when the loss is flat nearly everywhere, else at none of it."""
        if not np.isfinite(self.loss.curvature):
            return 0.0
        flat = self.loss.hessian(self.y, eta) < FLAT * self.loss.touching_curvature(self.y, eta)
        return float(self.problem.ranks.mean(flat, self.problem.sample_weight) > MANY)

    def bend(self, eta, share: float) -> None:
        """Take the second derivatives at eta."""
        d, floor = self.loss.hessian(self.y, eta), FLOOR if np.isfinite(self.loss.curvature) else UNBOUNDED
        if share > 0.0 and np.isfinite(self.loss.curvature):
            d, floor = np.maximum(d, share * self.loss.touching_curvature(self.y, eta)), LOW
        if self.steady:
            d, floor = np.full(len(self.y), float(self.loss.curvature)), LOW
        d = self.problem.weighted(d)
        largest = self.problem.ranks.largest(d)
        s = self.problem.sample_weight
        if s is not None and floor > LOW:  # rows of weight zero must not count, however large their entries
            floors = np.where(s > 0.0, floor, LOW)
        else:
            floors = np.full(1, floor)
        self.d = np.maximum(d, floors * largest if largest > 0.0 else 1.0)
        self.mass = self.problem.ranks.total(float(self.d.sum()))

    def square(self, theta) -> float:
        """Return theta'D^-1 theta."""
        return self.problem.ranks.total(float(theta @ (theta / self.d)))


class OutputBends:
    """K outputs: for each sample the matrix diag(own) - sum_r factors_r factors_r', with the sum `mass`.

    For the softmax, own and the only factor are the shares of the classes. Losses that couple outputs in another way
    are modelled by their diagonal.
    """

    steady = False

    def __init__(self, problem) -> None:
        self.problem, self.design, self.K = problem, problem.design, problem.n_outputs
        self.plain = problem.design.columns()
        self.rows = isinstance(problem.penalty, (RowGroup, Group))  # features join for all outputs
        self.softmax = problem.loss.name == "multinomial"

    def first_share(self, eta) -> float:
        """Return where to start: at the second derivatives themselves."""
        return 0.0

    def bend(self, eta, share: float) -> None:
        """Take the second derivatives at eta."""
        loss, y, K = self.problem.loss, self.problem.y, self.K
        bound = share * loss.curvature if np.isfinite(loss.curvature) else 0.0
        share = share if bound > 0.0 else 0.0
        s = np.ones(len(y)) if self.problem.sample_weight is None else self.problem.sample_weight
        self.factors: list[np.ndarray] = []
        if self.softmax:  # flat along equal changes of all outputs, as its bound is
            shares = loss.shares(eta).T
            own = (1.0 - share) * shares
            self.factors = [np.sqrt((1.0 - share) * s) * shares]
            if bound > 0.0:
                self.factors.append(np.broadcast_to(np.sqrt(bound * s / K), own.shape))
        else:
            own = (1.0 - share) * loss.hessian(y, eta).T
        self.own = np.ascontiguousarray(s * (own + bound))
        ranks = self.problem.ranks
        self.mass = ranks.total(np.diag(self.own.sum(axis=1)) - sum(f @ f.T for f in self.factors))
        # equal changes of all outputs change nothing in the softmax: rounding must not decide what they are worth
        regular = self.mass + np.trace(self.mass) / K**2 if self.softmax else self.mass
        self.root = np.linalg.pinv(regular, hermitian=True) if self.problem.fit_intercept else np.zeros((K, K))
        self.scale = np.maximum(self.own, 1e-9 * ranks.largest(self.own) + 1e-300)

    def coupling(self, k: int, m: int):
        """Return entry (k, m) of every sample's matrix."""
        return (self.own[k] if k == m else 0.0) - sum(f[k] * f[m] for f in self.factors)

    def square(self, theta) -> float:
        """Return a bound of theta'D^-theta, with which the model is a least-squares problem."""
        return self.problem.ranks.total(float(np.sum(theta.T * theta.T / self.scale)))

    def direction(self, move):
        """Return the change of eta, the best change of the intercepts included."""
        K = self.K
        full = np.zeros((self.design.n_features, K))
        full.ravel()[self.cols] = move
        v = self.design.matvec(full)
        self.count(np.unique(self.cols[move != 0.0] // K))
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
