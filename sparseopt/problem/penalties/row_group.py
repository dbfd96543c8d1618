"""Rows of a coefficient matrix as groups: a feature is used for all outputs or for none."""

from __future__ import annotations

import numpy as np

from .elastic_net import ElasticNet


class RowGroup(ElasticNet):
    r"""Weighted sum of the norms of the rows, plus ridge.

    .. math:: g(W) = \alpha \rho \sum_j \omega_j \|W_j\|_2 + \tfrac12 \alpha (1 - \rho) \|W\|_F^2

    with ``W_j`` the coefficients of feature j for all outputs (classes or targets), ``rho = l1_ratio`` and
    ``omega = weights``. For one output it is the elastic net.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the whole penalty, in units of the mean loss.
    l1_ratio : float, default=1.0
        Share of the sum of norms, in (0, 1].
    weights : array-like of shape (p,), optional
        Non-negative weights omega. 0 leaves a feature out of the sum of norms, inf excludes it.

    References
    ----------
    .. [1] M. Yuan, Y. Lin, "Model selection and estimation in regression with grouped variables", JRSS B, 2006.

    Examples
    --------
    >>> from sparseopt.penalties import RowGroup
    >>> RowGroup(alpha=1.0).prox([[3.0, 4.0], [0.1, 0.1]], step=1.0)
    array([[2.4, 3.2],
           [0. , 0. ]])
    """

    separable = "row"
    positive = False

    def __init__(self, alpha=1.0, l1_ratio=1.0, *, weights=None):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.weights = weights

    def value(self, w) -> float:
        """Return g(w)."""
        w = np.asarray(w, dtype=np.float64)
        size = _norms(w)
        omega = self.l1_weights()
        if omega is not None:
            size = np.where(size > 0.0, size * np.where(size > 0.0, omega, 0.0), 0.0)
        return float(self.alpha * (self.l1_ratio * size.sum() + 0.5 * (1.0 - self.l1_ratio) * float(np.vdot(w, w))))

    def prox(self, w, step):
        """Return argmin_u step g(u) + 1/2 ||u - w||^2."""
        w = np.asarray(w, dtype=np.float64)
        size = _norms(w)
        cut = step * self.alpha * self.l1_ratio * (1.0 if self.weights is None else self.l1_weights())
        left = np.divide(np.maximum(size - cut, 0.0), size, out=np.zeros_like(size), where=size > 0.0)
        left /= 1.0 + step * self.alpha * (1.0 - self.l1_ratio)
        return w * (left if w.ndim == 1 else left[:, None])

    def distance(self, w, gradient):
        """Return the distance of ``-gradient`` to the subdifferential of g, for every row."""
        w = np.asarray(w, dtype=np.float64)
        slope = -np.asarray(gradient, dtype=np.float64) - self.alpha * (1.0 - self.l1_ratio) * w
        size = _norms(w)
        level = self.alpha * self.l1_ratio * (np.ones_like(size) if self.weights is None else self.l1_weights())
        with np.errstate(invalid="ignore"):
            scale = np.divide(level, size, out=np.zeros_like(size), where=size > 0.0)
            away = _norms(slope - w * (scale if w.ndim == 1 else scale[:, None]))
            return np.where(size == 0.0, np.maximum(_norms(slope) - level, 0.0), away)

    def conjugate(self, C, multiple=1.0) -> float:
        """Return the convex conjugate at ``multiple * C``, taken as zero where `dual_scale` is the limit."""
        return super().conjugate(_norms(C), multiple)

    def critical_alpha(self, C) -> float:
        """Return the smallest alpha at which w = 0 satisfies the optimality conditions for this C."""
        return super().critical_alpha(_norms(C))


def _norms(w):
    w = np.asarray(w, dtype=np.float64)
    return np.abs(w) if w.ndim == 1 else np.sqrt(np.einsum("jk,jk->j", w, w))
