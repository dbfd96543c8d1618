"""The continuous exact relaxation of the L0 penalty."""

from __future__ import annotations

import numpy as np

from ...exceptions import InvalidProblemError
from ._separable import SeparablePenalty


class CEL0(SeparablePenalty):
    r"""Continuous exact L0: the largest function below L0 that keeps the minimisers of a least-squares problem.

    .. math:: g(w) = \sum_j \alpha_j - \tfrac12 a_j^2
              \left(\frac{\sqrt{2 \alpha_j}}{a_j} - |w_j|\right)_+^2, \qquad \alpha_j = \alpha \omega_j

    where ``a_j^2 = curvature_j`` is the second derivative of the mean loss in coordinate j, that is
    ``mean(x_j ** 2)`` for the squared loss without intercept (the variance of the column with one). With these
    curvatures global minimisers of the L0 problem are global minimisers here, and there are fewer local ones.

    Parameters
    ----------
    alpha : float, default=1.0
        Price of one coefficient, in units of the mean loss.
    curvature : float or array-like of shape (p,), default=1.0
        Second derivatives of the mean loss; 1 for standardised columns.
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a coefficient unpenalised, inf excludes it.
    positive : bool, default=False
        Whether coefficients must not be negative.

    Notes
    -----
    The same as :class:`MCP` with levels ``a_j sqrt(2 alpha_j)`` and ``gamma_j = 1 / a_j^2``. Exact minimisation over
    one coordinate is then hard thresholding, as for :class:`L0`: a coordinate descent does the same with both, and the
    relaxation shows its worth in proximal-gradient steps.

    References
    ----------
    .. [1] E. Soubies, L. Blanc-Féraud, G. Aubert, "A continuous exact L0 penalty (CEL0) for least squares regularized
       problem", SIAM J. Imaging Sciences 8, 2015.

    Examples
    --------
    >>> from sparseopt.penalties import CEL0
    >>> CEL0(alpha=0.5).value([0.0, 0.5, 1.0, 3.0])
    1.375
    """

    kind = "mcp"
    degree = 0.5

    def __init__(self, alpha=1.0, curvature=1.0, *, weights=None, positive=False):
        self.alpha = alpha
        self.curvature = curvature
        self.weights = weights
        self.positive = positive

    def check(self, n_features: int) -> None:
        super().check(n_features)
        curvature = np.asarray(self.curvature, dtype=np.float64)
        if curvature.shape not in ((), (n_features,)):
            raise InvalidProblemError(f"curvature has shape {curvature.shape}, expected () or ({n_features},)")
        if not np.all((curvature > 0) & np.isfinite(curvature)):
            raise InvalidProblemError(f"curvature must be finite and > 0, got {self.curvature!r}")

    def levels(self, n_features: int):
        return np.sqrt(2.0 * np.asarray(self.curvature, dtype=np.float64) * super().levels(n_features))

    def shapes(self, n_features: int):
        return np.full(n_features, 1.0 / np.asarray(self.curvature, dtype=np.float64))
