"""Which solvers exist, what each accepts, and `solve`, which chooses one and only then loads its module."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._suggest import suggestion
from .._validation import check_numbers, check_scalar
from ..exceptions import IncompatibleError
from ..problem import Problem
from . import scope
from .checkpoint import next_section
from .result import Result, as_arrays, as_result

Accepts = Callable[[Problem], str | None]

_SOLVERS: dict[str, tuple[str | Callable, Accepts]] = {  # in order of preference; a module has a function solve_<name>
    "working_set": (".working_set", scope.working_set),
    "group_working_set": (".group_working_set", scope.group_working_set),
    "prox_newton": (".prox_newton", scope.prox_newton),
    "coordinate_descent": (".coordinate_descent", scope.coordinate_descent),
    "best_subset": (".best_subset", scope.best_subset),
    "prox_gradient": (".prox_gradient", scope.prox_gradient),  # takes anything
    "cvxpy": (".cvxpy_reference", scope.cvxpy),  # only when asked for by name
}
_SPREAD = {"working_set", "prox_newton", "group_working_set", "prox_gradient"}  # add up over samples through `ranks`
SPREAD_ROWS = "cannot take rows that are spread over MPI ranks"


def register(name: str, accepts: Accepts, *, spread: bool = False):
    """Register another solver under a name, to be chosen after all others.

    Parameters
    ----------
    name : str
    accepts : callable
        ``accepts(problem)`` returns None, or the reason why the solver cannot take the problem.
    spread : bool, default=False
        Whether it takes designs whose rows lie on several MPI ranks.
    """

    def decorate(function):
        _SOLVERS[name] = (function, accepts)
        (_SPREAD.add if spread else _SPREAD.discard)(name)
        return function

    return decorate


def _refusal(name: str, problem: Problem) -> str | None:
    """Say why a solver cannot take a problem, or None."""
    if name not in _SPREAD and problem.design is not None and problem.ranks.several:
        return SPREAD_ROWS
    return _SOLVERS[name][1](problem)


def available_solvers() -> list[str]:
    """Return the names of the registered solvers."""
    return sorted(_SOLVERS)


def _function(name: str) -> Callable:
    function, accepts = _SOLVERS[name]
    if isinstance(function, str):
        function = getattr(import_module(function, __package__), f"solve_{name}")
        _SOLVERS[name] = function, accepts
    return function


def solve(
    problem, solver="auto", *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0
) -> Result:
    """Solve a problem and return the solution with its certificate.

    Parameters
    ----------
    problem : Problem
    solver : str, default="auto"
        A registered name, or "auto": the first solver that accepts the problem and is fast where its data lie.
    init : array-like of shape (p,) or (p, K), optional
        Where to start; None: zero.
    tol : float, default=1e-6
        Stop when the duality gap is at most ``tol`` times the objective at zero.
    max_iter : int, default=100
        Largest number of working sets.
    n_threads : int, optional
        OpenMP threads; None: see :doc:`the conventions </conventions>`. The result does not depend on it.
    callback : callable, optional
        ``callback(coef)`` is called after every iteration; a true value stops.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each iteration (logger "sparseopt").

    Returns
    -------
    Result

    Raises
    ------
    IncompatibleError
        When the solver cannot take the problem; the message lists those that can.
    ValueError
        For an unknown solver or parameters out of range.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` was reached first.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> X, y = np.eye(4), np.array([3.0, -2.0, 0.1, 0.0])
    >>> problem = so.Problem(X, y, penalty=so.penalties.L1(alpha=0.25), fit_intercept=False)
    >>> so.solve(problem).coef
    array([ 2., -1.,  0.,  0.])
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem, got {type(problem).__name__}")
    check_stopping(tol, max_iter)
    check_watching(verbose, callback)
    name = _choose(problem, solver)
    if init is not None:
        init = np.array(check_numbers("init", init))
        if init.shape != problem.coef_shape or not np.all(np.isfinite(init)):
            raise ValueError(f"init must be finite with shape {problem.coef_shape}, got shape {init.shape}")
    section = next_section("solve", problem, tol=tol, solver=name)
    before = section.load()
    if before is not None:
        if before["final"]:
            return replace(as_result(before), n_passes=0.0)  # nothing was read
        init = before["coef"]
    if section.keeps:
        callback = _saving(section, callback)
    result, stopped = _function(name)(
        problem, init=init, tol=tol, max_iter=max_iter, n_threads=n_threads, callback=callback, verbose=verbose
    )
    if section.keeps:
        section.save(1, final=True, **as_arrays(result))
    if not result.converged and not stopped:
        by_gap = result.certificate == "gap"
        reached = result.relative_gap if by_gap else result.relative_violation
        n_iter = result.n_iter if by_gap else None
        warn_not_converged(reached, tol, max_iter, what=result.certificate, n_iter=n_iter)
    return result


def _saving(section, callback):
    def save_and_watch(coef):
        section.save(0, coef=np.array(coef))
        return callback is not None and callback(coef)

    return save_and_watch


def _choose(problem: Problem, solver) -> str:
    if solver != "auto" and solver not in _SOLVERS:
        known = ["auto", *available_solvers()]
        raise ValueError(f"unknown solver {solver!r}{suggestion(str(solver), known)}; available: {known}")
    refuse_without_design(problem)
    for name in _SOLVERS:  # the usual case, without the other solvers' reasons
        wanted = solver == name or solver == "auto" and scope.pays(name, problem)
        if wanted and name != "cvxpy" and _refusal(name, problem) is None:
            return name
    reasons = {name: _refusal(name, problem) for name in _SOLVERS}
    usable = [name for name, reason in reasons.items() if reason is None]
    if solver == "auto":
        if not usable:
            said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise IncompatibleError(f"no solver accepts this problem: {said}")
        if usable == ["cvxpy"]:
            raise IncompatibleError('only solver="cvxpy" accepts this problem, which has to be asked for by name')
        return usable[0]
    if reasons[solver] is not None:
        raise IncompatibleError(f"solver {solver!r}: {reasons[solver]}. Usable here: {usable}")
    return solver


def refuse_without_design(problem: Problem) -> None:
    """Raise IncompatibleError for a problem made by `Problem.quadratic`."""
    if problem.design is None:
        raise IncompatibleError(
            "a quadratic problem has no design, which this needs; block_coordinate_descent(problem) solves it"
        )


def check_watching(verbose, callback=None) -> None:
    """Raise unless verbose is an integer >= 0 and callback is None or can be called."""
    check_scalar("verbose", verbose, Integral, low=0)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be None or callable, got {callback!r}")


def check_stopping(tol, max_iter) -> None:
    """Raise ValueError when a stopping parameter is out of range."""
    if isinstance(tol, bool) or not isinstance(tol, (int, float, np.floating, np.integer)) or not 0 <= tol < np.inf:
        raise ValueError(f"tol must be a finite number >= 0, got {tol!r}")
    if isinstance(max_iter, bool) or not isinstance(max_iter, (int, np.integer)) or max_iter < 1:
        raise ValueError(f"max_iter must be an integer >= 1, got {max_iter!r}")


CERTIFICATES = {
    "gap": "the duality gap is {:.2e} of the objective at zero",
    "violation": "the largest violation of stationarity is {:.2e} in units of the data",
    "exchange": "an exchange of two columns would gain {:.2e} of the objective at zero",
}


def warn_not_converged(
    reached: float, tol: float, max_iter: int, where: str = "", what: str = "gap", n_iter: int | None = None
) -> None:
    """Say what was reached, what was asked, and which parameter to change.

    `n_iter` below `max_iter` says that the solver gave up because rounding errors are all that is left.
    """
    if n_iter is not None and n_iter < max_iter:
        advice = "These data allow no smaller gap in double precision: increase tol."
    else:
        advice = f"Increase max_iter (now {max_iter}) or tol."
    warnings.warn(
        f"did not converge{where}: {CERTIFICATES[what].format(reached)}, tol={tol:g} was asked. {advice}",
        ConvergenceWarning,
        stacklevel=3,
    )
