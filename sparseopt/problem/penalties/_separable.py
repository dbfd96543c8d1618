"""What the separable penalties share that are symmetric in the sign of a coefficient; their formulas are compiled."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from ..._ext._separable import KINDS, distance, exits, prox, value
from ...exceptions import InvalidProblemError


class SeparablePenalty(BaseEstimator):
    """Base of penalties ``sum_j g_j(w_j)`` with levels ``alpha * weights`` and a shape.

    A subclass names the compiled formula (`kind`) and, where it has one, gives the shape.
    """

    convex = False
    separable = "coordinate"
    kind: ClassVar[str]
    degree: ClassVar[float] = 1.0  # coefficients leave zero at gradients proportional to alpha ** degree

    # what the formulas of all subclasses read; constructors differ
    alpha: float
    weights: object
    positive: bool

    def check(self, n_features: int) -> None:
        """Raise InvalidProblemError when a parameter is out of its range."""
        check_number("alpha", self.alpha, 0.0)
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=np.float64)
            if weights.shape != (n_features,):
                raise InvalidProblemError(f"weights have shape {weights.shape}, expected ({n_features},)")
            if not np.all(weights >= 0):  # also catches nan
                raise InvalidProblemError(f"weights must be >= 0, the smallest is {np.min(weights)}")

    def levels(self, n_features: int):
        """Return one level a coefficient."""
        if self.weights is None:
            return np.full(n_features, float(self.alpha))
        return np.ascontiguousarray(self.alpha * np.asarray(self.weights, dtype=np.float64))

    def shapes(self, n_features: int):
        """Return one shape a coefficient (ones where the penalty has none)."""
        return np.ones(n_features)

    def compiled(self, n_features: int):
        """Return what kernels take: the number of the formula, levels and shapes."""
        return KINDS[self.kind], self.levels(n_features), self.shapes(n_features)

    def _flat(self, w):
        """Return the same for each entry of w, of shape (p,) or (p, K) with K outputs, and w as one vector."""
        w = np.ascontiguousarray(w, dtype=np.float64)
        kind, lam, gam = self.compiled(w.shape[0])
        if w.ndim > 1:
            lam, gam = np.repeat(lam, w.shape[1]), np.repeat(gam, w.shape[1])
        return (kind, lam, gam, w.ravel())

    def value(self, w) -> float:
        """Return g(w); inf outside the domain."""
        if self.positive and np.any(np.asarray(w) < 0):
            return np.inf
        return float(value(*self._flat(w)))

    def prox(self, w, step):
        """Return argmin_u step g(u) + 1/2 ||u - w||^2, of several minimisers the one with the smallest sizes.

        `step` is a number > 0 or one for each coefficient.
        """
        steps = np.ascontiguousarray(np.broadcast_to(np.asarray(step, dtype=np.float64), np.shape(w))).ravel()
        return prox(*self._flat(w), steps, bool(self.positive)).reshape(np.shape(w))

    def distance(self, w, gradient):
        """Return the distance of ``-gradient`` to the limiting subdifferential of g, for every coordinate."""
        gradient = np.ascontiguousarray(gradient, dtype=np.float64).ravel()
        return distance(*self._flat(w), gradient, bool(self.positive)).reshape(np.shape(w))

    def exit_levels(self, curvature):
        """Return for every coordinate the size of the gradient up to which zero is its minimiser.

        `curvature` is the second derivative of the smooth part in each coordinate, > 0.
        """
        curvature = np.ascontiguousarray(curvature, dtype=np.float64)
        return curvature * exits(*self.compiled(curvature.size), 1.0 / curvature)


def check_number(name, value, low):
    """Raise InvalidProblemError unless a parameter is a finite number above `low`."""
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)) or not isfinite(value):
        raise InvalidProblemError(f"{name} must be a finite number, got {value!r}")
    if not value > low:
        raise InvalidProblemError(f"{name} must be > {low:g}, got {value!r}")
