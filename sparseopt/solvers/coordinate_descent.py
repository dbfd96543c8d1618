"""Squared loss with a separable penalty that need not be convex: coordinate descent in working sets.

1. Start from `init`, or descend, not to the end, from two points and take the better end: from the L1 solution whose
   levels are those at which single coefficients leave zero under the penalty (for MCP and SCAD the L1 problem of the
   same alpha), and from the end of a path through larger alphas. Neither is the better on all problems.
2. Read X once, for c = X'S(y - Xw): what would an exact minimisation over each single coefficient gain? When none gains
   more than tol^2 of the objective at zero, every coefficient is a global minimiser given the others, up to
   `tol` in units of the data, and the work is done.
3. Otherwise the columns that gain most join the set, and the objective is lowered on it, without X.

Compiled calls do this, and read all of X only when no column near to leaving zero would gain. The objective never
rises, and everything happens in a fixed order: the same data give the same local minimum.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._ext._separable_rounds import SeparableRounds
from .._threads import resolve_n_threads, serial_blas
from ._gram_set import MAX_GRAM, MAX_SUPPORT, GramSet, gram_is_cheaper
from ._quadratic import Quadratic
from ._separable_set import Terms, descend
from .monitor import Monitor
from .result import Result
from .working_set import is_small, run_small
from .working_set import run as run_l1

STEPS = 20  # larger alphas on the way to the one asked for
LEAST = 50  # columns that may join in a round, at least; at most as many as are in use
L1_TOL = 1e-4  # of the L1 problem to start from
START_TOL = 1e-4  # relative violation at larger alphas
COMPARED_TOL = 1e-3  # relative violation at which two starts are compared
FLOOR = 1e-13  # relative violations below this are rounding


def solve_coordinate_descent(
    problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0
):  # fmt: skip
    """Find a point that is optimal in every coordinate; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    total = problem.total_weight
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        scale = quadratic.null if quadratic.null > 0.0 else 1.0
        kind = _CompiledRounds if problem.design.sweeps and not problem.ranks.several else _Rounds
        rounds = kind(quadratic, problem.penalty)
        if init is None:
            point = rounds.best_start(max_iter)
        else:
            point = rounds.read(np.maximum(init, 0.0) if problem.penalty.positive else init)

        def on_round(n_iter, objective, worst, size):
            relative = float(np.sqrt(worst / scale))
            return monitor(n_iter, quadratic.passes, objective / total, np.nan, relative, size, point.w)

        try:
            end = rounds.run(point, rounds.terms, max(tol, FLOOR), max_iter, on_round)
        finally:
            monitor.close()
    result = Result(
        coef=point.w,
        intercept=problem.y_offset - float(quadratic.means @ point.w),
        converged=end.worst <= min(max(tol, FLOOR), 1.0) ** 2 * scale,
        gap=np.nan,
        objective=end.objective / total,
        null_objective=quadratic.null / total,
        violation=violation_of(end.gains, quadratic.curvature) / total,
        n_iter=max(end.n_iter, 1),
        n_passes=quadratic.passes,
        history=monitor.history,
        solver="coordinate_descent",
        relative_violation=float(np.sqrt(end.worst / scale)),
        certificate="violation",
    )
    return result, monitor.stopped


