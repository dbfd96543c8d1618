"""The elastic net penalty, of which L1 is a special case."""

from __future__ import annotations

from math import isfinite
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator

from ...exceptions import InvalidProblemError


class ElasticNet(BaseEstimator):
    r"""Weighted L1 plus ridge.

    .. math:: g(w) = \alpha \rho \sum_j \omega_j |w_j| + \tfrac12 \alpha (1 - \rho) \|w\|_2^2

    with ``rho = l1_ratio`` and ``omega = weights``; infinite where some ``w_j < 0`` and ``positive``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the whole penalty, in units of the mean loss.
    l1_ratio : float, default=0.5
        Share of the L1 part, in (0, 1].
    weights : array-like of shape (p,), optional
        Non-negative weights of the L1 part. 0 leaves a coefficient without L1 penalty, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    References
    ----------
    .. [1] H. Zou, T. Hastie, "Regularization and variable selection via the elastic net", JRSS B, 2005.

    Examples
    --------
    >>> from sparseopt.penalties import ElasticNet
    >>> ElasticNet(alpha=2.0, l1_ratio=0.5).value([1.0, -2.0])
    5.5
    """

    convex = True
    separable = "coordinate"

    def __init__(self, alpha=1.0, l1_ratio=0.5, *, weights=None, positive=False):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.weights = weights
        self.positive = positive

    def check(self, n_features: int) -> None:
        """Raise InvalidProblemError when a parameter is out of its range."""
        for name in ("alpha", "l1_ratio"):
            value = getattr(self, name)
            if not isinstance(value, (float, Real)) or not isfinite(value):
                raise InvalidProblemError(f"{name} must be a finite number, got {value!r}")
            if value <= 0:
                raise InvalidProblemError(f"{name} must be > 0, got {value!r}; see LinearRegression for 0")
        if self.l1_ratio > 1:
            raise InvalidProblemError(f"l1_ratio must be in (0, 1], got {self.l1_ratio!r}")
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=np.float64)
            if weights.shape != (n_features,):
                raise InvalidProblemError(f"weights have shape {weights.shape}, expected ({n_features},)")
            if not np.all(weights >= 0):  # also catches nan
                raise InvalidProblemError(f"weights must be >= 0, the smallest is {np.min(weights)}")

    def l1_weights(self):
        """Return omega as float64, or None when all are one."""
        return None if self.weights is None else np.asarray(self.weights, dtype=np.float64)

    def value(self, w) -> float:
        """Return g(w); inf outside the domain."""
        w = np.asarray(w, dtype=np.float64)
        if self.positive and np.any(w < 0):
            return np.inf
        size = np.abs(w)
        omega = self.l1_weights()
        if omega is not None:
            omega = over_outputs(omega, w)
            size = np.where(size > 0, size * np.where(size > 0, omega, 0.0), 0.0)
        return float(self.alpha * (self.l1_ratio * size.sum() + 0.5 * (1.0 - self.l1_ratio) * float(np.vdot(w, w))))

    def prox(self, w, step):
        """Return argmin_u step g(u) + 1/2 ||u - w||^2."""
        w = np.asarray(w, dtype=np.float64)
        omega = self.l1_weights()
        cut = step * self.alpha * self.l1_ratio * (1.0 if omega is None else over_outputs(omega, w))
        size = w - cut if self.positive else np.abs(w) - cut
        return np.sign(w) * np.maximum(size, 0.0) / (1.0 + step * self.alpha * (1.0 - self.l1_ratio))

    def distance(self, w, gradient):
        """Return the distance of ``-gradient`` to the subdifferential of g, for every coordinate."""
        w = np.asarray(w, dtype=np.float64)
        omega = self.l1_weights()
        level = self.alpha * self.l1_ratio * (1.0 if omega is None else over_outputs(omega, w))
        level = np.broadcast_to(level, w.shape)
        slope = -np.asarray(gradient, dtype=np.float64) - self.alpha * (1.0 - self.l1_ratio) * w
        at_zero = np.maximum((slope if self.positive else np.abs(slope)) - level, 0.0)
        with np.errstate(invalid="ignore"):
            away = np.abs(slope - level * np.sign(w))
        return np.where(w == 0, at_zero, away)

    # What duality gaps ask of a penalty. C = -X'(gradient of the mean loss), of the shape of w.

    def conjugate(self, C, multiple=1.0) -> float:
        """Return the convex conjugate at ``multiple * C``, taken as zero where `dual_scale` is the limit."""
        if self.l1_ratio == 1.0:
            return 0.0
        excess = np.maximum(multiple * self._size(C) - self.alpha * self.l1_ratio * self._omega(C), 0.0)
        return 0.5 * float(np.vdot(excess, excess)) / (self.alpha * (1.0 - self.l1_ratio))

    def dual_scale(self, C) -> float:
        """Return the largest multiple of C at which the conjugate is finite (inf when it always is).

        Entries without any penalty (see `unpenalised`) count as zero: they are fitted exactly or nothing is certified.
        """
        if self.l1_ratio < 1.0:
            return np.inf
        worst = self.critical_alpha(C)
        return self.alpha / worst if worst > 0.0 else np.inf

    def critical_alpha(self, C) -> float:
        """Return the smallest alpha at which w = 0 satisfies the optimality conditions for this C."""
        level = np.broadcast_to(self.l1_ratio * self._omega(C), np.shape(C))
        return float(np.divide(self._size(C), level, out=np.zeros(np.shape(C)), where=level > 0.0).max(initial=0.0))

    def unpenalised(self):
        """Return the features without any penalty."""
        if self.weights is None or self.l1_ratio < 1.0:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(self.l1_weights() == 0.0)

    def free_at_zero(self):
        """Return the features without L1 penalty, which have no critical alpha."""
        return np.empty(0, dtype=np.intp) if self.weights is None else np.flatnonzero(self.l1_weights() == 0.0)

    def _size(self, C):
        return np.maximum(C, 0.0) if self.positive else np.abs(C)

    def _omega(self, C):
        omega = self.l1_weights()
        return 1.0 if omega is None else over_outputs(omega, C)


def over_outputs(omega, w):
    """Return one weight for each feature in a shape that meets w of shape (p,) or (p, K)."""
    return omega if np.ndim(w) == 1 else omega[:, None]
