"""Dual sizes of groups: what turns the duality of a norm over groups into that of :mod:`.certificates`.

With c = X'theta, a multiple t of theta is feasible for the penalty  l1 |w|_1 + sum_g level_g ||w_g||  when, for each
group,

    t ||c_g|| <= level_g                 without an L1 part, and
    t nu_g <= 1,  nu_g the dual norm     with one: || soft(c_g, nu_g l1) || = nu_g level_g.

Either way there is one size and one bound a group, which is all that the best multiple depends on. With a ridge part
the conjugate of a group is  (t ||c_g|| - level_g)_+^2 / (2 mu), the same function of the size as for one coefficient.
(Ndiaye, Fercoq, Gramfort and Salmon, "Gap Safe screening rules for sparsity enforcing penalties", JMLR 18 (2017).)
"""

from __future__ import annotations

import numpy as np

from .._ext._group_norms import gauges, soft_norms


def dual_sizes(groups, c, l1: float, level):
    """Return the size of each group of c and the bound on it.

    Parameters
    ----------
    groups : Groups
    c : ndarray of shape (p,) or (p, n_outputs)
    l1 : float
        Level of the L1 part.
    level : ndarray of shape (n_groups,)

    Returns
    -------
    sizes, bounds : ndarray of shape (n_groups,)
        Bounds are 0 for groups without penalty, whose size is zero once they are fitted.
    """
    if l1 == 0.0:
        return groups.norms(c), level
    return gauges(*_sorted(groups, c), l1, level), np.ones_like(level)


def excess(groups, c, l1: float, level):
    """Return by how much each group violates its optimality condition at zero; negative: the room that is left."""
    if l1 == 0.0:
        return groups.norms(c) - level
    values, starts = _sorted(groups, c)
    over = soft_norms(values, starts, l1) - level
    quiet = over <= 0.0
    if np.any(quiet):  # below the L1 level the soft norm says nothing about the distance
        largest = np.maximum.reduceat(np.abs(values), starts[:-1])
        room = np.minimum(largest - l1, 0.0) - level
        over = np.where(quiet & (largest <= l1), room, over)
    return over


def _sorted(groups, c):
    """Return the entries group after group, those of all outputs together, and where each group starts."""
    starts = groups.starts if c.ndim == 1 else groups.starts * c.shape[1]
    return np.ascontiguousarray(c if groups.order is None else c[groups.order]).ravel(), starts
