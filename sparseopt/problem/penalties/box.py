"""Bounds on coefficients."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from ...exceptions import InvalidProblemError


class Box(BaseEstimator):
    r"""Bounds :math:`l_j \le w_j \le u_j`: zero inside, infinite outside.

    With the defaults nothing is bounded, and a problem is not penalised at all.

    Parameters
    ----------
    lower : float or array-like of shape (p,), default=-inf
        Smallest values; 0 makes coefficients non-negative.
    upper : float or array-like of shape (p,), default=inf
        Largest values, nowhere below `lower`.

    Examples
    --------
    >>> from sparseopt.penalties import Box
    >>> Box(lower=0.0, upper=1.0).prox([-1.0, 0.5, 3.0], step=1.0)
    array([0. , 0.5, 1. ])
    """

    convex = True
    separable = "coordinate"
    positive = False

    def __init__(self, lower=-np.inf, upper=np.inf):
        self.lower = lower
        self.upper = upper

    def check(self, n_features: int) -> None:
        """Raise InvalidProblemError when a bound is not a number, has the wrong shape, or the bounds cross."""
        for name in ("lower", "upper"):
            value = np.asarray(getattr(self, name))
            if value.dtype.kind not in "fiub":
                raise InvalidProblemError(f"{name} must hold real numbers, got {getattr(self, name)!r}")
            if value.shape not in ((), (n_features,)):
                raise InvalidProblemError(f"{name} has shape {value.shape}, expected () or ({n_features},)")
            if np.any(np.isnan(value)):
                raise InvalidProblemError(f"{name} must not contain NaN")
        low, high = self.bounds(n_features)
        if np.any(low > high):
            j = int(np.argmax(low > high))
            raise InvalidProblemError(f"lower must not exceed upper, got {low[j]} > {high[j]} for coefficient {j}")
        if np.any(low == np.inf) or np.any(high == -np.inf):
            raise InvalidProblemError("lower must be below inf and upper above -inf")

    def bounds(self, n_features: int):
        """Return both bounds as float64 arrays of shape (n_features,)."""
        return tuple(
            np.array(np.broadcast_to(np.asarray(bound, dtype=np.float64), (n_features,)))
            for bound in (self.lower, self.upper)
        )

    def _bounds_for(self, w):
        shape = (-1,) + (1,) * (w.ndim - 1)
        low, high = self.bounds(w.shape[0])
        return low.reshape(shape), high.reshape(shape)

    def value(self, w) -> float:
        """Return 0 inside the bounds, inf outside."""
        w = np.asarray(w, dtype=np.float64)
        low, high = self._bounds_for(w)
        return 0.0 if np.all((w >= low) & (w <= high)) else np.inf

    def prox(self, w, step):
        """Return the nearest point inside the bounds, whatever the step."""
        w = np.asarray(w, dtype=np.float64)
        low, high = self._bounds_for(w)
        return np.clip(w, low, high)

    def distance(self, w, gradient):
        """Return the distance of ``-gradient`` to the subdifferential, for every coordinate."""
        w = np.asarray(w, dtype=np.float64)
        slope = -np.asarray(gradient, dtype=np.float64)
        low, high = self._bounds_for(w)
        blocked = ((w >= high) & (slope > 0.0)) | ((w <= low) & (slope < 0.0))
        return np.where(blocked, 0.0, np.abs(slope))
