"""Duality gaps: a proof, from the residual alone, of how far an objective is from its minimum.

In units of summed (not mean) loss, with theta = S r the weighted residual, c = X'theta, and lam, mu the levels of the
L1 and the ridge part, a multiple t of theta has the dual value

    D(t) = t y'theta - t^2/2 r'Sr - sum_j (t |c_j| - lam_j)_+^2 / (2 mu)

where, for mu = 0, the last sum stands for the constraint t |c_j| <= lam_j.  D is concave in t and is maximised exactly.
(Ndiaye, Fercoq, Gramfort and Salmon, "Gap Safe screening rules for sparsity enforcing penalties", JMLR 18 (2017).)
"""

from __future__ import annotations

import numpy as np


def best_dual(c, y_theta: float, rr: float, lam, mu: float, positive: bool) -> tuple[float, float]:
    """Return the best dual value over multiples of theta, and that multiple.

    Parameters
    ----------
    c : ndarray of shape (p,)
        X'theta for the penalised columns.
    y_theta, rr : float
        y'theta and r'Sr.
    lam : float or ndarray of shape (p,)
        Levels of the L1 part; 0 marks unpenalised columns, whose c is zero up to rounding.
    mu : float
        Level of the ridge part.
    positive : bool
        Whether the constraint is one-sided.

    Returns
    -------
    value, multiple : float
    """
    size = c if positive else np.abs(c)
    t = max(y_theta / rr, 0.0) if rr > 0.0 else 1.0
    if mu == 0.0:
        if np.ndim(lam) == 0:
            worst = float(size.max(initial=0.0)) / lam
        else:
            with np.errstate(over="ignore"):  # no multiple but zero is feasible then
                worst = float(np.divide(size, lam, out=np.zeros_like(size), where=lam > 0.0).max(initial=0.0))
        if worst * t > 1.0:
            t = 1.0 / worst
        return t * y_theta - 0.5 * t * t * rr, t
    # Newton on the piecewise quadratic D from the right; only columns that can exceed their level matter
    hot = size * t > lam
    hot_size = size[hot]
    hot_lam = np.broadcast_to(lam, c.shape)[hot]
    with np.errstate(over="ignore"):  # an infinite square sends t to zero, which is dual feasible
        for _ in range(100):
            over = t * hot_size > hot_lam
            a, level = hot_size[over], hot_lam[over]
            new = max((y_theta + (a @ level) / mu) / (rr + (a @ a) / mu), 0.0) if rr + a @ a > 0.0 else t
            if new >= t * (1.0 - 1e-15):
                break
            t = new
    excess = np.maximum(t * hot_size - hot_lam, 0.0)
    value = t * y_theta - 0.5 * t * t * rr - 0.5 * (excess @ excess) / mu
    if hot_size.size and hot_lam.min() > 0.0:
        # with a tiny mu the rounding of t alone costs more than staying below every level
        below = min(t, float(np.min(hot_lam / hot_size)))
        feasible = below * y_theta - 0.5 * below * below * rr
        if feasible > value:
            return feasible, below
    return value, t


def unpenalised_excess(c, w, curvature, positive: bool) -> float:
    """Return what single steps on unpenalised columns would still gain: sum of c_j^2 / (2 L_j).

    A dual point must be orthogonal to such columns. Until it is, this goes on top of the gap, so that nothing is
    certified; once they are fitted it is rounding error.
    """
    if positive:
        c = np.where(w > 0.0, c, np.maximum(c, 0.0))
    return 0.5 * float(np.sum(np.divide(c * c, curvature, out=np.zeros_like(c), where=curvature > 0.0)))


def dual_value(problem, u, C) -> float:
    """Return the best dual value over the multiples of a dual point, in units of the objective, for any convex problem.

    D(t) = -mean of loss*(t u) - penalty*(t C), maximised over the t that keep both finite: t in [0, 1] by the convexity
    of the conjugate's domain (any t >= 0 for the squared loss), and below what the penalty allows.

    Parameters
    ----------
    problem : Problem
    u : ndarray of the shape of eta
        Gradient of each sample's loss, its weighted sum zero where there is an intercept.
    C : ndarray of the shape of the coefficients
        -X'(s u) / sum(s).
    """
    loss, penalty = problem.loss, problem.penalty
    limit = penalty.dual_scale(C)

    def dual(t):
        inside = float(problem.ranks.mean(loss.conjugate(problem.y, t * u), problem.sample_weight))
        return -inside - penalty.conjugate(C, t)

    if loss.any_multiple:
        uy, rr = problem.ranks.total(
            (float(np.vdot(u, problem.weighted(problem.y))), float(np.vdot(u, problem.weighted(u))))
        )
        best = -uy / rr if rr > 0.0 else 0.0
        top = min(max(best, 0.0), limit)
    else:
        top = min(1.0, limit)
    if np.isfinite(limit):
        return dual(top)
    # concave on [0, top]: golden section, with the right end, which is the best one at the solution
    low, high, share = 0.0, top, 0.5 * (5.0**0.5 - 1.0)
    best = dual(top)
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = dual(left), dual(right)
    for _ in range(60):
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = dual(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = dual(right)
    return max(best, at_left, at_right, dual(min(1.0, top)))