@dataclass
class Point:
    """Coefficients and what a reading of X tells of them: c = X'theta with theta = S(y - Xw), and the summed loss.

    c is `complete` when all columns were read for it.
    """

    w: NDArray[np.float64]
    theta: NDArray[np.float64]
    c: NDArray[np.float64]
    fit: float
    complete: bool = True


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
        self.out = np.flatnonzero((quadratic.curvature == 0.0) | np.isinf(self.terms.lam))  # constant or excluded
        self.scale = quadratic.null if quadratic.null > 0.0 else 1.0

    def terms_at(self, alpha: float) -> Terms:
        q = self.quadratic
        return Terms.of(with_alpha(self.penalty, alpha), q.curvature.size, q.problem.total_weight)

    def read(self, w, cols=None) -> Point:
        """Read X (or some columns of it) for these coefficients, leaving out those of constant, excluded columns."""
        q = self.quadratic
        w[self.out] = 0.0
        support = np.flatnonzero(w)
        r = q.residual(support, w[support])
        theta = q.problem.weighted(r)
        return Point(w, theta, q.products(theta, cols), 0.5 * float(r @ theta))

    def zero(self) -> Point:
        """Return zero coefficients, whose products are known."""
        q = self.quadratic
        return Point(np.zeros(q.curvature.size), np.array(q.problem.weighted(q.y)), q.gradient.copy(), q.null)

    def improve(self, point: Point, terms: Terms, gains, target: float, tol: float, near=None) -> None:
        """Let the columns join that gain most, descend to gains of at most `tol` on the set, and read X.

        `near` marks the columns to read beside those of the set; None: all.
        """
        gram = self.gram
        gram.add(joining(gram, gains, target, np.flatnonzero(point.w)))
        inner = np.ascontiguousarray(point.w[gram.cols])
        descend(gram, inner, terms.at(gram.cols), tol, point.theta)
        point.w[gram.cols] = inner
        cols = None if near is None else np.flatnonzero(near | gram.member)
        after = self.read(point.w, cols)
        if cols is not None:
            point.c = np.array(point.c)
            point.c[cols], after.c = after.c, point.c
        point.theta, point.c, point.fit, point.complete = after.theta, after.c, after.fit, cols is None

    def run(self, point: Point, terms: Terms, tol: float, max_iter: int, on_round=lambda *_: False) -> End:
        """Lower the objective, changing the point, until no coefficient gains more than `tol` allows."""
        target = min(tol, 1.0) ** 2 * self.scale
        for n_iter in range(max_iter + 1):
            gains = terms.gains(point.w, point.c, self.quadratic.curvature)
            if not point.complete and gains.max(initial=0.0) <= target:
                point.c, point.complete = self.quadratic.products(point.theta), True
                gains = terms.gains(point.w, point.c, self.quadratic.curvature)
            end = End(point.fit + terms.value(point.w), gains, n_iter)
            stop = on_round(n_iter, end.objective, end.worst, len(self.gram))
            if stop or end.worst <= target or n_iter == max_iter:
                break
            self.improve(point, terms, gains, target, max(0.1 * target, 1e-6 * end.worst))
        return end

    def best_start(self, max_iter: int) -> Point:
        """Descend, not to the end, from the L1 solution and through larger alphas; return the better end."""
        starts = [self.from_l1(max_iter), self.from_above()]
        ends = [self.run(point, self.terms, COMPARED_TOL, max_iter).objective for point in starts]
        # neither is at its end: what they differ by must be more than is left, and a tie goes to the first
        return starts[int(ends[1] < ends[0] - COMPARED_TOL**2 * self.scale)]

    def from_l1(self, max_iter: int) -> Point:
        """Solve the L1 problem whose levels are those at which coefficients leave zero."""
        q, w = self.quadratic, np.zeros(self.quadratic.curvature.size)
        lam = q.problem.total_weight * exit_levels(q, self.penalty)
        end = run_l1(
            q, w, lam, 0.0, bool(self.penalty.positive), tol=L1_TOL, max_iter=max_iter, on_round=lambda *_: False
        )
        self.gram = end.gram
        return self.read(w)

    def from_above(self) -> Point:
        """Descend through larger alphas, each from the end of the one before.

        As along an L1 path, columns whose products are far below the next levels are taken to stay out (Tibshirani et
        al., "Strong rules", JRSS B 74, 2012) and are not read: what that misses is found when the end is certified.
        """
        q, point, target = self.quadratic, self.zero(), START_TOL**2 * self.scale
        unit = exit_levels(q, with_alpha(self.penalty, 1.0)) * q.problem.total_weight
        size = q.gradient if self.penalty.positive else np.abs(q.gradient)
        ratio = np.divide(size, unit, out=np.zeros_like(size), where=unit > 0.0)
        largest = float(ratio.max(initial=0.0)) ** (1.0 / self.penalty.degree)
        if self.penalty.alpha < largest:
            grid = np.geomspace(largest, self.penalty.alpha, STEPS + 2)[1:]
            point = self.down(point, grid[:-1], grid**self.penalty.degree, unit, target)
        return point

    def down(self, point: Point, alphas, exits, unit, target: float) -> Point:
        """Take one round at each alpha; `exits` times `unit` are the products at which columns leave zero."""
        for alpha, here, following in zip(alphas, exits[:-1], exits[1:], strict=True):
            terms = self.terms_at(alpha)
            gains = terms.gains(point.w, point.c, self.quadratic.curvature)
            if gains.max(initial=0.0) > target:
                size = point.c if self.penalty.positive else np.abs(point.c)
                self.improve(point, terms, gains, target, target, size >= (2.0 * following - here) * unit)
        return point


