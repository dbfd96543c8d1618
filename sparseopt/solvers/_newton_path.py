"""Paths for smooth losses: alpha after alpha from the last solution, the working set and its model kept."""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from ._smooth_state import FLOOR
from .monitor import PathProgress
from .prox_newton import ProxNewton
from .result import PathResult


def newton_path(problem, alphas, tol, max_iter, n_threads, callback, verbose):
    """Return (PathResult, whether the callback stopped it); arguments are checked already."""
    k = alphas.size
    coefs = np.zeros((k, *problem.coef_shape))
    intercepts = np.zeros((k, *problem.eta_shape[1:]))
    gaps, objectives = np.full(k, np.inf), np.full(k, np.nan)
    n_iter = 0
    converged = np.zeros(k, dtype=bool)
    progress = PathProgress(k, callback, verbose)
    with serial_blas():
        state = ProxNewton(problem, resolve_n_threads(n_threads))
        try:
            for i, alpha in enumerate(alphas):
                n_iter += 1 + state.run(problem.levels(alpha), tol, max_iter, lambda _: False)
                coefs[i] = state.w.reshape(problem.coef_shape)
                intercepts[i] = state.eta_offset()
                gaps[i], objectives[i] = state.gap / state.total, state.primal / state.total
                converged[i] = state.gap <= max(tol, FLOOR) * state.null
                if not state.proven:
                    gaps[i] = np.nan
                if progress(n_iter, i + 1, state.passes):
                    break
        finally:
            progress.close()
    result = PathResult(
        alphas=alphas, coefs=coefs, intercepts=intercepts, gaps=gaps, objectives=objectives, converged=converged,
        null_objective=state.null / state.total, n_passes=state.passes, n_iter=n_iter,
    )  # fmt: skip
    return result, progress.stopped
