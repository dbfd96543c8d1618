"""Solutions along a grid of alphas, by the solver that fits the problem."""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from .._validation import check_flag
from ..exceptions import IncompatibleError
from ..problem import Problem
from ..problem.penalties import L1
from . import scope
from ._quadratic import Quadratic
from .batch_path import BatchPath, highest_alpha
from .checkpoint import next_section
from .grid import alpha_grid, check_grid, default_eps
from .monitor import PathProgress
from .registry import SPREAD_ROWS, check_stopping, check_watching, refuse_without_design, warn_not_converged
from .result import PathResult


def solve_path(
    problem, alphas=None, *, n_alphas=100, eps=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0
) -> PathResult:
    """Solve a problem for every alpha of a grid; the alpha of its penalty is ignored.

    Parameters
    ----------
    problem : Problem
        Any loss with a conjugate and an L1, elastic-net or row-group penalty, those of this package also with penalties
        on groups; squared loss also with separable penalties that are not convex.
    alphas : array-like of shape (k,), optional
        Positive and strictly decreasing. Default: `n_alphas` values from the smallest alpha with zero
        coefficients down to `eps` times that.
    n_alphas : int, default=100
    eps : float, optional
        Default: 1e-2 when n < p, else 1e-3.
    tol : float, default=1e-6
        Every alpha ends with a duality gap of at most ``tol`` times the objective at zero.
    max_iter : int, default=100
        Largest number of rounds of certification, one reading of X each.
    n_threads : int, optional
        OpenMP threads. The result does not depend on it.
    callback : callable, optional
        ``callback(n_done)`` is called after every round; a true value stops.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each round.

    Returns
    -------
    PathResult

    Warns
    -----
    ConvergenceWarning
        When some alpha was not certified within `max_iter` rounds.
    """
    check_stopping(tol, max_iter)
    refuse_without_design(problem)
    alphas = check_grid(alphas, n_alphas, eps)
    eps = default_eps(problem) if eps is None else eps
    if scope.working_set(problem) is None or scope.group_working_set(problem) is None:
        result, stopped = _quadratic_path(problem, alphas, n_alphas, eps, tol, max_iter, n_threads, callback, verbose)
    elif scope.coordinate_descent(problem) is None:
        if problem.ranks.several:
            raise IncompatibleError(f"paths of {problem.penalty!r} {SPREAD_ROWS}")
        from .separable_path import solve_separable_path

        return solve_separable_path(problem, alphas, n_alphas, eps, tol, max_iter, n_threads, callback, verbose)
    elif scope.prox_newton(problem) is None:
        from ._newton_path import newton_path

        grid = alpha_grid(problem.alpha_max(), n_alphas, eps) if alphas is None else alphas
        section = next_section("path", problem, first=grid[0], last=grid[-1], alphas=grid.size, tol=tol)
        result, stopped = newton_path(problem, grid, tol, max_iter, n_threads, callback, verbose, section)
    else:
        reasons = [accepts(problem) for accepts in (scope.working_set, scope.group_working_set, scope.prox_newton)]
        raise IncompatibleError(f"solve_path: {'; or '.join(map(str, reasons))}")
    if not result.converged.all() and not stopped:
        reached = np.nanmax(result.gaps) / (result.null_objective or 1.0)
        warn_not_converged(
            reached, tol, max_iter, f" for {np.sum(~result.converged)} of {result.alphas.size} alphas"
        )
    return result


def _quadratic_path(problem, alphas, n_alphas, eps, tol, max_iter, n_threads, callback, verbose):
    """Solve a path with squared loss; return (PathResult, whether the callback stopped it)."""
    total, by_columns = problem.total_weight, scope.working_set(problem) is None
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        if alphas is None:
            highest = highest_alpha(quadratic) if by_columns else problem.alpha_max()
            alphas = alpha_grid(highest, n_alphas, eps)
        path = _kind_of_path(by_columns)(quadratic, alphas, tol)
        progress = PathProgress(alphas.size, callback, verbose)
        try:
            section = next_section("path", problem, first=alphas[0], last=alphas[-1], alphas=alphas.size, tol=tol)
            n_iter = path.run(max_iter, lambda n_iter, n_done: progress(n_iter, n_done, quadratic.passes), section)
        finally:
            progress.close()
    coefs = path.all_coefs()
    result = PathResult(
        alphas=alphas,
        coefs=coefs,
        intercepts=problem.y_offset - np.tensordot(coefs, quadratic.means, (1, 0)),
        gaps=path.gaps / total,
        objectives=path.primals / total,
        converged=path.gaps <= path.target,
        null_objective=quadratic.null / total,
        n_passes=quadratic.passes,
        n_iter=n_iter,
        n_restored=section.before,
    )
    return result, progress.stopped


def _kind_of_path(by_columns: bool):
    if by_columns:
        return BatchPath
    from .group_path import GroupPath

    return GroupPath


def solution_path(
    X,
    y,
    *,
    loss="squared",
    penalty=None,
    alphas=None,
    n_alphas=100,
    eps=None,
    fit_intercept=True,
    sample_weight=None,
    tol=1e-6,
    max_iter=100,
    n_threads=None,
    verbose=0,
) -> PathResult:
    """Compute solutions along a grid of alphas, each with its own duality gap.

    Parameters
    ----------
    X : array-like, sparse matrix or Design of shape (n, p)
    y : array-like of shape (n,) or (n, K)
    loss : str or loss object, default="squared"
    penalty : penalty object, optional
        Its alpha is ignored. Default: ``L1()``.
    alphas : array-like of shape (k,), optional
        Positive and strictly decreasing. Default: `n_alphas` values from the smallest alpha with zero
        coefficients down to `eps` times that.
    n_alphas : int, default=100
    eps : float, optional
        Default: 1e-2 when n < p, else 1e-3.
    fit_intercept : bool, default=True
    sample_weight : array-like of shape (n,), optional
    tol : float, default=1e-6
        Every alpha ends with a duality gap of at most ``tol`` times the objective at zero.
    max_iter : int, default=100
        Largest number of rounds of certification, one reading of X each.
    n_threads : int, optional
        OpenMP threads. The result does not depend on it.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each round (logger "sparseopt").

    Returns
    -------
    PathResult

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 200))
    >>> path = so.solution_path(X, X[:, :3] @ [3.0, -2.0, 1.0], n_alphas=20)
    >>> path.coefs.shape, bool(path.converged.all())
    ((20, 200), True)
    """
    check_watching(verbose)
    check_flag("fit_intercept", fit_intercept)
    problem = Problem(X, y, loss=loss, penalty=L1() if penalty is None else penalty, sample_weight=sample_weight,
                      fit_intercept=fit_intercept)
    return solve_path(
        problem, alphas, n_alphas=n_alphas, eps=eps, tol=tol, max_iter=max_iter, n_threads=n_threads, verbose=verbose
    )
