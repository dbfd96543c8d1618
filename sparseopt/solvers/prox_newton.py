"""Smooth losses: greedy working sets, solved by proximal Newton steps on the true objective.

Each round reads X once, for C = X'theta with theta minus the gradient of the summed loss, certifies the current point
by its duality gap, and lets the entries with the smallest scores join the working set (see
:mod:`sparseopt.solvers.working_set`). On the set, each Newton step minimises the quadratic model of the loss plus the
penalty exactly, by coordinate descent that ends in Newton steps on the support, and is followed by a line search.
"""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from ..exceptions import InvalidProblemError
from ..problem import Problem
from ..problem.penalties import ElasticNet, RowGroup
from ._newton_model import OutputModel, ScalarModel
from .monitor import Monitor
from .registry import register
from .result import Result

FIRST_SET = 100  # most features that join in the first round
INNER_SHARE = 0.1  # a working set is solved to this share of the gap
FLOOR = 64 * np.finfo(float).eps
STALE = 0.2  # a model is renewed when a step leaves more than this share of the gap
STEPS = 60  # Newton steps on one working set
LEAST_SHARE = 1e-9  # of the usual tolerance: the smallest to which a model is solved
IDLE = 3  # steps in a row that only rounding can explain
MANY = 3  # sets larger than so many times the support start again at the next alpha
MAX_SET = 6000  # entries whose Gram matrix is formed


def accepts(problem: Problem) -> str | None:
    """Say why the proximal Newton solver cannot take a problem, or None."""
    if not isinstance(problem.penalty, ElasticNet):
        return f"needs an L1, elastic-net or row-group penalty, got {problem.penalty!r}"
    return None


