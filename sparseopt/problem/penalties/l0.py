"""The number of coefficients that are not zero, as a penalty."""

from __future__ import annotations

from ._separable import SeparablePenalty


class L0(SeparablePenalty):
    r"""Price of every coefficient that is not zero: :math:`\alpha \sum_j \omega_j 1[w_j \ne 0]`.

    Parameters
    ----------
    alpha : float, default=1.0
        Price of one coefficient, in units of the mean loss.
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a coefficient unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    References
    ----------
    .. [1] T. Blumensath, M. Davies, "Iterative thresholding for sparse approximations", JFAA 14, 2008.

    Examples
    --------
    >>> from sparseopt.penalties import L0
    >>> L0(alpha=0.5).prox([0.9, 1.0, 1.1], step=1.0)
    array([0. , 0. , 1.1])
    """

    kind = "l0"
    degree = 0.5

    def __init__(self, alpha=1.0, *, weights=None, positive=False):
        self.alpha = alpha
        self.weights = weights
        self.positive = positive
