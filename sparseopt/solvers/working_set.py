"""One alpha: greedy working sets, solved exactly on their Gram matrix.

Reading X is what costs. Each round reads it once, for c = X'theta, and then

1. certifies: the duality gap of the current point follows from c alone;
2. screens: a column whose distance to its constraint exceeds the gap-safe radius is zero at the optimum and is not read
   again (Ndiaye et al., JMLR 18 (2017));
3. selects greedily: the columns with the smallest scores s_j = (lam_j - |c_j|) / sqrt(L_j + mu) join the working set.
   For negative scores s_j^2 / 2 is the decrease that one update of coordinate j promises (the GSL-q rule); for positive
   ones s_j is the distance screening uses. The residual enters unscaled: ordering by a scaled dual point can repeat
   itself for ever;
4. solves on the set, without X, to a fraction of the gap.
"""

from __future__ import annotations

import numpy as np

from .._ext._lasso_rounds import LassoRounds
from .._threads import resolve_n_threads, serial_blas
from ..problem.certificates import best_dual, unpenalised_excess
from ._gram_set import MAX_SUPPORT, GramSet, small_gram
from ._quadratic import Quadratic
from .monitor import Monitor
from .result import Result

FIRST_SET = 200  # most columns that join in the first round, and the least that join while any violates
MARGIN = 1.2  # join this many times the violators, at most as many as the support has
INNER_SHARE = 0.03  # a working set is solved to this share of the gap
SMALL, NARROW = 500_000, 2000  # entries and columns of a dense X whose rounds take one call
IDLE = 5  # rounds in which a complete set lowers neither objective nor gap: rounding alone is left
FLOOR = 64 * np.finfo(float).eps  # relative gaps below this are rounding


def solve_working_set(problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0):
    """Solve one problem; return (Result, whether the callback stopped it)."""
    total, positive = problem.total_weight, problem.penalty.positive
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        lam, mu = problem.levels()
        w = np.zeros(problem.design.n_features) if init is None else init
        if positive:
            np.maximum(w, 0.0, out=w)
        watched = callback is not None or verbose > 0
        if not watched and mu == 0.0 and is_small(problem.design) and (np.ndim(lam) == 0 or lam.min() > 0.0):
            end, history = run_small(quadratic, w, lam, positive, tol, max_iter)
            return _result(problem, quadratic, w, end, history), False
        monitor = Monitor(tol, callback, verbose)
        scale = quadratic.null if quadratic.null > 0.0 else 1.0

        def on_round(n_iter, primal, gap, size):
            return monitor(n_iter, quadratic.passes, primal / total, gap / total, gap / scale, size, w)

        try:
            end = run(quadratic, w, lam, mu, positive, tol=tol, max_iter=max_iter, on_round=on_round)
        finally:
            monitor.close()
    return _result(problem, quadratic, w, end, monitor.history), monitor.stopped


def _result(problem, quadratic, w, end, history) -> Result:
    total = problem.total_weight
    return Result(
        coef=w,
        intercept=problem.y_offset - float(quadratic.means @ w),
        converged=end.converged,
        gap=end.gap / total,
        objective=end.primal / total,
        null_objective=quadratic.null / total,
        violation=end.violation / total,
        n_iter=max(end.n_iter, 1),
        n_passes=quadratic.passes,
        history=history,
        solver="working_set",
    )


def is_small(design) -> bool:
    """Whether the rounds take less time than the interpreter between them."""
    small = design.n_stored <= SMALL and design.n_features <= NARROW
    return small and not design.is_sparse and design.sweeps and not design.ranks.several


