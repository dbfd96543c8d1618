"""The minimax concave penalty."""

from __future__ import annotations

import numpy as np

from ._separable import SeparablePenalty, check_number


class MCP(SeparablePenalty):
    r"""Minimax concave penalty: L1 near zero, constant (no shrinkage) for large coefficients.

    .. math:: g(w) = \sum_j \lambda_j |w_j| - \frac{w_j^2}{2 \gamma} \text{ for } |w_j| \le \gamma \lambda_j,
              \qquad \tfrac12 \gamma \lambda_j^2 \text{ beyond}, \qquad \lambda_j = \alpha \omega_j

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, in units of the mean loss: the level below which a gradient leaves a coefficient at zero.
    gamma : float, default=3.0
        Concavity, > 0; large: L1. For standardised columns and ``gamma > 1`` every update of one coordinate is a
        convex problem; it is solved exactly in any case.
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a coefficient unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    References
    ----------
    .. [1] C.-H. Zhang, "Nearly unbiased variable selection under minimax concave penalty", Annals of Statistics 38,
       2010.

    Examples
    --------
    >>> from sparseopt.penalties import MCP
    >>> MCP(alpha=1.0, gamma=2.0).prox([0.5, 1.5, 3.0], step=1.0)
    array([0., 1., 3.])
    """

    kind = "mcp"

    def __init__(self, alpha=1.0, gamma=3.0, *, weights=None, positive=False):
        self.alpha = alpha
        self.gamma = gamma
        self.weights = weights
        self.positive = positive

    def check(self, n_features: int) -> None:
        super().check(n_features)
        check_number("gamma", self.gamma, 0.0)

    def shapes(self, n_features: int):
        return np.full(n_features, float(self.gamma))
