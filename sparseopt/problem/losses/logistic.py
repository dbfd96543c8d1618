"""The logistic loss of two classes."""

from __future__ import annotations

import numpy as np

from ..._ext import _losses
from ..._ranks import ALONE
from ...exceptions import InvalidProblemError
from ._base import Loss, as_target


class Logistic(Loss):
    r"""Logistic loss :math:`\log(1 + e^{-y \eta})` with :math:`y \in \{-1, 1\}`.

    A `Problem` takes targets coded 0 and 1, too.

    Attributes
    ----------
    name : str
    curvature : float
        Supremum of the second derivative in eta.

    Examples
    --------
    >>> from sparseopt.losses import Logistic
    >>> Logistic().values([1.0, -1.0], [0.0, -1000.0]).round(4)
    array([0.6931, 0.    ])
    """

    name = "logistic"
    curvature = 0.25
    classifies = True

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        return _losses.logistic_value(*_alike(y, eta))

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape (n,)."""
        return _losses.logistic_slope(*_alike(y, eta))

    def hessian(self, y, eta):
        """Second derivative in eta, shape (n,)."""
        return _losses.logistic_bend(np.ascontiguousarray(eta, dtype=np.float64))

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,); inf outside the domain."""
        return _losses.logistic_conjugate(*_alike(y, u))

    def check_target(self, y, n_samples: int):
        """Return y coded -1 and 1, or raise InvalidProblemError."""
        y = as_target(y, n_samples)
        ones = y == 1.0
        zeros, signs = np.count_nonzero(y == 0.0), np.count_nonzero(y == -1.0)
        if y.size - np.count_nonzero(ones) not in (zeros, signs):
            raise InvalidProblemError(
                "the logistic loss needs targets -1 and 1, or 0 and 1; y holds "
                f"{np.unique(y)[:5].tolist()} (SparseLogisticRegression encodes any labels)"
            )
        return np.where(ones, 1.0, -1.0)

    def check_null(self, y, sample_weight, ranks=ALONE) -> None:
        """Raise InvalidProblemError when only one class carries weight."""
        present = ranks.union(y if sample_weight is None else y[sample_weight > 0.0])
        if present.size < 2:
            raise InvalidProblemError(f"y holds only one class ({present[0]:g}) with positive weight, two are needed")

    def best_constant(self, y, sample_weight=None, ranks=ALONE):
        """Return the log-odds of the weighted class shares."""
        share = float(ranks.mean(y > 0.0, sample_weight))
        with np.errstate(divide="ignore"):
            return float(np.log(share) - np.log1p(-share))


def _alike(y, eta):
    """Return both as contiguous float64 of the shape (n,) of eta, which may be one number for all."""
    y, eta = np.ascontiguousarray(y, dtype=np.float64), np.ascontiguousarray(eta, dtype=np.float64)
    return y, eta if eta.shape == y.shape else np.ascontiguousarray(np.broadcast_to(eta, y.shape))
