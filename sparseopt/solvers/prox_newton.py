"""Smooth losses: greedy working sets, solved by proximal Newton steps on the true objective.

Each round reads X once, for C = X'theta with theta minus the gradient of the summed loss, certifies the current point
by its duality gap, leaves out what the gap proves to be zero, and lets the entries with the smallest scores join the
working set (see :mod:`sparseopt.solvers.working_set`). On the set, each Newton step minimises the quadratic model of
the loss plus the penalty exactly, on the model's Gram matrix or on the columns, and is followed by a line search.
"""

from __future__ import annotations

import numpy as np

from .._ext._scalar_newton import NewtonSet
from .._threads import resolve_n_threads, serial_blas
from ..problem.penalties import Group
from ._newton_columns import ColumnModel, OutputColumnModel
from ._newton_model import OutputModel, ScalarModel
from ._smooth_state import SmoothState
from .monitor import Monitor

FIRST_SET = 100  # most features that join in the first round
INNER_SHARE = 0.1  # a working set is solved to this share of the gap
STALE = 0.2  # a model is renewed when a step leaves more than this share of the gap
STEPS = 60  # Newton steps on one working set
LEAST_SHARE = 1e-9  # of the usual tolerance: the smallest to which a model is solved
LEAST_CARE = 1e-9  # of the usual goal of a set, with unpenalised columns
IDLE = 3  # steps in a row that only rounding can explain
MANY = 3  # sets larger than so many times the support start again at the next alpha
EASIER, HARDER = 0.1, 10.0  # change of the share of the bound after a whole step, after one that was cut
LITTLE = 1e-6  # the smallest share of the bound
LOST, FAR = 0.1, 4.0  # a cut by which Newton steps fail, and the smallest detour that helps then
ROUGH = 0.2  # relative gap at which a detour ends


def state_of(problem, n_threads, init):
    """Return the state that suits where the rows lie; columns without penalty must be fitted as exactly as can be."""
    if isinstance(problem.penalty, Group):
        from ._spread_groups import SpreadGroups

        return SpreadGroups(problem, n_threads, init)
    if not problem.ranks.several or problem.penalty.unpenalised().size:
        return ProxNewton(problem, n_threads, init)
    from ._spread_newton import SpreadNewton

    return SpreadNewton(problem, n_threads, init)


