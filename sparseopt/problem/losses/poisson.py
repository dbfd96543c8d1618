"""Half the Poisson deviance with a logarithmic link."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from ..._ranks import ALONE
from ...exceptions import InvalidProblemError
from ._base import Loss, as_target

LARGEST = 690.0  # exp(690) is about 1e300


class Poisson(Loss):
    r"""Half the Poisson deviance :math:`e^\eta - y \eta + y \log y - y` of counts :math:`y \ge 0`.

    It is the negative log-likelihood up to a constant that makes its minimum zero, so that tolerances relative to it
    mean something.

    Attributes
    ----------
    name : str
    curvature : float
        inf: the second derivative in eta is not bounded.

    Examples
    --------
    >>> from sparseopt.losses import Poisson
    >>> Poisson().values([1.0, 0.0], [0.0, 0.0])
    array([0., 1.])
    """

    name = "poisson"
    curvature = np.inf

    def values(self, y, eta):
        """Loss of each sample, shape (n,)."""
        y = np.asarray(y, dtype=np.float64)
        return _mean(eta) - y * eta + (xlogy(y, y) - y)

    def term_sizes(self, y, eta):
        """Sizes of the terms that `values` adds up, shape (n,)."""
        y = np.asarray(y, dtype=np.float64)
        return _mean(eta) + np.abs(y * eta) + np.abs(xlogy(y, y) - y)

    def gradient(self, y, eta):
        """Derivative in eta of each sample's loss, shape (n,)."""
        return _mean(eta) - np.asarray(y, dtype=np.float64)

    def hessian(self, y, eta):
        """Second derivative in eta, shape (n,)."""
        return _mean(eta)

    def conjugate(self, y, u):
        """Convex conjugate in eta, at u, of each sample's loss, shape (n,); inf outside the domain."""
        y = np.asarray(y, dtype=np.float64)
        v = u + y
        inside = np.maximum(v, 0.0)
        return np.where(v >= 0.0, xlogy(inside, inside) - inside - (xlogy(y, y) - y), np.inf)

    def check_target(self, y, n_samples: int):
        """Return y as float64, or raise InvalidProblemError when it holds a negative number."""
        y = as_target(y, n_samples)
        if np.any(y < 0.0):
            raise InvalidProblemError(f"the Poisson loss needs counts >= 0, the smallest in y is {y.min():g}")
        return y

    def check_null(self, y, sample_weight, ranks=ALONE) -> None:
        """Raise InvalidProblemError when all counts are zero."""
        if not ranks.any(np.any(y if sample_weight is None else y * sample_weight)):
            raise InvalidProblemError("all counts in y (of positive weight) are zero; the best intercept is -infinity")

    def best_constant(self, y, sample_weight=None, ranks=ALONE):
        """Return the logarithm of the weighted mean."""
        return float(np.log(ranks.mean(y, sample_weight)))

    def best_intercept(self, y, eta, sample_weight=None, ranks=ALONE):
        """Return the constant with which the weighted sum of expectations is that of the counts."""
        top = ranks.largest(eta if sample_weight is None else eta[sample_weight > 0.0])
        mean = ranks.mean(_mean(eta - top), sample_weight)
        with np.errstate(divide="ignore"):
            return float(np.log(ranks.mean(y, sample_weight)) - np.log(mean) - top)

    def balance(self, y, u, sample_weight=None, ranks=ALONE):
        """Scale the expectations u + y so that their weighted sum is that of the counts."""
        expected = ranks.mean(u + y, sample_weight)
        if not np.isfinite(expected) or expected <= 0.0:
            return np.zeros_like(u)
        return (u + y) * (ranks.mean(y, sample_weight) / expected) - y


def _mean(eta):
    """Return exp(eta), finite: a row of weight zero whose expectation overflows must not turn sums into NaN."""
    return np.exp(np.minimum(np.asarray(eta, dtype=np.float64), LARGEST))
