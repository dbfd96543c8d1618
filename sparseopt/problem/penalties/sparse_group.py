"""The sparse-group lasso penalty."""

from __future__ import annotations

import numpy as np

from ...exceptions import InvalidProblemError
from ._groups import Groups
from .group import Group


class SparseGroup(Group):
    r"""L1 norm plus weighted Euclidean norms of groups: few groups, and few coefficients inside them.

    .. math:: g(w) = \alpha \rho \|w\|_1 + \alpha (1 - \rho) \sum_g \omega_g \|w_g\|_2

    with ``rho = l1_ratio`` and ``omega = weights``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the whole penalty, in units of the mean loss.
    l1_ratio : float, default=0.5
        Share of the L1 norm, in [0, 1]. 0 is the group lasso, 1 the Lasso.
    groups, weights
        As in :class:`Group`.

    References
    ----------
    .. [1] N. Simon, J. Friedman, T. Hastie, R. Tibshirani, "A sparse-group lasso", JCGS 22, 2013.

    Examples
    --------
    >>> from sparseopt.penalties import SparseGroup
    >>> SparseGroup(alpha=1.0, l1_ratio=0.5, groups=2, weights=[1.0, 1.0]).prox([2.0, 0.4, 0.6, 0.6], step=1.0)
    array([1., 0., 0., 0.])
    """

    def __init__(self, alpha=1.0, l1_ratio=0.5, groups=None, *, weights=None):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.groups = groups
        self.weights = weights

    def _check_ratio(self):
        rho = self.l1_ratio
        if isinstance(rho, (str, bytes)) or not np.isscalar(rho) or not 0.0 <= rho <= 1.0:
            raise InvalidProblemError(f"l1_ratio must be in [0, 1], got {rho!r}")

    def shares(self, groups: Groups):
        """Return the levels of the L1 norm, of each group's norm, and of the ridge part, at alpha = 1."""
        omega = self.group_weights(groups)
        level = omega if self.l1_ratio == 0.0 else np.where(np.isinf(omega), omega, (1.0 - self.l1_ratio) * omega)
        return float(self.l1_ratio), level, 0.0

    def unpenalised(self):
        """Return the features without any penalty."""
        return self.free_at_zero()

    def free_at_zero(self):
        """Return the features in no norm, which have no critical alpha."""
        return super().free_at_zero() if self.l1_ratio == 0.0 else np.empty(0, dtype=np.intp)
