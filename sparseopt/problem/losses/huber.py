"""The Huber loss."""

from __future__ import annotations

from numbers import Real

import numpy as np

from ...exceptions import InvalidProblemError
from ._base import Loss, as_target


class Huber(Loss):
    r"""Huber loss: :math:`\frac12 r^2` where :math:`|r| \le \delta`, else :math:`\delta |r| - \frac12 \delta^2`.

    Here :math:`r = y - \eta`. Large residuals count by their size only, so that outliers do not rule the fit.

    Parameters
    ----------
    delta : float, default=1.35
        Where the loss turns from quadratic to linear, in the unit of y.

    Attributes
    ----------
    name : str
    curvature : float
        Supremum of the second derivative in eta.

    Examples
    --------
    >>> from sparseopt.losses import Huber
    >>> Huber(delta=1.0).values([0.0, 0.0], [0.5, 3.0])
    array([0.125, 2.5  ])
    """

    name = "huber"
    curvature = 1.0

    def __init__(self, delta=1.35):
        self.delta = delta

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        size = np.abs(np.asarray(y, dtype=np.float64) - eta)
        near = np.minimum(size, self.delta)  # its square cannot overflow
        return np.where(size <= self.delta, 0.5 * near * near, self.delta * (size - 0.5 * self.delta))

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape (n,)."""
        return np.clip(np.asarray(eta, dtype=np.float64) - y, -self.delta, self.delta)

    def hessian(self, y, eta):
        """Second derivative in eta, shape (n,): 1 where quadratic, 0 where linear."""
        return (np.abs(np.asarray(eta, dtype=np.float64) - y) <= self.delta).astype(np.float64)

    def touching_curvature(self, y, eta):
        """Curvature of the lowest parabola about y that touches the loss at eta, shape (n,)."""
        return self.delta / np.maximum(np.abs(np.asarray(eta, dtype=np.float64) - y), self.delta)

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,); inf outside the domain."""
        u = np.asarray(u, dtype=np.float64)
        return np.where(np.abs(u) <= self.delta * (1.0 + 1e-15), 0.5 * u * u + u * y, np.inf)

    def check_target(self, y, n_samples: int):
        """Return y as float64, or raise InvalidProblemError (for a bad `delta`, too)."""
        if isinstance(self.delta, bool) or not isinstance(self.delta, Real) or not 0.0 < float(self.delta) < np.inf:
            raise InvalidProblemError(f"delta must be a finite number > 0, got {self.delta!r}")
        return as_target(y, n_samples)
