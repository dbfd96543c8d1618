"""Squared loss with a separable penalty that need not be convex: coordinate descent in working sets.

1. Start from `init`, or descend, not to the end, from three points and take the best: from the L1 solution whose levels
   are those at which single coefficients leave zero under the penalty (for MCP and SCAD the L1 problem of the same
   alpha); from zero; and from the end of a path through larger alphas. None of them is the best on all problems.
2. Read X once, for c = X'S(y - Xw): what would an exact minimisation over each single coefficient gain? When none gains
   more than tol^2 of the objective at zero, every coefficient is a global minimiser given the others, up to
   `tol` in units of the data, and the work is done.
3. Otherwise the columns that gain most join the set, and the objective is lowered on it, without X.

The objective never rises, and everything happens in a fixed order: the same data give the same local minimum.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

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

STEPS = 20  # larger alphas on the way to the one asked for
LEAST = 50  # columns that may join in a round, at least; at most as many as are in use
L1_TOL = 1e-4  # of the L1 problem to start from
START_TOL = 1e-4  # relative violation of starts
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
    total = problem.total_weight
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        scale = quadratic.null if quadratic.null > 0.0 else 1.0
        rounds = _Rounds(quadratic, problem.penalty)
        if init is None:
            w = rounds.best_start(max_iter)
        else:
            w = np.maximum(init, 0.0) if problem.penalty.positive else init

        def on_round(n_iter, objective, worst, size):
            relative = float(np.sqrt(worst / scale))
            return monitor(n_iter, quadratic.passes, objective / total, np.nan, relative, size, w)

        try:
            end = rounds.run(w, rounds.terms, max(tol, FLOOR), max_iter, on_round)
        finally:
            monitor.close()
    result = Result(
        coef=w,
        intercept=problem.y_offset - float(quadratic.means @ w),
        converged=end.worst <= max(tol, FLOOR) ** 2 * scale,
        gap=np.nan,
        objective=end.objective / total,
        null_objective=quadratic.null / total,
        violation=float(np.sqrt(2.0 * quadratic.curvature * end.gains).max(initial=0.0)) / total,
        n_iter=max(end.n_iter, 1),
        n_passes=quadratic.passes,
        history=monitor.history,
        solver="coordinate_descent",
        relative_violation=float(np.sqrt(end.worst / scale)),
        certificate="violation",
    )
    return result, monitor.stopped


class End:
    """How rounds ended, in units of the summed loss."""

    def __init__(self, objective: float, gains, n_iter: int) -> None:
        self.objective, self.gains, self.n_iter = objective, gains, n_iter
        self.worst = float(gains.max(initial=0.0))


class _Rounds:
    """Rounds of reading X and descending without it; all starts share the set of columns and its Gram matrix."""

    def __init__(self, quadratic: Quadratic, penalty) -> None:
        self.quadratic, self.penalty = quadratic, penalty
        self.terms = self.terms_at(penalty.alpha)
        self.gram = GramSet(quadratic)
        self.scale = quadratic.null if quadratic.null > 0.0 else 1.0

    def terms_at(self, alpha: float) -> Terms:
        penalty = clone(self.penalty).set_params(alpha=alpha)
        return Terms.of(penalty, self.quadratic.curvature.size, self.quadratic.problem.total_weight)

    def run(self, w, terms: Terms, tol: float, max_iter: int, on_round=lambda *_: False) -> End:
        """Lower the objective, changing w in place, until no coefficient gains more than `tol` allows."""
        q, gram, target = self.quadratic, self.gram, tol**2 * self.scale
        w[(q.curvature == 0.0) | np.isinf(terms.lam)] = 0.0
        for n_iter in range(max_iter + 1):
            support = np.flatnonzero(w)
            r = q.residual(support, w[support])
            theta = q.problem.weighted(r)
            gains = terms.gains(w, q.products(theta), q.curvature)
            end = End(0.5 * float(r @ theta) + terms.value(w), gains, n_iter)
            if on_round(n_iter, end.objective, end.worst, len(gram)) or end.worst <= target or n_iter == max_iter:
                break
            gram.add(joining(gram, gains, target, support))
            inner = np.ascontiguousarray(w[gram.cols])
            descend(gram, inner, terms.at(gram.cols), max(0.1 * target, 1e-6 * end.worst), theta)
            w[gram.cols] = inner
        return end

    def best_start(self, max_iter: int):
        """Descend, not to the end, from the L1 solution, from zero, and through larger alphas; return the best."""
        p = self.quadratic.curvature.size
        starts = [self.from_l1(max_iter), np.zeros(p), self.from_above(max_iter)]
        ends = [self.run(w, self.terms, START_TOL, max_iter).objective for w in starts]
        best = 0
        for i in range(1, len(ends)):  # ties, up to rounding, go to the first
            if ends[i] < ends[best] - START_TOL**2 * self.scale:
                best = i
        return starts[best]

    def from_l1(self, max_iter: int):
        """Solve the L1 problem whose levels are those at which coefficients leave zero."""
        q, w = self.quadratic, np.zeros(self.quadratic.curvature.size)
        lam = q.problem.total_weight * exit_levels(q, self.penalty)
        end = run_l1(
            q, w, lam, 0.0, bool(self.penalty.positive), tol=L1_TOL, max_iter=max_iter, on_round=lambda *_: False
        )
        self.gram = end.gram
        return w

    def from_above(self, max_iter: int):
        """Descend through larger alphas, each from the end of the one before."""
        q, w = self.quadratic, np.zeros(self.quadratic.curvature.size)
        unit = exit_levels(q, clone(self.penalty).set_params(alpha=1.0)) * q.problem.total_weight
        size = q.gradient if self.penalty.positive else np.abs(q.gradient)
        ratio = np.divide(size, unit, out=np.zeros_like(size), where=unit > 0.0)
        largest = float(ratio.max(initial=0.0)) ** (1.0 / self.penalty.degree)
        if self.penalty.alpha < largest:
            for alpha in np.geomspace(largest, self.penalty.alpha, STEPS + 2)[1:-1]:
                self.run(w, self.terms_at(alpha), START_TOL, max_iter)
        return w


def joining(gram: GramSet, gains, target: float, support):
    """Return the columns in use that are not in the set yet, and those that gain most."""
    outside = np.flatnonzero((gains > target) & ~gram.member)
    most = max(LEAST, support.size)
    if outside.size > most:
        outside = outside[np.argpartition(-gains[outside], most)[:most]]
    return np.union1d(support, outside)


def exit_levels(quadratic: Quadratic, penalty):
    """Return the gradients of the mean loss at which coefficients leave zero (1 for constant columns)."""
    curvature = quadratic.curvature / quadratic.problem.total_weight
    levels = np.ones(curvature.size)
    used = curvature > 0.0
    full = np.where(used, curvature, 1.0)
    levels[used] = penalty.exit_levels(full)[used]
    return levels