def solve_prox_newton(problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0):
    """Solve one problem; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    with serial_blas():
        state = state_of(problem, resolve_n_threads(n_threads), init)

        def on_round(n_iter):
            scale = state.null if state.null > 0.0 else 1.0
            return monitor(n_iter, state.passes, state.primal / state.total, state.gap / state.total,
                           state.gap / scale, state.members.size, state.w.reshape(problem.coef_shape))

        try:
            if init is None and state.read:
                state.detour = state.excess() ** 0.5
            n_iter = state.run(state.levels(), tol, max_iter, on_round)
        finally:
            monitor.close()
        result = state.result(n_iter, tol, monitor.history)
    return result, monitor.stopped


class ProxNewton(SmoothState):
    """The working set and its model, on top of the point.

    Attributes
    ----------
    members : ndarray of intp
        Entries of the working set, in order of arrival.
    model : quadratic model of the loss on the members
    exact : float
        Tolerances from here on ask for all digits of coefficients, of which a gap can tell half at best: steps go on
        until they change nothing.
    """

    exact = 1e-12

    def __init__(self, problem, n_threads, init=None):
        super().__init__(problem, n_threads, init)
        self.share = None  # of the bound, that second derivatives are not below
        self.kernel = None  # where whole Newton steps are compiled
        self.detour = 1.0  # times the levels: where to go first when steps are cut; 1: nowhere
        self._empty()

    def _empty(self):
        """Start with no members."""
        self.members = np.empty(0, dtype=np.intp)
        self.member = np.zeros(self.w.size, dtype=bool)
        kind = OutputModel if self.several else ScalarModel
        self.model = kind(self.problem, self.n_threads, self.count)
        if self.kernel is not None:
            self.kernel.forget()
        self.formed = False  # whether the model has second derivatives
        self.fresh = False  # whether they are those of the current point

    def forget(self) -> None:
        """Become what a new state at this point with these members is, but for the count of passes."""
        members, self.kernel = self.members, None
        self._empty()
        self.join(members)
        self.share, self.read = None, False
        self.eta = self.problem.design.matvec(self.w.reshape(self.problem.coef_shape))
        self._center()

    def kept(self) -> dict:
        """Forget the model; return what a fit needs, beside its coefficients, to go on from here as this one does."""
        self.forget()
        return {"members": self.members}

    def resume(self, kept) -> None:
        """Become the state that `kept` tells of, from that of its coefficients."""
        self.join(kept["members"])

    def select(self) -> int:
        """Let the entries (rows) with the smallest scores join; return how many violate their condition."""
        at = self._alive_entries()
        slope = self.c[at] - self.mu * self.w[at] if self.mu > 0.0 else self.c[at]
        per = self.K if self.rows else 1
        norms = np.sqrt(self.curvature + self.mu if self.alive is None else self.curvature[self.alive] + self.mu)
        if self.K > per:
            norms = np.repeat(norms, self.K)
        with np.errstate(divide="ignore", invalid="ignore"):
            score = (self.all_lam[at][::per] - self._sizes(slope)) / norms
        score[self.member[at][::per]] = np.inf
        violators = int(np.count_nonzero(score < 0.0))
        n_support = np.count_nonzero(self.w) // per
        least = min(FIRST_SET * (1 if self.rows else self.K), 10 + int((4 * score.size) ** 0.5))
        wanted = max(least if violators else 0, min(max(n_support, least), 2 * violators))
        if wanted:
            chosen = np.argpartition(score, wanted)[:wanted] if wanted < score.size else np.arange(score.size)
            chosen = np.sort(chosen[score[chosen] < np.inf]) * per
            chosen = chosen if self.alive is None else at[chosen]
            self.join(self._whole_rows(chosen) if self.rows else chosen)
        return violators

    def _start_set(self, support):
        """Along a path: start the set again when it has become large."""
        if self.members.size > MANY * max(support.size, FIRST_SET):
            self._empty()

    def _unsettled(self, violators: int) -> bool:
        """Whether the working set is not worth solving to the end, as others will join."""
        return violators > 0

    def join(self, entries):
        entries = entries[~self.member[entries] & self.usable[entries]]
        self.members = np.concatenate([self.members, entries])
        self.member[entries] = True

    def run(self, levels, tol, max_iter, on_round) -> int:
        """Run rounds until the gap is at most `tol` times the null objective."""
        self.set_levels(*levels)
        support = np.flatnonzero(self.w)
        self._start_set(support)
        self.join(self._whole_rows(self.free) if self.rows else self.free)
        self.join(self._whole_rows(support) if self.rows else support)
        self.target = self.tolerated(tol)
        stuck, care = 0, 1.0
        for n_iter in range(max_iter + 1):
            self.certify()
            last = n_iter == max_iter or stuck == 2
            if self.gap <= self.target or last:
                self.complete()
            if on_round(n_iter) or self.gap <= self.target or last:
                break
            self.screen()
            violators, before = self.select(), self.primal
            least = 0.3 * self.target * care if tol > self.exact else -np.inf
            self.improve(max(INNER_SHARE * self.gap, least) if self._unsettled(violators) else least)
            if self.lost:
                self._go_around(levels, tol)
            idle = not self.moved and violators == 0 and before == self.data_fit + self._penalty(
                self.w[self.members], self.members)  # fmt: skip
            if idle and self.free.size and care > LEAST_CARE:
                care *= 1e-2  # the dual point moves away from the levels as unpenalised columns are taken out of it
            else:
                stuck = stuck + 1 if idle else 0
        return n_iter

    def excess(self) -> float:
        """Return the largest slope at the start over its level."""
        lam = self.problem.levels()[0]
        if np.ndim(lam) == 0:
            return float(np.abs(self.c).max() / lam)
        penalised = self.usable & (lam > 0.0)
        return float(np.divide(np.abs(self.c), lam, out=np.zeros_like(self.c), where=penalised).max(initial=0.0))

    def _go_around(self, levels, tol):
        """Solve, not to the end, for larger levels: there the loss is bent where Newton steps from zero overshoot."""
        factor, self.detour, self.lost = self.detour, 1.0, False
        self.run(tuple(factor * level for level in levels), ROUGH, 2, lambda _: False)
        self.set_levels(*levels)
        self.target = self.tolerated(tol)

    def improve(self, goal):
        """Newton steps on the working set until the gap there is at most `goal`; -inf: until nothing changes.

        A model is solved to a small gap of its own, which may say little about the gap here: its dual point may be
        stretched by more than one, that of the losses may not.  A fresh model that does not help is solved
        more accurately, and in the end moved to a bound of the loss, whose minimiser always lowers the objective.
        """
        members, self.moved, self.lost = self.members, False, False
        self._choose()
        if self.compiled is not None and not self.model.cheap and not self.free.size:
            self._improve_compiled(goal)
            return
        lam = self._levels(members)
        c = self._read_set(members) if self.free.size else self.c[members]
        left = self._restricted(c, members, lam)
        share, idle = 1.0, 0
        for _ in range(STEPS):
            if left <= goal or idle == IDLE or self.lost:
                break
            self._model(members)
            tol = share * max(self.model.inner * left, 0.1 * goal) if goal > 0.0 else goal
            z = self.model.minimise(self.w[members], c, self.theta, lam, self.mu, self.positive, tol)
            gain = self._step(members, z)
            if gain is None:
                if not self.fresh:
                    self._renew(members)
                elif share > LEAST_SHARE:
                    share *= 1e-3
                elif self.share < 1.0:
                    self.share, share = 1.0, 1.0
                    self._renew(members)
                else:
                    break
                continue
            fresh, self.fresh, self.read = self.fresh, False, False
            c = self._read_set(members)
            before, left = left, self._restricted(c, members, lam)
            progress = gain or left < 0.9 * before
            self.moved, idle = self.moved or progress, 0 if progress else idle + 1
            if left > max(goal, STALE * before) or not progress:
                if fresh and share > LEAST_SHARE and self.cut == 1.0:
                    share *= 1e-3
                self._renew(members)
            elif self.model.cheap and left > goal:
                self._renew(members)
        if not self.several and not self.free.size:
            self.c[members], self.known = c, members

    def _improve_compiled(self, goal):
        """The same in one call; see ``_ext/_scalar_newton.pyx``."""
        members, design = self.members, self.problem.design
        if self.kernel is None:
            intercept = self.problem.fit_intercept
            shifted = design.columns(center=np.zeros(design.n_features)) if intercept else self.plain
            self.kernel = NewtonSet(self.plain, shifted, self.compiled, intercept, self.positive, self.n_threads)
        kernel, read = self.kernel, self.kernel.read
        w, c = self.w[members], self.c[members]
        eta, u, theta = self.eta + self.b, self.u.copy(), self.theta.copy()
        kernel.improve(members, w, c, eta, u, theta, self.data_fit, self._levels(members), self.mu, self.null, goal,
                       LOST if self.detour > FAR else 0.0)
        self.passes += (kernel.read - read) / max(design.n_stored, 1)
        self.moved, self.lost = kernel.moved, kernel.lost
        if kernel.read > read:
            self._settle(eta, u, theta, kernel.data_fit)
            self.w[members], self.read = w, False
        self.c[members], self.known = c, members

    def _read_set(self, members):
        """Return X'theta on the members at the current point."""
        self.count(np.unique(members // self.K))
        return self.model.products(self.theta, members)

    def _restricted(self, c, members, lam):
        value, multiple = self._dual(c, lam)
        gap = self.data_fit + self._penalty(self.w[members], members) - value
        free = lam == 0.0
        if self.mu == 0.0 and np.any(free):
            gap += self._unfitted(members[free], c[free], multiple)
        return max(gap, 0.0)

    def _choose(self):
        """Go over to columns when the Gram matrix of the set would cost more, or not fit."""
        if not self.problem.design.sweeps:
            return
        if not self.model.cheap and not self.model.worthwhile(self.members, np.count_nonzero(self.w)):
            kind = OutputColumnModel if self.several else ColumnModel
            self.model = kind(self.problem, self.n_threads, self.count)
            self.formed = False

    def _model(self, members):
        if not self.formed:
            self._renew(members)
        elif self.model.cols.size < members.size:
            self.model.extend(members[self.model.cols.size :])

    def _renew(self, members):
        """Form the model of the second derivatives here, at least a share of a bound of the loss that touches it."""
        if self.share is None:
            self.share = self.model.first_share(self.eta + self.b)
        self.model.restart(self.eta + self.b, self.share)
        self.model.extend(members)
        self.formed = self.fresh = True

    def _step(self, members, z) -> bool | None:
        """Go towards z as far as the objective falls; return whether by more than rounding, None without a step."""
        w = self.w[members]
        move = z - w
        if not np.any(move):
            return None
        v = self.model.direction(move)
        now = self._penalty(w, members)
        slope = -self.problem.ranks.total(float(np.vdot(self.theta, v))) + self._penalty(z, members) - now
        start, a = self.data_fit + now, 1.0
        noise = 4.0 * np.finfo(float).eps * max(start, self.null)  # near the end the decrease drowns in rounding
        if not slope < noise:
            return None
        base = self.eta + self.b
        for _ in range(30):
            trial = z if a == 1.0 else w + a * move
            after = self._fit(base + a * v) + self._penalty(trial, members)
            if after <= start + 1e-4 * a * min(slope, 0.0) + (noise if a == 1.0 else 0.0):
                break
            a *= 0.5
        self.cut = a
        self.lost = a < LOST and self.detour > FAR
        if a < 0.25:
            self.share, self.fresh = min(1.0, max(HARDER * self.share, 1e-3)), False
        elif a == 1.0 and self.share > 0.0:
            self.share = EASIER * self.share if self.share > LITTLE else 0.0
        if not after <= start + 1e-4 * a * min(slope, 0.0) + (noise if a == 1.0 else 0.0):
            return None
        self.w[members] = trial
        self.eta = base + a * v
        self._center()
        return self.data_fit + self._penalty(trial, members) < start - noise
