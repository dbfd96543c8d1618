"""Powers of the absolute value below one."""

from __future__ import annotations

from ...exceptions import InvalidProblemError
from ._separable import SeparablePenalty

KINDS = {1 / 2: "half", 2 / 3: "two_thirds"}
DEGREES = {1 / 2: 2 / 3, 2 / 3: 3 / 4}


class Lq(SeparablePenalty):
    r"""Power penalty :math:`\alpha \sum_j \omega_j |w_j|^q` with q = 1/2 or 2/3, whose proximal maps are explicit.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, in units of the mean loss.
    q : {1/2, 2/3}, default=1/2
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a coefficient unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    Notes
    -----
    The slope at zero is infinite: zero is a local minimiser in every coordinate, whatever the gradient. Solvers
    therefore look for points that are global minimisers in each coordinate.

    References
    ----------
    .. [1] Z. Xu, X. Chang, F. Xu, H. Zhang, "L1/2 regularization: a thresholding representation theory and a fast
       solver", IEEE TNNLS 23, 2012.
    .. [2] W. Cao, J. Sun, Z. Xu, "Fast image deconvolution using closed-form thresholding formulas of Lq
       regularization", JVCIR 24, 2013.

    Examples
    --------
    >>> from sparseopt.penalties import Lq
    >>> Lq(alpha=1.0, q=1/2).prox([1.4, 2.0], step=1.0).round(4)
    array([0.    , 1.6054])
    """

    def __init__(self, alpha=1.0, q=1 / 2, *, weights=None, positive=False):
        self.alpha = alpha
        self.q = q
        self.weights = weights
        self.positive = positive

    @property
    def kind(self):
        """Name of the compiled formula."""
        self._check_q()
        return KINDS[self.q]

    @property
    def degree(self):
        """Power of alpha that gradients at which coefficients leave zero grow with."""
        self._check_q()
        return DEGREES[self.q]

    def check(self, n_features: int) -> None:
        super().check(n_features)
        self._check_q()

    def _check_q(self):
        if self.q not in KINDS:
            raise InvalidProblemError(f"q must be 1/2 or 2/3, got {self.q!r}")