def run_small(quadratic, w, lam, positive, tol, max_iter):
    """Run rounds in one call, changing w in place; return how they ended, and their history."""
    problem, p = quadratic.problem, w.size
    least = p if small_gram(problem.design.n_total, p) else first_set(p)
    levels = np.full(p, lam) if np.ndim(lam) == 0 else lam
    rounds = LassoRounds(
        quadratic.columns, quadratic.y, quadratic.s, quadratic.curvature, quadratic.gradient, levels, positive,
        MAX_SUPPORT, quadratic.n_threads,
    )  # fmt: skip
    target = max(tol, FLOOR) * quadratic.null
    n_iter = rounds.run(w, quadratic.null, target, least, MARGIN, INNER_SHARE, IDLE, max_iter)
    total, before, stored = problem.total_weight, quadratic.passes, problem.design.n_stored
    history = [
        dict(n_iter=i, n_passes=before + read / stored, objective=primal / total, gap=gap / total, working_set=size)
        for i, (primal, gap, size, read) in enumerate(rounds.history)
    ]
    quadratic.passes += rounds.read / stored
    return End(rounds.primal, rounds.gap, rounds.violation, rounds.gap <= target, n_iter, None), history


def first_set(p: int) -> int:
    """Return how many of so many dense columns join at first: their Gram matrix costs about one reading of X."""
    return int(min(FIRST_SET, max(10.0, (4 * p) ** 0.5)))


class End:
    """How a run ended, in units of the summed loss."""

    def __init__(self, primal, gap, violation, converged, n_iter, gram):
        self.primal, self.gap, self.violation = primal, gap, violation
        self.converged, self.n_iter, self.gram = converged, n_iter, gram


def run(quadratic: Quadratic, w, lam, mu, positive, *, tol, max_iter, on_round) -> End:
    """Run rounds, changing w in place, until the gap is at most `tol` times the null objective."""
    state = _Rounds(quadratic, w, lam, mu, positive)
    target = max(tol, FLOOR) * quadratic.null
    lowest = smallest = np.inf
    idle = 0
    for n_iter in range(max_iter + 1):
        state.certify()
        last = n_iter == max_iter or idle == IDLE
        if state.gap <= target or last:
            state.complete()
        stop = on_round(n_iter, state.primal, state.gap, len(state.gram))
        if state.gap <= target or stop or last:
            break
        state.screen()
        violators = state.select()
        idle = idle + 1 if violators == 0 and state.primal >= lowest and state.gap >= smallest else 0
        lowest, smallest = min(lowest, state.primal), min(smallest, state.gap)
        last_set = violators == 0 or state.complete_set  # worth solving to the end
        state.improve(0.3 * target if last_set else max(INNER_SHARE * state.gap, 0.3 * target))
    return End(state.primal, state.gap, state.violation(), state.gap <= target, n_iter, state.gram)


