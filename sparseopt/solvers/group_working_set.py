"""Groups at one alpha: greedy working sets of groups, solved exactly on their Gram matrix.

The rounds are those of :mod:`.working_set`, with groups in place of columns: one reading of X certifies, screens and
selects. The score of a group is (lam_g - ||c_g||) / sqrt(L_g + mu), with L_g the trace of X_g'SX_g, which bounds its
largest eigenvalue; with an L1 part, c_g enters soft-thresholded. The residual enters unscaled.
"""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from ..problem import Problem
from ..problem.certificates import best_dual, unpenalised_excess
from ..problem.group_certificates import dual_sizes, excess
from ..problem.penalties import RowGroup
from ..problem.penalties._groups import Groups, as_groups
from ..problem.penalties.group import group_distance
from ._gram_set import NS_GEMM, NS_ROUND, small_gram
from ._group_set import GroupSet
from ._quadratic import Quadratic
from .monitor import Monitor
from .result import Result
from .working_set import FIRST_SET, FLOOR, INNER_SHARE, MARGIN, End


def solve_group_working_set(problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0):
    """Solve one problem; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    total = problem.total_weight
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        state = GroupRounds(quadratic, init)
        scale = quadratic.null if quadratic.null > 0.0 else 1.0

        def on_round(n_iter, primal, gap, size):
            return monitor(n_iter, quadratic.passes, primal / total, gap / total, gap / scale, size, state.coef)

        try:
            end = run_groups(state, tol=tol, max_iter=max_iter, on_round=on_round)
        finally:
            monitor.close()
    coef = state.coef
    intercept = problem.y_offset - quadratic.means @ coef
    result = Result(
        coef=coef,
        intercept=intercept if coef.ndim == 2 else float(intercept),
        converged=end.converged,
        gap=end.gap / total,
        objective=end.primal / total,
        null_objective=quadratic.null / total,
        violation=end.violation / total,
        n_iter=max(end.n_iter, 1),
        n_passes=quadratic.passes,
        history=monitor.history,
        solver="group_working_set",
    )
    return result, monitor.stopped


def run_groups(state: GroupRounds, *, tol, max_iter, on_round) -> End:
    """Run rounds until the gap is at most `tol` times the null objective."""
    target = max(tol, FLOOR) * state.quadratic.null
    for n_iter in range(max_iter + 1):
        state.certify()
        if state.gap <= target or n_iter == max_iter:
            state.complete()
        stop = on_round(n_iter, state.primal, state.gap, len(state.set))
        if state.gap <= target or stop or n_iter == max_iter:
            break
        state.screen()
        last_set = state.select() == 0 or state.complete_set  # worth solving to the end
        state.improve(0.3 * target if last_set else max(INNER_SHARE * state.gap, 0.3 * target))
    return End(state.primal, state.gap, state.violation(), state.gap <= target, n_iter, state.set)


class GroupRounds:
    """The state between rounds: W and c = X'theta, output after output, and the groups not yet screened out.

    Columns that are screened out keep their last c, which nothing reads.
    """

    def __init__(self, quadratic: Quadratic, init=None) -> None:
        problem, p = quadratic.problem, quadratic.curvature.size
        self.quadratic, self.groups = quadratic, penalty_groups(problem)
        self.l1, self.lam, self.mu = group_levels(problem, self.groups)
        self.single = quadratic.gradient.ndim == 1
        self.w = np.zeros((1 if self.single else quadratic.gradient.shape[0], p))
        if init is not None:
            self.w[:] = init.T
        self.trace = self.groups.total(quadratic.curvature)
        self.norms = np.sqrt(self.trace + self.mu)
        self.usable = (self.trace > 0.0) & np.isfinite(self.lam)
        self.w[:, ~(self.groups.spread(self.usable) & (quadratic.curvature > 0.0))] = 0.0
        self.alive = self.usable.copy()
        self.read_cols = None  # columns of groups that are alive; None: all
        self.set = GroupSet(quadratic, self.groups)
        free = np.flatnonzero((self.lam == 0.0) & self.usable) if self.l1 == 0.0 else np.empty(0, dtype=np.intp)
        self.set.add(free)
        self.free = self.groups.members(free) if self.mu == 0.0 else free[:0]
        self.keep = self.lam == 0.0
        size = max(1.0, p / len(self.groups))
        self.least = int(max(1, min(FIRST_SET, max(10.0, (4 * p) ** 0.5)) / size))
        design = problem.design
        if design.is_sparse:
            self.least = min(self.least, max(1, int(FIRST_SET / 2 / size)))
        elif small_gram(design.n_total, p):
            self.least = len(self.groups)
        else:  # a Gram matrix that takes no longer than a round
            cheap = (2.0 * NS_ROUND / (NS_GEMM * max(design.n_total, 1))) ** 0.5
            self.least = max(self.least, int(min(FIRST_SET, cheap) / size))
        self.support = np.flatnonzero(np.any(self.w != 0.0, axis=0))
        self.set.add(np.unique(self.groups.of[self.support]))
        self.c = np.atleast_2d(quadratic.gradient)
        if self.support.size:
            self.c = self.c.copy()
            self._read()
        else:
            self.r, self.theta = quadratic.y, problem.weighted(quadratic.y)

    @property
    def coef(self):
        """Coefficients of shape (p,), or (p, n_outputs) for targets of two dimensions."""
        return self.w[0] if self.single else np.ascontiguousarray(self.w.T)

    def _read(self):
        """The one reading of X in a round."""
        q = self.quadratic
        self.r = q.residual(self.support, self.w[:, self.support])
        self.theta = q.problem.weighted(self.r)
        if self.read_cols is None:
            self.c = np.atleast_2d(q.products(self.theta))
        else:
            self.c[0, self.read_cols] = q.products(self.theta, self.read_cols)

    def certify(self):
        ranks = self.quadratic.problem.ranks
        rr, y_theta = ranks.total((float(np.sum(self.r * self.theta)), float(np.sum(self.quadratic.y * self.theta))))
        w = self.w
        self.primal = 0.5 * rr + penalty_value(self.groups, w.T, self.l1, self.lam, self.mu)
        sizes, bounds = dual_sizes(self.groups, self.c.T, self.l1, self.lam)
        self.sizes = np.minimum(sizes, np.finfo(float).max)  # squares may overflow
        sizes = np.where(self.alive, sizes, 0.0)
        self.value, self.multiple = best_dual(sizes, y_theta, rr, bounds, self.mu, False)
        self.excess = 0.0
        for c in self.c if self.free.size else ():
            self.excess += unpenalised_excess(c[self.free], None, self.quadratic.curvature[self.free], False)
        self.gap = max(self.primal - self.value, 0.0) + self.excess

    def complete(self):
        """Certify with every column: take groups that were screened out back, and read them."""
        if self.read_cols is not None:
            gone = self.usable & ~self.alive
            cols = self.groups.members(np.flatnonzero(gone))
            self.c[0, cols] = self.quadratic.products(self.theta, cols)
            self.alive, self.read_cols = self.usable.copy(), None
            self.certify()

    def screen(self):
        """Leave out the groups that the gap of this very dual point proves to be zero at the optimum."""
        if not self.single or self.excess > 1e-20 * self.quadratic.null:
            return  # several outputs are read fastest all together; or the dual point is not feasible yet
        radius = np.sqrt(2.0 * max(self.primal - self.value, 0.0))
        room = self._excess(self.multiple)
        keep = self.alive & ((room + radius * self.norms >= -1e-12 * (self.lam + self.l1)) | self.keep)
        if np.count_nonzero(keep) < 0.7 * np.count_nonzero(self.alive):  # else it costs more than it saves
            keep[np.unique(self.groups.of[self.support])] = True
            self.alive = keep
            self.read_cols = self.groups.members(np.flatnonzero(keep))
            if self.c.base is not None or self.c is self.quadratic.gradient:
                self.c = self.c.copy()

    def _excess(self, multiple=1.0):
        """Return by how much each group of a multiple of c violates its condition at zero."""
        if self.l1 == 0.0:
            return multiple * self.sizes - self.lam
        return excess(self.groups, multiple * self.c.T, self.l1, self.lam)

    def select(self) -> int:
        """Let the groups with the smallest scores join; return how many violate their optimality condition."""
        over = self._excess()
        # groups of empty columns never join
        over = np.divide(over, self.norms, out=np.full_like(over, -np.inf), where=self.norms > 0.0)
        over[~self.alive | self.set.member] = -np.inf
        violators = int(np.count_nonzero(over > 0.0))
        if violators == 0 and self.set.numbers.size:
            return 0
        n_active = np.unique(self.groups.of[self.support]).size
        wanted = max(self.least, min(n_active, int(MARGIN * violators)))
        chosen = np.argpartition(-over, wanted)[:wanted] if wanted < over.size else np.arange(over.size)
        self.set.add(chosen[over[chosen] > -np.inf])
        return violators

    @property
    def complete_set(self) -> bool:
        """Whether no group is left that may join."""
        return self.set.numbers.size == np.count_nonzero(self.usable)

    def improve(self, tol):
        """Solve on the set, then read X."""
        inner = np.ascontiguousarray(self.w[:, self.set.cols])
        self.set.solve_groups(inner, self.l1, self.lam, self.mu, tol, self.theta)
        self.w[:, self.set.cols] = inner
        self.support = np.flatnonzero(np.any(self.w != 0.0, axis=0))
        self._read()

    def violation(self) -> float:
        """Largest distance of c - mu W to the subdifferential of the norms."""
        slope = (self.c - self.mu * self.w).T
        distance = group_distance(self.groups, self.w.T, slope, self.l1, self.lam)
        return float(distance[self.usable].max(initial=0.0))


def penalty_groups(problem: Problem) -> Groups:
    """Return the partition of the features; rows as groups are groups of one feature."""
    p = problem.design.n_features
    return as_groups(None, p) if isinstance(problem.penalty, RowGroup) else problem.penalty.partition(p)


def group_levels(problem: Problem, groups: Groups, alpha=None):
    """Return the levels of the L1 norm, of each group's norm and of the ridge part, in units of the summed loss."""
    scale = problem.total_weight * (problem.penalty.alpha if alpha is None else alpha)
    penalty = problem.penalty
    if isinstance(penalty, RowGroup):
        omega = np.ones(len(groups)) if penalty.weights is None else np.asarray(penalty.weights, dtype=np.float64)
        return 0.0, scale * penalty.l1_ratio * omega, scale * (1.0 - penalty.l1_ratio)
    l1, level, mu = penalty.shares(groups)
    return scale * l1, scale * level, scale * mu


def penalty_value(groups: Groups, w, l1, lam, mu) -> float:
    """Return the value of the penalty at w of shape (p,) or (p, n_outputs), in units of the summed loss."""
    norms = groups.norms(w)
    used = norms > 0.0
    value = float(norms[used] @ lam[used]) + l1 * float(np.abs(w).sum())
    return value + 0.5 * mu * float(np.sum(w * w)) if mu > 0.0 else value  # squares may overflow