class _CompiledRounds(_Rounds):
    """The same rounds in compiled calls, as long as the set is one for a Gram matrix."""

    def __init__(self, quadratic: Quadratic, penalty) -> None:
        super().__init__(quadratic, penalty)
        q, terms, design = quadratic, self.terms, quadratic.problem.design
        self.exits = q.problem.total_weight * exit_levels(q, self.penalty)
        out = np.zeros(q.curvature.size, dtype=bool)
        out[self.out] = True

        def enough(stored, k, old, used):
            return gram_is_cheaper(stored, design.n_samples, k, old, used)

        self.kernel = SeparableRounds(
            q.columns, q.y, q.s, q.curvature, q.gradient, terms.gam, out, terms.kind, terms.total, terms.positive,
            LEAST, MAX_GRAM, MAX_SUPPORT, enough if design.is_sparse else None, q.n_threads,
        )  # fmt: skip

    def run(self, point, terms, tol, max_iter, on_round=lambda *_: False):
        q, kernel = self.quadratic, self.kernel
        target = min(tol, 1.0) ** 2 * self.scale
        before, read, stored = q.passes, kernel.read, max(q.problem.design.n_stored, 1)

        def told(*round_):
            q.passes = before + (kernel.read - read) / stored
            return on_round(*round_)

        n_iter, point.fit = kernel.run(
            point.w, point.theta, point.c, point.fit, point.complete, terms.lam, self.exits, target, max_iter, told
        )
        q.passes = before + (kernel.read - read) / stored
        point.complete = True
        if not kernel.left:
            objective = point.fit + terms.value(point.w)
            return End(objective, terms.gains(point.w, point.c, q.curvature), n_iter)
        end = super().run(  # from here on columns are swept
            point, terms, tol, max_iter - n_iter, lambda i, *rest: i > 0 and on_round(n_iter + i, *rest)
        )
        end.n_iter += n_iter
        return end

    def from_l1(self, max_iter):
        q = self.quadratic
        if is_small(q.problem.design) and self.exits.min() > 0.0:
            w = np.zeros(q.curvature.size)
            run_small(q, w, self.exits, bool(self.penalty.positive), L1_TOL, max_iter)
            return self.read(w)
        point, gram = super().from_l1(max_iter), self.gram
        self.kernel.take(gram.cols, gram.matrix, gram.n_formed)
        self.gram = GramSet(q)
        return point

    def down(self, point, alphas, exits, unit, target):
        q, kernel, read = self.quadratic, self.kernel, self.kernel.read
        at = int(np.argmax((self.terms.lam > 0.0) & (self.terms.lam < np.inf)))
        last = self.terms.lam[at]
        shares = np.array([with_alpha(self.penalty, a).levels(q.curvature.size)[at] for a in alphas])
        shares = np.divide(shares, last, out=np.ones_like(shares), where=last > 0.0)
        point.fit = kernel.descend(
            point.w, point.theta, point.c, point.fit, self.terms.lam, shares, unit, exits, target
        )  # fmt: skip
        q.passes += (kernel.read - read) / max(q.problem.design.n_stored, 1)
        point.complete = False
        return super().down(self.zero(), alphas, exits, unit, target) if kernel.left else point


def violation_of(gains, curvature) -> float:
    """Return the largest sqrt(2 L_j gain_j), whose square may overflow."""
    return float((np.sqrt(2.0 * gains) * np.sqrt(curvature)).max(initial=0.0))


def joining(gram: GramSet, gains, target: float, support):
    """Return columns that are not in the set yet: those in use, and those that gain most."""
    outside = np.flatnonzero((gains > target) & ~gram.member)
    most = max(LEAST, support.size)
    if outside.size > most:
        outside = outside[np.argpartition(-gains[outside], most)[:most]]
    support = support[~gram.member[support]]
    return np.union1d(support, outside) if support.size else outside


def with_alpha(penalty, alpha: float):
    """Return the penalty at another alpha; clones of scikit-learn cost more than a step of a small fit."""
    other = copy(penalty)
    other.alpha = alpha
    return other


def exit_levels(quadratic: Quadratic, penalty):
    """Return the gradients of the mean loss at which coefficients leave zero (1 for constant columns)."""
    curvature = quadratic.curvature / quadratic.problem.total_weight
    levels = np.ones(curvature.size)
    used = curvature > 0.0
    full = np.where(used, curvature, 1.0)
    levels[used] = penalty.exit_levels(full)[used]
    return levels