class _Rounds:
    """The state between rounds: coefficients, residual, c = X'theta on the columns not yet screened out."""

    def __init__(self, quadratic, w, lam, mu, positive):
        self.quadratic, self.w, self.lam, self.mu, self.positive = quadratic, w, lam, mu, positive
        self.norms = np.sqrt(quadratic.curvature + mu)
        self.gram = GramSet(quadratic)
        self.least = first_set(w.size)
        design = quadratic.problem.design
        if design.is_sparse:  # whose sets start small
            self.least = min(self.least, FIRST_SET // 2)
        elif small_gram(design.n_total, w.size):
            self.least = w.size
        excluded = quadratic.curvature == 0.0
        self.free = np.empty(0, dtype=np.intp)  # columns without any penalty
        if np.ndim(lam):
            excluded = excluded | np.isinf(lam)
            free = np.flatnonzero((lam == 0.0) & ~excluded)
            self.gram.add(free)
            if mu == 0.0:
                self.free = free
        self.usable = None
        if excluded.any():
            w[excluded] = 0.0
            self.usable = np.flatnonzero(~excluded)
        self.alive = self.usable  # None: every column
        self.left_out = None  # screened out
        self.support = np.flatnonzero(w)
        if self.support.size:
            self.gram.add(self.support)
            self._read()
        else:
            self.r, self.theta = quadratic.y, quadratic.problem.weighted(quadratic.y)
            self.c = self._alive(quadratic.gradient)

    def _alive(self, values):
        return values if self.alive is None or np.ndim(values) == 0 else values[self.alive]

    def _read(self):
        """The one reading of X in a round."""
        self.r = self.quadratic.residual(self.support, self.w[self.support])
        self.theta = self.quadratic.problem.weighted(self.r)
        self.c = self.quadratic.products(self.theta, self.alive)

    def certify(self):
        ranks = self.quadratic.problem.ranks
        rr, y_theta = ranks.total((float(self.r @ self.theta), float(self.quadratic.y @ self.theta)))
        ws = self.w[self.support]
        size = np.abs(ws)
        l1 = self.lam * size.sum() if np.ndim(self.lam) == 0 else self.lam[self.support] @ size
        self.primal = 0.5 * rr + float(l1)
        if self.mu:  # squares of coefficients may overflow where nothing asks for them
            self.primal += 0.5 * self.mu * float(ws @ ws)
        self.value, self.multiple = best_dual(self.c, y_theta, rr, self._alive(self.lam), self.mu, self.positive)
        self.excess = 0.0
        if self.free.size:
            at = self.free if self.alive is None else np.searchsorted(self.alive, self.free)
            self.excess = unpenalised_excess(
                self.c[at], self.w[self.free], self.quadratic.curvature[self.free], self.positive
            )
        self.gap = max(self.primal - self.value, 0.0) + self.excess

    def complete(self):
        """Certify with every column: take those that were screened out back, and read them."""
        if self.left_out is not None:
            c = np.zeros(self.w.size)
            c[self.alive] = self.c
            c[self.left_out] = self.quadratic.products(self.theta, self.left_out)
            self.alive, self.left_out = self.usable, None
            self.c = self._alive(c)
            self.certify()

    def screen(self):
        """Leave out the columns that the gap of this very dual point proves to be zero at the optimum."""
        if self.excess > 1e-20 * self.quadratic.null:
            return  # the dual point is not feasible yet
        radius = np.sqrt(2.0 * max(self.primal - self.value, 0.0))
        size = self.c if self.positive else np.abs(self.c)
        keep = self.multiple * size + radius * self._alive(self.norms) >= self._alive(self.lam) * (1.0 - 1e-12)
        if np.count_nonzero(keep) < 0.7 * keep.size:  # else compaction costs more than it saves
            for held in (self.support, self.free):
                keep[held if self.alive is None else np.searchsorted(self.alive, held)] = True
            where = np.flatnonzero(keep)
            gone = np.flatnonzero(~keep)
            gone = gone if self.alive is None else self.alive[gone]
            self.left_out = gone if self.left_out is None else np.concatenate([self.left_out, gone])
            self.alive = where if self.alive is None else self.alive[where]
            self.c = self.c[where]

    def select(self) -> int:
        """Let the columns with the smallest scores join; return how many violate their optimality condition."""
        size = self.c if self.positive else np.abs(self.c)
        score = (self._alive(self.lam) - size) / self._alive(self.norms)
        score[self._alive(self.gram.member)] = np.inf
        violators = int(np.count_nonzero(score < 0.0))
        if violators == 0 and len(self.gram):
            return 0
        wanted = max(self.least, min(self.support.size, int(MARGIN * violators)))
        if wanted < score.size:
            chosen = np.argpartition(score, wanted)[:wanted]
        else:
            chosen = np.arange(score.size)
        chosen = chosen[score[chosen] < np.inf]
        self.gram.add(chosen if self.alive is None else self.alive[chosen])
        return violators

    @property
    def complete_set(self) -> bool:
        """Whether no column is left that may join."""
        return len(self.gram) == (self.w.size if self.usable is None else self.usable.size)

    def improve(self, tol):
        """Solve on the set, then read X."""
        inner = np.ascontiguousarray(self.w[self.gram.cols])
        self.gram.solve(inner, self.lam, self.mu, self.positive, tol, self.theta)
        self.w[self.gram.cols] = inner
        self.support = np.flatnonzero(self.w)
        self._read()

    def violation(self) -> float:
        """Largest distance of c - mu w to the subdifferential of the L1 part."""
        w, lam = self._alive(self.w), self._alive(self.lam)
        slope = self.c - self.mu * w if self.mu else self.c
        outside = ((slope if self.positive else np.abs(slope)) - lam).max(initial=0.0)
        on = np.flatnonzero(w)  # where the distance is at least what `outside` says
        away = np.abs(slope[on] - (lam if np.ndim(lam) == 0 else lam[on]) * np.sign(w[on]))
        return float(away.max(initial=outside))
