"""Block coordinate descent: choose a block, move it, again."""

from __future__ import annotations

import warnings
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from ..._threads import resolve_n_threads, serial_blas
from ..._validation import check_scalar, check_seed
from ...exceptions import ConvergenceWarning, DivergenceError, IncompatibleError
from ...problem import Problem
from ..monitor import logger
from ..registry import SPREAD_ROWS, check_stopping
from . import prox_updates, rules, updates
from .partition import make_partition
from .result import BCDResult, identification
from .selection import make_selector
from .separable import as_separable
from .smooth_linear import LinearSmooth
from .smooth_multinomial import MultinomialSmooth
from .smooth_quadratic import quadratic_smooth
from .state import State

TRACKS = ("blocks", "objective", "support")
UPDATES = {
    "gradient": updates.Gradient, "backtrack": updates.Backtrack, "matrix": updates.Matrix, "newton": updates.Newton,
    "message": updates.Message, "prox-gradient": prox_updates.ProxGradient, "prox-newton": prox_updates.ProxNewton,
    "tmp": prox_updates.TwoMetric,
}  # fmt: skip


def block_coordinate_descent(
    problem, *, partition="variable", selection="auto", update="auto", block_size=None, diag="lipschitz", delta=0.25,
    max_iter=1000, tol=1e-6, init=None, random_state=None, track=(), callback=None, verbose=0, n_threads=None,
) -> BCDResult:  # fmt: skip
    """Minimise by moving one block of variables at a time, with any partition, selection and update rule.

    A workbench for research: every published combination can be run and watched. For the fastest fit of a linear model
    use its estimator, or :func:`sparseopt.solve`.

    Parameters
    ----------
    problem : Problem
        Losses on a design, or :meth:`Problem.quadratic`; penalties `L1`, `ElasticNet` and `Box` (without bounds: none).
        Several outputs are numbered by rows: variable ``j * K + k``.
    partition : str or list of index arrays, default="variable"
        "variable": any subset of `block_size` variables, a whole forest with update "message".
        "order", "random", "sort" (by Lipschitz constants), "avg" (smallest with largest), "hsort", "havg" (by row sums
        of the Hessian bound): fixed blocks of `block_size`. "groups": rows of the coefficients of several outputs.
        "colour", "forest": blocks of a sparse Hessian without neighbours, or without cycles; in the order of the
        variables, or with "-sort" by Lipschitz constants, or with "-random".
        Arrays must hold every variable once.
    selection : str, default="auto"
        Blind: "cyclic", "perm" (a new order every sweep), "random", "lipschitz". Greedy without penalty: "gs" (largest
        gradient), "gsl" (over the Lipschitz constant of the block), "gsd" (over a diagonal), "gsq" (over the Hessian
        bound of the block). Greedy with penalty: "gs-s" (subgradient), "delta-gs-s" (the same among the blocks
        touched so far, as long as others are not much better: iterates stay sparse), "gs-r" (proximal step), "gs-q"
        (decrease of the proximal step with the constant of the block, or the largest of all), "gsd-q" (with a
        diagonal). "mi": the best of all blocks. "auto": "gsd" or "gsd-q".
    update : str, default="auto"
        Without penalty: "gradient", "backtrack" (constants learnt), "matrix" (Hessian bound), "newton" (line search),
        "message" (forests). With penalty: "prox-gradient", "prox-newton", "tmp" (two-metric projection). Both: "exact".
        "auto": "matrix" for quadratics, "newton", or "tmp" with a penalty.
    block_size : int, optional
        Variables of a block (rows for "groups"); None: 1, or as many as there are where blocks have their own sizes.
    diag : {"lipschitz", "sirt"}, default="lipschitz"
        What "gsd" and "gsd-q" divide by: constants of the coordinates, or row sums of the Hessian bound.
    delta : float, default=0.25
        For "delta-gs-s", in (0, 1]: a new block needs a score of at least the best one of the old over `delta`.
    max_iter : int, default=1000
        Largest number of block updates.
    tol : float, default=1e-6
        Stop when the duality gap is at most `tol` times the objective at zero, or where no gap is known, when the
        violation is at most `tol` times that at zero. 0: run `max_iter` iterations.
    init : array-like, optional
        Where to start, of the shape of the coefficients; None: zero. Moved to the nearest feasible point.
    random_state : int, RandomState instance or None, default=None
    track : str or sequence of str, default=()
        Of "objective", "blocks" and "support", what to keep for every iteration.
    callback : callable, optional
        ``callback(coef)`` is called after every iteration; a true value stops.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each iteration (logger "sparseopt").
    n_threads : int, optional
        OpenMP threads; None: ``OMP_NUM_THREADS`` if set, else the physical cores. The result does not depend on it.

    Returns
    -------
    BCDResult
        A `Result` with ``objectives, blocks, supports, identified_at`` as tracked.

    Raises
    ------
    IncompatibleError
        When the rules do not go together or with the problem; the message says which would.
    ValueError, TypeError
        When a parameter is not what it should be.
    DivergenceError
        When the objective became infinite or NaN.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` was reached before `tol`.

    References
    ----------
    .. [1] J. Nutini, I. Laradji, M. Schmidt, "Let's make block coordinate descent converge faster", JMLR 23, 2022.
    .. [2] H. Fang, Z. Fan, Y. Sun, M. Friedlander, "Greed meets sparsity: understanding and improving greedy coordinate
       descent for sparse optimization", AISTATS, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((40, 60))
    >>> problem = so.Problem(X, X[:, :3].sum(axis=1), penalty=so.penalties.L1(alpha=0.2), fit_intercept=False)
    >>> result = so.block_coordinate_descent(problem, block_size=5, selection="gsd-q", update="tmp", track="support")
    >>> result.converged, result.supports[-1], result.identified_at
    (True, array([0, 1, 2]), 1)
    """
    track = _check_arguments(problem, max_iter, tol, track, verbose)
    check_scalar("delta", delta, Real, low=0.0, high=1.0, closed="right")
    rng = check_random_state(check_seed(random_state))
    with serial_blas():
        state, update, selector = _prepare(
            problem, partition, selection, update, block_size, diag, delta, init, rng, resolve_n_threads(n_threads)
        )
        run = _Run(problem, state, tol, track)
        progress = _progress(max_iter, verbose)
        try:
            run.loop(selector, update, max_iter, callback, progress, verbose)
        finally:
            if progress is not None:
                progress.close()
        result = run.result(f"bcd: {selection}, {type(update).__name__}")
    if tol > 0.0 and not result.converged and not run.stopped:
        run.warn(result, max_iter)
    return result


