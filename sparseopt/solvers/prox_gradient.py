"""Any smooth loss with any penalty, also those a user writes in plain Python: proximal gradient on working sets.

A penalty needs `value` and `prox`, a loss `values` and `gradient`; products with X are compiled. What they state in
addition is used: `distance` (of the penalty) for certificates, `separable = "coordinate"` for working sets, `convex`
for certificates that need no proximal step, `curvature` (of the loss) for the first step length, and the conjugates of
both for a duality gap, which then meets the tolerance too unless steps are lost in rounding before. Steps are
accelerated, with restarts, and found by backtracking; the objective never rises.
"""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from ..exceptions import DivergenceError, InvalidProblemError
from ._composite_set import Composite, Steps, by_feature
from .monitor import Monitor
from .result import Result

FIRST_SET = 100  # columns that may join in a round, at least; at most as many as are in use
STEPS = 2000  # steps in a round
INNER_SHARE = 0.1  # a working set is solved to this share of the violation
FEWER = 0.9  # a round that leaves more than this share of the gap is lost in rounding


def solve_prox_gradient(problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0):
    """Find a stationary point; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    with serial_blas():
        if not np.isfinite(problem.null_objective):
            problem.check_range()
        c = Composite(problem, resolve_n_threads(n_threads))
        p = c.norms.size
        b0 = np.asarray(problem.y_offset, dtype=np.float64)
        flat = np.array(np.broadcast_to(b0, problem.eta_shape))
        u = c.slope(flat)
        g = c.gradient(u)
        _refuse(c, u, g)
        scale = float(np.abs(g).max(initial=0.0))
        scale = scale if scale > 0.0 else 1.0
        step = 1.0 / (c.bend(flat) * max(float(c.norms.max(initial=0.0)), 1e-300))
        w = np.zeros(problem.coef_shape)
        if init is None and not np.isfinite(c.penalty.value(w)):  # bounds that leave zero out
            init = w
        if init is not None:  # as near as the domain of the penalty allows
            w = np.asarray(c.penalty.prox(init, 1e-12 * step), dtype=np.float64)
        b = b0 + c.means @ w
        steps = Steps(c, w, b0 if init is None else b, flat if init is None else c.predict(w, b), step)
        working = getattr(c.penalty, "separable", None) == "coordinate"
        member = np.zeros(p, dtype=bool) if working else np.ones(p, dtype=bool)
        member |= by_feature(steps.w != 0.0)
        level, gap, best = tol * scale, np.nan, None
        try:
            for n_iter in range(max_iter + 1):
                u = c.slope(steps.eta)
                g = c.gradient(u)
                violations = c.violations(steps.w, g, steps.step)
                violations[c.norms == 0.0] = 0.0
                slope = problem.ranks.total(u.sum(axis=0)) if problem.fit_intercept else 0.0
                loose = float(np.abs(slope).max() * np.sqrt(c.norms.mean()))
                worst = max(float(violations.max(initial=0.0)), loose)
                relative = worst / scale
                size = int(np.count_nonzero(member))
                stop = monitor(n_iter, c.passes, steps.value, gap, min(relative, 1.0), size, steps.w)
                last = stop or n_iter == max_iter
                if relative <= tol or last or best:  # before that a gap would only cost passes
                    gap = _duality_gap(c, steps)
                    wide = gap > tol * problem.null_objective
                    if best and wide and (gap > FEWER * best[0] or last and relative > tol):
                        gap, worst, steps.w, steps.b, steps.value = best
                        relative = worst / scale
                        break
                    if last or not wide:
                        break
                    best = gap, worst, steps.w, steps.b, steps.value
                    level = min(level, INNER_SHARE * worst)
                _join(member, violations, level, int(np.count_nonzero(by_feature(steps.w != 0.0))))
                cols = np.flatnonzero(member & (c.norms > 0.0))
                steps.run(cols, max(0.5 * level, INNER_SHARE * worst), STEPS)
        finally:
            monitor.close()
        if not np.isfinite(steps.value):
            raise DivergenceError(f"the objective became {steps.value} with {problem.loss!r} and {problem.penalty!r}")
    proven = gap <= tol * problem.null_objective
    by_gap = proven or not (np.isnan(gap) or relative <= tol)
    result = Result(
        coef=steps.w,
        intercept=float(b) if np.ndim(b := steps.b - c.means @ steps.w) == 0 else b,
        converged=proven or relative <= tol,
        gap=gap,
        objective=steps.value,
        null_objective=problem.null_objective,
        violation=worst,
        n_iter=max(n_iter, 1),
        n_passes=c.passes,
        history=monitor.history,
        solver="prox_gradient",
        relative_violation=np.nan if by_gap else relative,
        certificate="gap" if by_gap else "violation",
    )
    return result, monitor.stopped


def _duality_gap(c: Composite, steps) -> float:
    """Return the gap at the point reached, nan where none is known."""
    gap = c.problem.duality_gap(steps.w, steps.b - c.means @ steps.w)
    if not np.isnan(gap):
        c.count(np.flatnonzero(by_feature(steps.w != 0.0)))
        c.passes += 1.0
    return gap


def _join(member, violations, level: float, n_used: int) -> None:
    """Let the columns that violate stationarity most become members, in place."""
    outside = np.flatnonzero((violations > level) & ~member)
    most = max(FIRST_SET, n_used)
    if outside.size > most:
        outside = outside[np.argpartition(-violations[outside], most)[:most]]
    member[outside] = True


def _refuse(c: Composite, u, g) -> None:
    """Raise when the loss or X is not finite."""
    if c.problem.ranks.any(not np.all(np.isfinite(u))):
        raise InvalidProblemError(f"the gradient of {c.loss!r} at a constant prediction is not finite")
    if not np.all(np.isfinite(g)) or not np.all(np.isfinite(c.norms)):
        j = int(np.argmin(np.isfinite(by_feature(g)) & np.isfinite(c.norms)))
        raise InvalidProblemError(f"Input X contains NaN, infinity or a value too large, in column {j}")
