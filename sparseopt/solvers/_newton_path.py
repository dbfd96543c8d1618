"""Paths for smooth losses: alpha after alpha from the last solution, the working set and its model kept."""

from __future__ import annotations

import numpy as np

from .._threads import resolve_n_threads, serial_blas
from .monitor import PathProgress
from .prox_newton import state_of
from .result import PathResult


def newton_path(problem, alphas, tol, max_iter, n_threads, callback, verbose, section):
    """Return (PathResult, whether the callback stopped it); arguments are checked already."""
    k = alphas.size
    coefs = np.zeros((k, *problem.coef_shape))
    intercepts = np.zeros((k, *problem.eta_shape[1:]))
    gaps, objectives = np.full(k, np.inf), np.full(k, np.nan)
    n_iter = done = 0
    converged = np.zeros(k, dtype=bool)
    before = section.load()
    if before is not None:
        done, n_iter = int(before["n_done"]), int(before["n_iter"])
        for name, part in dict(coefs=coefs, intercepts=intercepts, gaps=gaps, objectives=objectives).items():
            part[:done] = before[name]
        converged[:done] = before["converged"]
    facts = dict(alphas=alphas, coefs=coefs, intercepts=intercepts, gaps=gaps, objectives=objectives,
                 converged=converged, null_objective=problem.null_objective, n_restored=done)  # fmt: skip
    if done == k:
        return PathResult(n_passes=0.0, n_iter=n_iter, **facts), False
    progress = PathProgress(k, callback, verbose)
    with serial_blas():
        state = state_of(problem, resolve_n_threads(n_threads), coefs[done - 1] if done else None)
        if before is not None:
            state.resume(before)
        try:
            for i, alpha in list(enumerate(alphas))[done:]:
                n_iter += 1 + state.run(state.levels(alpha), tol, max_iter, lambda _: False)
                coefs[i] = state.w.reshape(problem.coef_shape)
                intercepts[i] = state.eta_offset()
                gaps[i], objectives[i] = state.gap / state.total, state.primal / state.total
                converged[i] = state.gap <= state.tolerated(tol)
                if not state.proven:
                    gaps[i] = np.nan
                if section.keeps:
                    section.save(
                        i + 1, final=i + 1 == k, coefs=coefs[: i + 1], intercepts=intercepts[: i + 1],
                        gaps=gaps[: i + 1], objectives=objectives[: i + 1], converged=converged[: i + 1],
                        n_iter=n_iter, **state.kept(),
                    )  # fmt: skip
                if progress(n_iter, i + 1, state.passes):
                    break
        finally:
            progress.close()
    return PathResult(n_passes=state.passes, n_iter=n_iter, **facts), progress.stopped
