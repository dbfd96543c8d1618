"""Squared loss with a separable penalty that need not be convex: coordinate descent in working sets.

1. Start from the L1 solution whose levels are those at which single coefficients leave zero under the penalty (for MCP
   and SCAD simply the L1 problem of the same alpha), or from `init`.
2. Read X once, for c = X'S(y - Xw): what would an exact minimisation over each single coefficient gain? When none gains
   more than tol^2 of the objective at zero, every coefficient is a global minimiser given the others, up to
   `tol` in units of the data, and the work is done.
3. Otherwise the columns that gain most join the set, and the objective is lowered on it, without X.

The objective never rises, and everything happens in a fixed order: the same data give the same local minimum.
"""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from ..problem import Problem
from ..problem.penalties import SeparablePenalty
from ._gram_set import GramSet
from ._quadratic import Quadratic
from ._separable_set import Terms, descend
from .monitor import Monitor
from .registry import register
from .result import Result
from .working_set import run as run_l1

LEAST = 50  # columns that may join in a round, at least; at most as many as are in use
L1_TOL = 1e-4  # of the L1 problem to start from
FLOOR = 1e-13  # relative violations below this are rounding


def accepts(problem: Problem) -> str | None:
    """Say why coordinate descent cannot take a problem, or None."""
    if getattr(problem.loss, "name", None) != "squared":
        return f"needs the squared loss, got {problem.loss!r}"
    if np.ndim(problem.y) != 1:
        return "needs one output"
    if not isinstance(problem.penalty, SeparablePenalty):
        return f"needs one of the penalties CEL0, L0, Lq, MCP, SCAD, got {problem.penalty!r}"
    return None


@register("coordinate_descent", accepts)
def solve_coordinate_descent(
    problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0
):  # fmt: skip
    """Find a point that is optimal in every coordinate; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    total, p = problem.total_weight, problem.design.n_features
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        terms = Terms.of(problem.penalty, p, total)
        scale = quadratic.null if quadratic.null > 0.0 else 1.0
        if init is None:
            w, gram = start_from_l1(quadratic, problem.penalty, max_iter)
        else:
            w, gram = init, GramSet(quadratic)
            if problem.penalty.positive:
                np.maximum(w, 0.0, out=w)
        w[(quadratic.curvature == 0.0) | np.isinf(terms.lam)] = 0.0
        target = max(tol, FLOOR) ** 2 * scale
        try:
            for n_iter in range(max_iter + 1):
                support = np.flatnonzero(w)
                r = quadratic.residual(support, w[support])
                theta = problem.weighted(r)
                c = quadratic.products(theta)
                gains = terms.gains(w, c, quadratic.curvature)
                worst = float(gains.max(initial=0.0))
                primal = 0.5 * float(r @ theta) + terms.value(w)
                relative = float(np.sqrt(worst / scale))
                stop = monitor(n_iter, quadratic.passes, primal / total, np.nan, relative, len(gram), w)
                if worst <= target or stop or n_iter == max_iter:
                    break
                gram.add(joining(gram, gains, target, support))
                inner = np.ascontiguousarray(w[gram.cols])
                descend(gram, inner, terms.at(gram.cols), max(0.1 * target, 1e-6 * worst), theta)
                w[gram.cols] = inner
        finally:
            monitor.close()
    violation = np.sqrt(2.0 * quadratic.curvature * gains).max(initial=0.0) / total
    result = Result(
        coef=w,
        intercept=problem.y_offset - float(quadratic.means @ w),
        converged=worst <= target,
        gap=np.nan,
        objective=primal / total,
        null_objective=quadratic.null / total,
        violation=float(violation),
        n_iter=max(n_iter, 1),
        n_passes=quadratic.passes,
        history=monitor.history,
        solver="coordinate_descent",
        relative_violation=relative,
        certificate="violation",
    )
    return result, monitor.stopped


def joining(gram: GramSet, gains, target: float, support):
    """Return the columns in use that are not in the set yet, and those that gain most."""
    outside = np.flatnonzero((gains > target) & ~gram.member)
    most = max(LEAST, support.size)
    if outside.size > most:
        outside = outside[np.argpartition(-gains[outside], most)[:most]]
    return np.union1d(support, outside)


def start_from_l1(quadratic: Quadratic, penalty, max_iter: int):
    """Solve the L1 problem whose levels are those at which coefficients leave zero; return (w, the set it used)."""
    total = quadratic.problem.total_weight
    w = np.zeros(quadratic.curvature.size)
    lam = total * exit_levels(quadratic, penalty)
    end = run_l1(
        quadratic, w, lam, 0.0, bool(penalty.positive), tol=L1_TOL, max_iter=max_iter, on_round=lambda *_: False
    )
    return w, end.gram


def exit_levels(quadratic: Quadratic, penalty):
    """Return the gradients of the mean loss at which coefficients leave zero (1 for constant columns)."""
    curvature = quadratic.curvature / quadratic.problem.total_weight
    levels = np.ones(curvature.size)
    used = curvature > 0.0
    full = np.where(used, curvature, 1.0)
    levels[used] = penalty.exit_levels(full)[used]
    return levels