def _check_arguments(problem, max_iter, tol, track, verbose):
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem, got {type(problem).__name__}")
    if problem.ranks.several:
        raise IncompatibleError(f"block_coordinate_descent {SPREAD_ROWS}; solve() does")
    check_stopping(tol, max_iter)
    check_scalar("verbose", verbose, low=0)
    tracks = (track,) if isinstance(track, str) else tuple(track)
    for name in tracks:
        if name not in TRACKS:
            raise ValueError(f"track must be of {list(TRACKS)}, got {name!r}")
    return tracks


def _prepare(problem, partition, selection, update, block_size, diag, delta, init, rng, n_threads):
    n_features, n_outputs = _shape(problem)
    penalty = as_separable(problem.penalty, n_features, n_outputs)
    x = penalty.clip(_start(init, n_features, n_outputs))
    x[np.isinf(x)] = 0.0
    smooth = _smooth(problem, penalty.ridge, x, n_threads)
    empty = (smooth.curvature <= 0.0) & (penalty.lam > 0.0)
    if np.any(x[empty]):
        x[empty] = 0.0  # a penalised column of zeros
        smooth.refresh()
    selection, update = rules.choose(selection, update, penalty.smooth, smooth.quadratic, smooth.bounded)
    variable = isinstance(partition, str) and partition == "variable"
    rules.check(selection, update, variable, 1 if block_size is None else block_size, diag, penalty.smooth,
                smooth.bounded)  # fmt: skip
    state = State(smooth, penalty, make_partition(partition, smooth, block_size, update, rng), rng, diag)
    if update == "message":
        state.tree_blocks = variable
        _check_forests(state)
    if update == "exact":
        rule = updates.Exact(state) if penalty.smooth else prox_updates.ProxExact(state)
    else:
        rule = UPDATES[update](state)
    return state, rule, make_selector(selection, state, rule, delta)


def _shape(problem):
    shape = getattr(problem, "coef_shape", None) or (problem.design.n_features,)
    return shape[0], shape[1] if len(shape) > 1 else 1


def _start(init, n_features, n_outputs):
    if init is None:
        return np.zeros(n_features * n_outputs)
    shape = (n_features,) if n_outputs == 1 else (n_features, n_outputs)
    x = np.array(init, dtype=np.float64)
    if x.shape != shape or not np.all(np.isfinite(x)):
        raise ValueError(f"init must be finite with shape {shape}, got shape {x.shape}")
    return x.ravel()


def _smooth(problem, ridge, x, n_threads):
    name = getattr(problem.loss, "name", "")
    if name == "quadratic":
        return quadratic_smooth(problem, ridge, x)
    if name == "multinomial":
        return MultinomialSmooth(problem, ridge, x, n_threads)
    if not hasattr(problem.loss, "curvature"):
        raise IncompatibleError(f"loss {problem.loss!r} does not state its curvature (inf where it has no bound)")
    return LinearSmooth(problem, ridge, x, n_threads)


def _check_forests(state):
    dependencies = state.dependencies
    for k, b in enumerate(state.partition.blocks):
        if not dependencies.is_forest(b):
            raise IncompatibleError(
                f"update 'message' needs blocks without cycles, block {k} has one; use partition 'forest', 'colour' or "
                "'variable', or update 'matrix'"
            )


def _progress(max_iter, verbose):
    if verbose != 1:
        return None
    from tqdm.auto import tqdm

    return tqdm(total=max_iter, unit="block", desc="sparseopt", leave=False)