@register("prox_newton", accepts, spread=True)
def solve_prox_newton(problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0):
    """Solve one problem; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    with serial_blas():
        state = ProxNewton(problem, resolve_n_threads(n_threads), init)

        def on_round(n_iter):
            scale = state.null if state.null > 0.0 else 1.0
            return monitor(n_iter, state.passes, state.primal / state.total, state.gap / state.total,
                           state.gap / scale, state.members.size, state.w.reshape(problem.coef_shape))

        try:
            n_iter = state.run(problem.levels(), tol, max_iter, on_round)
        finally:
            monitor.close()
    return state.result(n_iter, tol, monitor.history), monitor.stopped


class ProxNewton:
    """The state between rounds, and between the alphas of a path; everything in units of the summed loss.

    Attributes
    ----------
    w : ndarray of shape (p * K,)
    b : float or ndarray of shape (K,)
    gap, primal, passes : float
    """

    def __init__(self, problem, n_threads, init=None):
        self.problem, self.loss, self.y = problem, problem.loss, problem.y
        self.n_threads = n_threads
        self.total = problem.total_weight
        self.null = problem.null_objective * self.total
        p = problem.design.n_features
        self.several = len(problem.eta_shape) > 1
        self.K = problem.n_outputs
        self.rows = self.several and isinstance(problem.penalty, RowGroup)
        self.positive = problem.penalty.positive
        self.w = np.zeros(p * self.K) if init is None else np.array(init).ravel()
        if self.positive:
            np.maximum(self.w, 0.0, out=self.w)
        self.passes = 1.0
        self._norms()
        self.model = self._new_model()
        self.members = np.empty(0, dtype=np.intp)
        self.member = np.zeros(p * self.K, dtype=bool)
        self.fresh = False  # whether the model was formed at the current point
        self.majorised = False  # whether it is a bound of the loss
        self.read = False  # whether c belongs to the current point
        self.w[~self.usable] = 0.0
        self.eta = problem.design.matvec(self.w.reshape(problem.coef_shape))
        self._center()

    def _new_model(self):
        if self.several:
            return OutputModel(self.problem, self.n_threads, self.rows)
        return ScalarModel(self.problem.design, self.problem.fit_intercept, self.n_threads)

    def _norms(self):
        """Curvature of each feature: sum of s x^2 (about the mean) times that of the loss."""
        problem, s = self.problem, self.problem.sample_weight
        reference = 0 if s is None or not s.size else int(np.argmax(s > 0))
        with np.errstate(over="ignore", invalid="ignore"):
            means, squares, _ = problem.design.columns().moments(
                s, np.zeros(problem.design.n_samples), reference, self.n_threads
            )
            if not problem.fit_intercept:
                squares = squares + self.total * means * means
        if not np.all(np.isfinite(squares)):
            j = int(np.argmin(np.isfinite(squares)))
            raise InvalidProblemError(f"Input X contains NaN, infinity or a value too large, in column {j}")
        bound = self.loss.curvature
        self.bounded = np.isfinite(bound)
        if not self.bounded:
            bound = float(problem.ranks.mean(self.loss.hessian(self.y, np.zeros(problem.eta_shape)), s))
        self.curvature = squares * bound
        self.usable = np.repeat(squares > 0.0, self.K)
        omega = problem.penalty.l1_weights()
        if omega is not None:
            self.usable &= np.repeat(np.isfinite(omega), self.K)

    def _center(self):
        """Find the best intercept for the current predictions without one, then the derivatives."""
        self.b = self.problem._best_intercept(self.eta)
        self._derivatives()

    def _derivatives(self):
        eta = self.eta + self.b
        u = self.loss.gradient(self.y, eta)
        if self.problem.fit_intercept:
            u = self.loss.balance(self.y, u, self.problem.sample_weight, *self.problem._across)
        self.u = u
        self.theta = np.ascontiguousarray(-self.problem.weighted(u))
        self.data_fit = self._fit(eta)

    def _fit(self, eta) -> float:
        return self._sum(self.loss.values(self.y, eta))

    def _sum(self, values) -> float:
        s = self.problem.sample_weight
        return self.problem.ranks.total(float(values.sum() if s is None else values @ s))

    def _levels(self, entries):
        """L1 levels of entries."""
        if np.ndim(self.lam) == 0:
            return np.full(entries.size, float(self.lam))
        return self.lam[entries // self.K]

    def _penalty(self, w, entries) -> float:
        lam = self._levels(entries)
        if self.rows:
            first = w.reshape(-1, self.K)
            l1 = float(lam[:: self.K] @ np.sqrt(np.einsum("jk,jk->j", first, first)))
        else:
            used = w != 0.0
            l1 = float(lam[used] @ np.abs(w[used]))
        return l1 + 0.5 * self.mu * float(w @ w)

    def _excess(self, c, w, lam):
        """How far |c - mu w| exceeds its level for each entry or row, and the sizes."""
        slope = c - self.mu * w if self.mu > 0.0 else c
        if self.rows:
            slope = np.sqrt(np.einsum("jk,jk->j", slope.reshape(-1, self.K), slope.reshape(-1, self.K)))
            return slope - lam[:: self.K]
        return (slope if self.positive else np.abs(slope)) - lam

    def _dual(self, c, lam):
        """Best dual value (a lower bound of the objective) for the current dual point, given X'theta on entries."""
        lam = lam[:: self.K] if self.rows else lam
        if self.rows:
            size = np.sqrt(np.einsum("jk,jk->j", c.reshape(-1, self.K), c.reshape(-1, self.K)))
        else:
            size = np.maximum(c, 0.0) if self.positive else np.abs(c)
        over = np.divide(size, lam, out=np.zeros_like(size), where=lam > 0.0).max(initial=0.0)
        limit = 1.0 / over if over > 1.0 else 1.0

        def value(t):
            dual = -self._sum(self.loss.conjugate(self.y, t * self.u))
            if self.mu > 0.0:
                rest = np.maximum(t * size - lam, 0.0)
                dual -= 0.5 * float(rest @ rest) / self.mu
            return dual

        if self.mu == 0.0:
            return value(limit), limit
        candidates = {1.0, limit, 0.5 * (1.0 + limit)}
        return max((value(t), t) for t in candidates)

    def certify(self):
        """Read X once; set the gap."""
        problem = self.problem
        if not self.read:
            if self.several:
                c = problem.design.columns().rmatmat(self.theta, n_threads=self.n_threads).T.ravel()
            else:
                c = problem.design.columns().rmatvec(self.theta, n_threads=self.n_threads)
            self.passes += 1.0
            self.c, self.read = np.where(self.usable, c, 0.0), True
        lam = self.all_lam
        value, self.multiple = self._dual(self.c, lam)
        support = self._whole_rows(np.flatnonzero(self.w)) if self.rows else np.flatnonzero(self.w)
        self.primal = self.data_fit + self._penalty(self.w[support], support)
        self.value = value
        self.gap = max(self.primal - value, 0.0)
        if self.free.size:
            slope = self.c[self.free]
            if self.positive:
                slope = np.where(self.w[self.free] > 0.0, slope, np.maximum(slope, 0.0))
            bend = self.curvature[self.free // self.K]
            self.gap += 0.5 * float(np.sum(slope * slope / bend))

    def _whole_rows(self, entries):
        features = np.unique(entries // self.K)
        return (features[:, None] * self.K + np.arange(self.K)).ravel()

    def select(self) -> int:
        """Let the entries (rows) with the smallest scores join; return how many violate their condition."""
        excess = self._excess(self.c, self.w, self.all_lam)
        per = self.K if self.rows else 1
        norms = np.sqrt(self.curvature + self.mu)
        score = -excess / (norms if self.rows else np.repeat(norms, self.K))
        score[self.member[::per]] = np.inf
        violators = int(np.count_nonzero(score < 0.0))
        n_support = np.count_nonzero(self.w) // per
        least = min(FIRST_SET * (1 if self.rows else self.K), 10 + int((4 * score.size) ** 0.5))
        wanted = max(least if violators else 0, min(max(n_support, least), 2 * violators))
        wanted = min(wanted, max(0, (MAX_SET - self.members.size) // per))
        if wanted:
            chosen = np.argpartition(score, wanted)[:wanted] if wanted < score.size else np.arange(score.size)
            chosen = np.sort(chosen[score[chosen] < np.inf])
            self.join(self._whole_rows(chosen * self.K) if self.rows else chosen)
        return violators

    def join(self, entries):
        entries = entries[~self.member[entries] & self.usable[entries]]
        self.members = np.concatenate([self.members, entries])
        self.member[entries] = True

    def run(self, levels, tol, max_iter, on_round) -> int:
        """Run rounds until the gap is at most `tol` times the null objective."""
        self.lam, self.mu = levels
        every = np.arange(self.w.size)
        self.all_lam = np.where(self.usable, self._levels(every), np.inf)
        free = np.empty(0, dtype=np.intp)
        if np.ndim(self.lam) and self.mu == 0.0:
            free = np.flatnonzero((self._levels(every) == 0.0) & self.usable)
        self.free = free
        support = np.flatnonzero(self.w)
        if self.members.size > MANY * max(support.size, FIRST_SET):  # along a path: start the set again
            self.members, self.member[:] = self.members[:0], False
            self.model = self._new_model()
        self.join(free)
        self.join(self._whole_rows(support) if self.rows else support)
        self.target = max(tol, FLOOR) * self.null
        stuck = 0
        for n_iter in range(max_iter + 1):
            self.certify()
            if on_round(n_iter) or self.gap <= self.target or n_iter == max_iter:
                break
            violators = self.select()
            before = self.primal
            self.improve(0.3 * self.target if violators == 0 else max(INNER_SHARE * self.gap, 0.3 * self.target))
            stuck = 0 if self.moved else stuck + 1
            if stuck == 2 and violators == 0 and before == self.primal:
                self.certify()
                break
        return n_iter

    def improve(self, goal):
        """Newton steps on the working set until the gap restricted to it is at most `goal`.

        A model is solved to a small gap of its own, which may say little about the gap here: its dual point may be
        stretched by more than one, that of the losses may not.  A fresh model that does not help is solved
        more accurately, and in the end replaced by a bound of the loss, whose minimiser always lowers the objective.
        """
        members, self.moved = self.members, False
        lam, c = self._levels(members), self.c[members]
        left = self._restricted(c, members, lam)
        share, idle = 1.0, 0
        for _ in range(STEPS):
            if left <= goal or idle == IDLE:
                break
            self._model(members)
            z = self.model.minimise(self.w[members], c, self.model.square(self.theta), lam, self.mu, self.positive,
                                    share * max(1e-3 * left, 0.1 * goal))
            gain = self._step(members, z)
            if gain is None:
                if not self.fresh:
                    self._renew(members)
                elif share > LEAST_SHARE:
                    share *= 1e-3
                elif self.bounded and not self.majorised:
                    self._renew(members, majorise=True)
                else:
                    break
                continue
            fresh, self.fresh, self.read = self.fresh, False, False
            c = self.model.products(self.theta, members)
            self.passes += self.problem.design.column_counts(np.unique(members // self.K)) / max(
                self.problem.design.n_stored, 1)  # fmt: skip
            before, left = left, self._restricted(c, members, lam)
            progress = gain or left < 0.9 * before
            self.moved, idle = self.moved or progress, 0 if progress else idle + 1
            if left > max(goal, STALE * before):
                if fresh and share > LEAST_SHARE:
                    share *= 1e-3
                self._renew(members)

    def _restricted(self, c, members, lam):
        value, _ = self._dual(c, lam)
        w = self.w[members]
        gap = self.data_fit + self._penalty(w, members) - value
        zero = lam == 0.0
        if self.mu == 0.0 and np.any(zero):
            slope = c[zero]
            if self.positive:
                slope = np.where(w[zero] > 0.0, slope, np.maximum(slope, 0.0))
            gap += 0.5 * float(np.sum(slope * slope / self.curvature[members[zero] // self.K]))
        return gap

    def _model(self, members):
        if not hasattr(self.model, "solver"):
            self._renew(members)
        elif self.model.cols.size < members.size:
            self.model.extend(members[self.model.cols.size :])

    def _renew(self, members, majorise=False):
        """Form the model afresh: of the second derivatives here, or of their upper bound everywhere."""
        eta, bound = self.eta + self.b, self.loss.curvature if majorise else None
        if self.several:
            self.model.restart(eta, bound)
        else:
            bend = self.loss.hessian(self.y, eta) if bound is None else np.full_like(eta, bound)
            self.model.restart(self.problem.weighted(bend))
        self.model.extend(members)
        self.fresh, self.majorised = True, majorise

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
        else:
            return None
        self.w[members] = trial
        self.eta = base + a * v
        self._center()
        return self.data_fit + self._penalty(trial, members) < start - noise

    def result(self, n_iter, tol, history=()) -> Result:
        """The solution with its certificate, from the last certification."""
        problem = self.problem
        coef = self.w.reshape(problem.coef_shape)
        b = self.eta_offset()
        excess = self._violations()
        return Result(
            coef=coef,
            intercept=b,
            converged=bool(self.gap <= max(tol, FLOOR) * self.null),
            gap=float("nan") if self.free.size else self.gap / self.total,
            objective=self.primal / self.total,
            null_objective=self.null / self.total,
            violation=excess / self.total,
            n_iter=max(n_iter, 1),
            n_passes=self.passes,
            history=list(history),
            solver="prox_newton",
        )

    def eta_offset(self):
        """The intercept, recomputed from X itself so that no rounding of the iterations stays in it."""
        return self.problem.intercept(self.w.reshape(self.problem.coef_shape))

    def _violations(self) -> float:
        slope = (self.c - self.mu * self.w).reshape(-1, self.K)
        w, lam = self.w.reshape(-1, self.K), self.all_lam.reshape(-1, self.K)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.rows:
                size = np.sqrt(np.einsum("jk,jk->j", w, w))
                away = np.linalg.norm(slope - lam * w / size[:, None], axis=1)
                at_zero = np.maximum(np.linalg.norm(slope, axis=1) - lam[:, 0], 0.0)
                return float(np.where(size == 0.0, at_zero, away).max(initial=0.0))
            at_zero = np.maximum((slope if self.positive else np.abs(slope)) - lam, 0.0)
            return float(np.where(w == 0.0, at_zero, np.abs(slope - lam * np.sign(w))).max(initial=0.0))
