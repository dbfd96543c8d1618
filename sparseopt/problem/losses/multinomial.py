"""The multinomial (softmax) loss."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from ..._ext import _losses
from ..._ranks import ALONE
from ...exceptions import InvalidProblemError
from ._base import NEWTON_STEPS, Loss, as_target
from .logistic import Logistic

FAR = 20.0  # steps of Newton for the constant of one class that are not believed


class Multinomial(Loss):
    r"""Multinomial loss :math:`\log \sum_k e^{\eta_k} - \eta_y` of class numbers :math:`y \in \{0, \dots, K-1\}`.

    Parameters
    ----------
    n_classes : int, optional
        K; default: the largest class number plus one.

    Attributes
    ----------
    name : str
    curvature : float
        Largest eigenvalue that the second derivative in eta, :math:`\mathrm{diag}(\pi) - \pi\pi^\top`, can have.

    Examples
    --------
    >>> from sparseopt.losses import Multinomial
    >>> Multinomial(n_classes=3).values([0.0], [[0.0, 0.0, 0.0]]).round(4)
    array([1.0986])
    """

    name = "multinomial"
    curvature = 0.5
    classifies = True

    def __init__(self, n_classes=None):
        self.n_classes = n_classes

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        return _losses.softmax_value(_codes(y), np.ascontiguousarray(eta, dtype=np.float64))

    def shares(self, eta):
        """Shares of the classes, shape (n, K): the softmax of eta."""
        return _losses.softmax(np.ascontiguousarray(eta, dtype=np.float64))

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape (n, K)."""
        u = self.shares(eta)
        rows, codes = np.arange(len(u)), _codes(y)
        u[rows, codes] = 0.0
        u[rows, codes] = -u.sum(axis=1)  # not share - 1, which has no digits left for a sample fitted well
        return u

    def hessian(self, y, eta):
        """Diagonal of the second derivative in eta, shape (n, K)."""
        share = self.shares(eta)
        return share * (1.0 - share)

    def hessian_product(self, y, eta, direction):
        """Second derivative times a direction, shape (n, K)."""
        share = self.shares(eta)
        return share * (direction - np.sum(share * direction, axis=1, keepdims=True))

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,); inf outside the domain."""
        return _losses.softmax_conjugate(_codes(y), np.ascontiguousarray(u, dtype=np.float64))

    def check_target(self, y, n_samples: int):
        """Return class numbers as float64, or raise InvalidProblemError."""
        y = as_target(y, n_samples)
        if np.any(y < 0.0) or np.any(y != np.floor(y)) or (self.n_classes is not None and np.any(y >= self.n_classes)):
            below = "" if self.n_classes is None else f" below {self.n_classes}"
            raise InvalidProblemError(
                f"the multinomial loss needs class numbers 0, 1, ...{below}; y holds {np.unique(y)[:5].tolist()} "
                "(SparseLogisticRegression encodes any labels)"
            )
        if np.any(y > 1e6):
            raise InvalidProblemError(f"y must be class numbers, the largest is {y.max():g}")
        return y

    def n_outputs(self, y) -> int:
        """How many classes there are."""
        return int(y.max()) + 1 if self.n_classes is None else int(self.n_classes)

    def eta_shape(self, y) -> tuple[int, ...]:
        """Shape of eta."""
        return (len(y), self.n_outputs(y))

    def settled(self, y, ranks) -> Multinomial:
        """Return this loss with the number of classes on all ranks."""
        return Multinomial(int(ranks.largest(y)) + 1) if self.n_classes is None else self

    def check_null(self, y, sample_weight, ranks=ALONE) -> None:
        """Raise InvalidProblemError when a class carries no weight."""
        mass = ranks.total(self._mass(y, sample_weight))
        if np.count_nonzero(mass) < 2:
            raise InvalidProblemError("y holds only one class with positive weight, at least two are needed")
        if not np.all(mass > 0.0):
            raise InvalidProblemError(f"class {int(np.argmin(mass))} has no sample of positive weight")

    def best_constant(self, y, sample_weight=None, ranks=ALONE):
        """Return the logarithms of the weighted class shares, with mean zero."""
        with np.errstate(divide="ignore"):
            logs = np.log(ranks.total(self._mass(y, sample_weight)))
        return logs - logs.mean()

    def best_intercept(self, y, eta, sample_weight=None, ranks=ALONE):
        """Return the constants, one for each class, that minimise the weighted loss: damped Newton, sum zero."""
        n, K = eta.shape
        s = np.ones(n) if sample_weight is None else sample_weight
        b = np.zeros(K)
        for _ in range(NEWTON_STEPS):
            u = self.gradient(y, eta + b)
            share = self.shares(eta + b)
            slope, bend = ranks.total(s @ u), -ranks.total(share.T @ (s[:, None] * share))
            if np.abs(slope).sum() <= 1e-16 * ranks.total(float(s @ np.abs(u).sum(axis=1))):
                break
            np.fill_diagonal(bend, 0.0)
            np.fill_diagonal(bend, -bend.sum(axis=1))  # rows sum to zero
            flat = np.abs(slope) > FAR * np.diag(bend)
            if flat.any():  # predictions that are all 0 or 1 have nothing to tell Newton: one class at a time
                moved = 0.0
                for k in np.flatnonzero(flat):
                    change = self._one_constant(y, eta + b, k, sample_weight, ranks)
                    b[k] += change
                    moved = max(moved, abs(change))
                b -= b.mean()
                if moved <= 1e-14 * np.abs(b).max():
                    break
                continue
            step = -np.linalg.lstsq(bend + np.trace(bend) / K**2, slope, rcond=None)[0]
            step -= step.mean()
            value = ranks.total(float(s @ self.values(y, eta + b)))
            scale = min(1.0, 20.0 / max(np.abs(step).max(), 1e-300))
            for _ in range(40):
                new = b + scale * step
                after = ranks.total(float(s @ self.values(y, eta + new)))
                if after <= value * (1.0 + 1e-14):  # rounding may hide the decrease
                    break
                scale *= 0.5
            else:
                break
            if np.array_equal(new, b):
                break
            b = new
        return b

    def _one_constant(self, y, eta, k, sample_weight, ranks):
        """Return the change of the constant of class k that is best with all others as they are."""
        own = y == k
        if not ranks.any(np.any(own if sample_weight is None else own & (sample_weight > 0.0))):
            return 0.0
        others = logsumexp(np.delete(eta, k, axis=1), axis=1)
        return Logistic().best_intercept(np.where(own, 1.0, -1.0), eta[:, k] - others, sample_weight, ranks)

    def balance(self, y, u, sample_weight=None, ranks=ALONE):
        """Mix the shares with one distribution for all samples so that every class sum is zero."""
        n, K = u.shape
        s = np.ones(n) if sample_weight is None else sample_weight
        mass, excess = ranks.total(self._mass(y, sample_weight, K)), ranks.total(s @ u)
        if not np.any(excess):
            return u
        if not np.all(mass > 0.0):
            return np.zeros_like(u)
        ratio = float(np.max(np.maximum(excess, 0.0) / mass))
        t = ratio / (1.0 + ratio)
        if t <= 0.0:
            return u
        total = mass.sum()
        common = np.maximum(t * mass - (1.0 - t) * excess, 0.0) / (t * total)
        share = np.array(u)
        rows, codes = np.arange(n), _codes(y)
        share[rows, codes] += 1.0
        share = (1.0 - t) * share + t * common
        share[rows, codes] -= 1.0
        return share

    def _mass(self, y, sample_weight, n_classes=None):
        K = self.n_outputs(y) if n_classes is None else n_classes
        return np.bincount(_codes(y), weights=sample_weight, minlength=K).astype(np.float64)


def _codes(y):
    return np.asarray(y).astype(np.intp)
