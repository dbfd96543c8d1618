"""Half the squared error."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator


class Squared(BaseEstimator):
    r"""Squared loss :math:`\frac12 (y - \eta)^2`.

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

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        return 0.5 * (np.asarray(y, dtype=np.float64) - eta) ** 2

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape (n,)."""
        return np.asarray(eta, dtype=np.float64) - y

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,)."""
        u = np.asarray(u, dtype=np.float64)
        return 0.5 * u * u + u * y
