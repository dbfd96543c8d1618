"""Half the squared error."""

from __future__ import annotations

import numpy as np

from ..._ranks import ALONE
from ._base import Loss, as_target


class Squared(Loss):
    r"""Squared loss :math:`\frac12 (y - \eta)^2`, summed over outputs where y has several columns.

    Attributes
    ----------
    name : str
    curvature : float
        Supremum of the second derivative in eta.

    Examples
    --------
    >>> from sparseopt.losses import Squared
    >>> Squared().values([3.0], [1.0])
    array([2.])
    """

    name = "squared"
    curvature = 1.0
    any_multiple = True

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        squares = 0.5 * (np.asarray(y, dtype=np.float64) - eta) ** 2
        return squares if squares.ndim == 1 else squares.sum(axis=1)

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape of eta."""
        return np.asarray(eta, dtype=np.float64) - y

    def hessian(self, y, eta):
        """Second derivative in eta: ones."""
        return np.ones_like(np.asarray(eta, dtype=np.float64))

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,)."""
        u = np.asarray(u, dtype=np.float64)
        each = 0.5 * u * u + u * y
        return each if each.ndim == 1 else each.sum(axis=1)

    def check_target(self, y, n_samples: int):
        """Return y as float64 of shape (n,) or (n, K), or raise InvalidProblemError."""
        return as_target(y, n_samples, several=True)

    def best_intercept(self, y, eta, sample_weight=None, ranks=ALONE):
        """Return the weighted mean of the residual, one number for each output."""
        mean = ranks.mean(y - eta, sample_weight)
        return float(mean) if np.ndim(mean) == 0 else mean

    def best_constant(self, y, sample_weight=None, ranks=ALONE):
        """Return the weighted mean of y, one number for each output."""
        counted = y if sample_weight is None else y[sample_weight > 0.0]
        with np.errstate(over="ignore"):  # the squares overflow too, which solvers refuse
            mean = ranks.mean(y, sample_weight)
        # a constant exactly: the rounding of its mean would be left as something to explain
        least, most = ranks.range(counted)
        mean = np.where(least == most, least, mean)
        return float(mean) if np.ndim(mean) == 0 else mean

    def balance(self, y, u, sample_weight=None, ranks=ALONE):
        """Return u minus its weighted mean."""
        return u - ranks.mean(u, sample_weight)
