"""The L1 norm."""

from __future__ import annotations

from .elastic_net import ElasticNet


class L1(ElasticNet):
    r"""Weighted L1 norm :math:`\alpha \sum_j \omega_j |w_j|`.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, in units of the mean loss.
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a coefficient unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    References
    ----------
    .. [1] R. Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B, 1996.

    Examples
    --------
    >>> from sparseopt.penalties import L1
    >>> L1(alpha=0.5).prox([2.0, 0.1], step=1.0)
    array([1.5, 0. ])
    """

    l1_ratio = 1.0

    def __init__(self, alpha=1.0, *, weights=None, positive=False):
        self.alpha = alpha
        self.weights = weights
        self.positive = positive