class _Run:
    """One run: stopping, tracking, certificate."""

    def __init__(self, problem, state: State, tol: float, track) -> None:
        self.problem, self.state, self.tol = problem, state, tol
        self.track, self.stopped, self.finished = track, False, False
        self.history: list[dict] = []
        self.objectives = [state.objective()]
        self.blocks: list = []
        self.supports = [self._support()] if "support" in track else []
        self.n_iter = 0
        self.null = float(problem.null_objective)
        self._zero = None
        self._at_start = not np.any(state.smooth.x)
        if self._at_start:
            self._zero = state.violation()

    def _support(self):
        return np.flatnonzero(~self.state.penalty.at_kink(self.state.smooth.x))

    @property
    def violation_at_zero(self) -> float:
        """Violation at zero coefficients."""
        if self._zero is None:
            self._zero = self.problem.violation(np.zeros(self.state.smooth.coef().shape))
        return self._zero

    def loop(self, selector, update, max_iter, callback, progress, verbose):
        """Iterate until the certificate is good enough, nothing can be gained, or the user stops."""
        state, smooth = self.state, self.state.smooth
        sweep = max(1, len(state.partition))
        every = 10 if selector.greedy else min(max(sweep, 10), 1000)
        refresh = max(10 * sweep, 100)
        for k in range(1, max_iter + 1):
            if state.usable.size == 0:
                break
            if k % refresh == 0:
                smooth.refresh()
            b, index, key = selector.next()
            if key is not None and not key > 0.0:
                break  # stationary: no block promises anything
            step = update.apply(b, index)
            self.n_iter = k
            objective = state.objective()
            if not np.isfinite(objective):
                raise DivergenceError(f"the objective became {objective} in iteration {k}")
            self._record(b, index, key, step, objective)
            if progress is not None:
                progress.update()
            if verbose >= 2:
                logger.info("iteration %d: objective %.12e, block of %d, step %.3g", k, objective, len(b), step)
            if callback is not None and callback(smooth.coef()):
                self.stopped = True
                break
            if self.tol > 0.0 and k % every == 0 and self._good():
                break

    def _record(self, b, index, key, step, objective):
        if "objective" in self.track:
            self.objectives.append(objective)
        if "blocks" in self.track:
            self.blocks.append(np.array(b))
        if "support" in self.track:
            self.supports.append(self._support())
        if self.track:
            self.history.append(
                dict(n_iter=self.n_iter, objective=objective, block=index, size=len(b), score=key, step=step)
            )

    def _gap(self) -> float:
        """Return the duality gap from the problem's own arithmetic, nan where none is known."""
        penalty, smooth = self.state.penalty, self.state.smooth
        if np.all(np.isfinite(penalty.low)) and np.all(np.isfinite(penalty.high)) and not np.any(penalty.lam):
            # between bounds: what a linear model promises at most
            g = smooth.gradient()
            return float(np.sum(np.maximum(g * (smooth.x - penalty.low), g * (smooth.x - penalty.high))))
        if self.state.penalty.smooth or not hasattr(self.problem.penalty, "alpha"):
            return np.nan
        return float(self.problem.duality_gap(smooth.coef()))

    def _good(self) -> bool:
        gap = self._gap()
        if np.isfinite(gap) and self.null > 0.0:
            return gap <= self.tol * self.null
        return self.state.violation() <= self.tol * self.violation_at_zero

    def result(self, solver: str) -> BCDResult:
        """Return the result with a certificate computed afresh."""
        state, smooth = self.state, self.state.smooth
        smooth.refresh()
        gap, violation = self._gap(), state.violation()
        by_gap = np.isfinite(gap) and self.null > 0.0
        if by_gap:
            converged = gap <= max(self.tol, 64 * np.finfo(float).eps) * self.null
        else:
            converged = violation <= max(self.tol, 64 * np.finfo(float).eps) * self.violation_at_zero
        coef = smooth.coef()
        return BCDResult(
            coef=coef,
            intercept=self.problem.intercept(coef),
            converged=bool(converged),
            gap=gap,
            objective=state.objective(),
            null_objective=self.null,
            violation=violation,
            n_iter=self.n_iter,
            n_passes=np.nan,
            history=self.history,
            solver=solver,
            objectives=np.array(self.objectives) if "objective" in self.track else None,
            blocks=self.blocks if "blocks" in self.track else None,
            supports=self.supports if "support" in self.track else None,
            identified_at=identification(self.supports) if "support" in self.track else None,
            violation_at_zero=self.violation_at_zero,
            relative_violation=np.nan if by_gap else violation / max(self.violation_at_zero, 1e-300),
            certificate="gap" if by_gap else "violation",
        )

    def warn(self, result, max_iter):
        """Say what was reached, what was asked, and which parameter to change."""
        if np.isfinite(result.gap) and self.null > 0.0:
            reached = f"the duality gap is {result.gap / self.null:.2e} of the objective at zero"
        else:
            reached = f"the violation is {result.violation / max(self.violation_at_zero, 1e-300):.2e} of that at zero"
        warnings.warn(
            f"did not converge: {reached}, tol={self.tol:g} was asked. Increase max_iter (now {max_iter}), block_size "
            "or tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
