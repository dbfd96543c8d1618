"""The smoothly clipped absolute deviation penalty."""

from __future__ import annotations

import numpy as np

from ._separable import SeparablePenalty, check_number


class SCAD(SeparablePenalty):
    r"""Smoothly clipped absolute deviation: L1 up to lambda, then bending to a constant at gamma lambda.

    .. math:: g'(a) = \lambda_j \text{ for } a \le \lambda_j, \qquad
              \frac{(\gamma \lambda_j - a)_+}{\gamma - 1} \text{ beyond}, \qquad \lambda_j = \alpha \omega_j

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, in units of the mean loss.
    gamma : float, default=3.7
        Where the penalty becomes constant, in units of lambda; > 2.
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a coefficient unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    References
    ----------
    .. [1] J. Fan, R. Li, "Variable selection via nonconcave penalized likelihood and its oracle properties",
       JASA 96, 2001.

    Examples
    --------
    >>> from sparseopt.penalties import SCAD
    >>> SCAD(alpha=1.0, gamma=3.0).prox([0.5, 1.5, 2.5, 4.0], step=1.0)
    array([0. , 0.5, 2. , 4. ])
    """

    kind = "scad"

    def __init__(self, alpha=1.0, gamma=3.7, *, weights=None, positive=False):
        self.alpha = alpha
        self.gamma = gamma
        self.weights = weights
        self.positive = positive

    def check(self, n_features: int) -> None:
        super().check(n_features)
        check_number("gamma", self.gamma, 2.0)

    def shapes(self, n_features: int):
        return np.full(n_features, float(self.gamma))
