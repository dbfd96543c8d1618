"""The group lasso penalty, with a ridge part if wanted."""

from __future__ import annotations

from math import isfinite
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator

from ...exceptions import InvalidProblemError
from ..group_certificates import dual_sizes
from ._groups import Groups, as_groups


class Group(BaseEstimator):
    r"""Weighted sum of the Euclidean norms of groups of coefficients, plus ridge.

    .. math:: g(w) = \alpha \rho \sum_g \omega_g \|w_g\|_2 + \tfrac12 \alpha (1 - \rho) \|w\|_2^2

    with ``rho = l1_ratio`` and ``omega = weights``. Groups are zero or not as a whole. With several outputs,
    ``w`` has the shape (p, n_outputs) and a group holds the coefficients of its features for all of them; groups
    of one feature then make the row penalty of the multi-task Lasso.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the whole penalty, in units of the mean loss.
    groups : None, int, array-like of shape (p,) or list of lists of int, default=None
        None: every feature its own group. An integer: consecutive groups of that size. An array: one label (number or
        string) for each feature, groups in the order of the sorted labels. Lists: the column numbers of each group.
    weights : array-like of shape (n_groups,), optional
        Non-negative weights of the norms; default the square roots of the group sizes. 0 leaves a group without this
        part, inf excludes it.
    l1_ratio : float, default=1.0
        Share of the norms, in (0, 1]; the rest is ridge.

    References
    ----------
    .. [1] M. Yuan, Y. Lin, "Model selection and estimation in regression with grouped variables", JRSS B 68, 2006.

    Examples
    --------
    >>> from sparseopt.penalties import Group
    >>> Group(alpha=0.5, groups=2, weights=[1.0, 1.0]).prox([3.0, 4.0, 0.1, 0.2], step=1.0)
    array([2.7, 3.6, 0. , 0. ])
    """

    convex = True
    separable = "group"
    positive = False

    def __init__(self, alpha=1.0, groups=None, *, weights=None, l1_ratio=1.0):
        self.alpha = alpha
        self.groups = groups
        self.weights = weights
        self.l1_ratio = l1_ratio

    def check(self, n_features: int) -> None:
        """Raise InvalidProblemError when a parameter is out of its range or the groups are no partition."""
        check_strength("alpha", self.alpha)
        self._check_ratio()
        groups = as_groups(self.groups, n_features)
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=np.float64)
            if weights.shape != (len(groups),):
                raise InvalidProblemError(
                    f"weights have shape {weights.shape}, expected ({len(groups)},): one for each group"
                )
            if not np.all(weights >= 0):  # also catches nan
                raise InvalidProblemError(f"weights must be >= 0, the smallest is {np.min(weights)}")

    def _check_ratio(self):
        check_strength("l1_ratio", self.l1_ratio)
        if self.l1_ratio > 1:
            raise InvalidProblemError(f"l1_ratio must be in (0, 1], got {self.l1_ratio!r}")

    def partition(self, n_features: int) -> Groups:
        """Return the groups of so many features."""
        return as_groups(self.groups, n_features)

    def group_weights(self, groups: Groups):
        """Return omega as float64, one for each group."""
        return np.sqrt(groups.sizes) if self.weights is None else np.asarray(self.weights, dtype=np.float64)

    def shares(self, groups: Groups):
        """Return the levels of the L1 norm, of each group's norm, and of the ridge part, at alpha = 1."""
        return 0.0, self.l1_ratio * self.group_weights(groups), 1.0 - self.l1_ratio

    def value(self, w) -> float:
        """Return g(w); inf where an excluded group is not zero."""
        w = np.asarray(w, dtype=np.float64)
        groups = self.partition(w.shape[0])
        l1, level, mu = self.shares(groups)
        norms = groups.norms(w)
        used = norms > 0.0
        total = float(norms[used] @ level[used]) + 0.5 * mu * float(np.sum(w * w))
        return self.alpha * (total + l1 * float(np.abs(w).sum()) if l1 else total)

    def prox(self, w, step):
        """Return argmin_u step g(u) + 1/2 ||u - w||^2."""
        w = np.asarray(w, dtype=np.float64)
        groups = self.partition(w.shape[0])
        l1, level, mu = self.shares(groups)
        scale = step * self.alpha
        if l1:
            w = np.sign(w) * np.maximum(np.abs(w) - scale * l1, 0.0)
        norms = groups.norms(w)
        left = np.maximum(norms - scale * level, 0.0)
        shrink = np.divide(left, norms, out=np.zeros_like(norms), where=left > 0.0) / (1.0 + scale * mu)
        return w * groups.spread(shrink, w)

    def distance(self, w, gradient):
        """Return the distance of ``-gradient`` to the subdifferential of g, for every group."""
        w = np.asarray(w, dtype=np.float64)
        groups = self.partition(w.shape[0])
        l1, level, mu = (self.alpha * share for share in self.shares(groups))
        slope = -np.asarray(gradient, dtype=np.float64) - mu * w
        return group_distance(groups, w, slope, l1, level)

    # What duality gaps ask of a penalty. C = -X'(gradient of the mean loss), of the shape of w.

    def conjugate(self, C, multiple=1.0) -> float:
        """Return the convex conjugate at ``multiple * C``, taken as zero where `dual_scale` is the limit."""
        groups = self.partition(C.shape[0])
        _, level, mu = self.shares(groups)
        if mu == 0.0:
            return 0.0
        over = np.maximum(multiple * groups.norms(C) - self.alpha * level, 0.0)
        return 0.5 * float(over @ over) / (self.alpha * mu)

    def dual_scale(self, C) -> float:
        """Return the largest multiple of C at which the conjugate is finite (inf when it always is).

        Groups without any penalty (see `unpenalised`) count as zero: they are fitted exactly or nothing is certified.
        """
        if self.shares(self.partition(C.shape[0]))[2] > 0.0:
            return np.inf
        worst = self.critical_alpha(C)
        return self.alpha / worst if worst > 0.0 else np.inf

    def critical_alpha(self, C) -> float:
        """Return the smallest alpha at which w = 0 satisfies the optimality conditions for this C."""
        groups = self.partition(C.shape[0])
        l1, level, _ = self.shares(groups)
        sizes, bounds = dual_sizes(groups, C, l1, level)
        return float(np.divide(sizes, bounds, out=np.zeros_like(sizes), where=bounds > 0.0).max(initial=0.0))

    def unpenalised(self):
        """Return the features without any penalty."""
        return self.free_at_zero() if self.l1_ratio == 1.0 else np.empty(0, dtype=np.intp)

    def free_at_zero(self):
        """Return the features in no norm, which have no critical alpha."""
        if self.weights is None:
            return np.empty(0, dtype=np.intp)
        groups = self.partition(self._n_features())
        return groups.members(np.flatnonzero(self.group_weights(groups) == 0.0))

    def _n_features(self) -> int:
        """The number of features, which the groups and their weights together tell."""
        if self.groups is None:
            return len(self.weights)
        if isinstance(self.groups, Integral):
            return int(self.groups) * len(self.weights)
        first = self.groups[0]
        return len(self.groups) if np.ndim(first) == 0 else sum(len(member) for member in self.groups)


def group_distance(groups: Groups, w, slope, l1, level):
    """Return the distance of `slope` to the subdifferential of ``l1 |w|_1 + sum level_g ||w_g||``, for every group."""
    soft = np.sign(slope) * np.maximum(np.abs(slope) - l1, 0.0) if l1 else slope
    at_zero = np.maximum(groups.norms(soft) - level, 0.0)
    norms = groups.norms(w)
    active = norms > 0.0
    if not active.any():
        return at_zero
    finite = np.where(np.isfinite(level), level, 0.0)
    pull = w * groups.spread(np.divide(finite, norms, out=np.zeros_like(norms), where=active), w)
    # inside an active group the L1 part is a set only where a coefficient is zero
    rest = np.where(w != 0.0, slope - pull - l1 * np.sign(w), soft)
    return np.where(active, np.where(np.isfinite(level), groups.norms(rest), np.inf), at_zero)


def check_strength(name, value):
    """Raise InvalidProblemError unless value is a finite number > 0."""
    if not isinstance(value, Real) or not isfinite(value):
        raise InvalidProblemError(f"{name} must be a finite number, got {value!r}")
    if value <= 0:
        raise InvalidProblemError(f"{name} must be > 0, got {value!r}")
