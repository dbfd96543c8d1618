"""Best subsets of all sizes up to a bound, warm-started in both directions, and criteria to choose a size."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from .._threads import resolve_n_threads, serial_blas
from ..problem import Problem
from ._quadratic import Quadratic
from .best_subset import EMPTY, FINE, Candidates, Subset, as_result, best_subset, better
from .result import Result

PER_SIZE = 10  # columns that may become candidates for each size in a round
ROUNDS = 20
PERFECT = 1e-12  # a mean squared error below this share of that at zero is a perfect fit

CRITERIA = {
    "aic": lambda k, n, p: 2.0 * k,
    "bic": lambda k, n, p: k * np.log(n),
    "ebic": lambda k, n, p: k * np.log(n) + 2.0 * (gammaln(p + 1) - gammaln(k + 1) - gammaln(p - k + 1)),
}


def criterion_values(name: str, losses, null: float, n: float, p: int):
    """Return ``n log(loss) + price`` for sizes 0, 1, ...; lower is better.

    Parameters
    ----------
    name : {"aic", "bic", "ebic"}
        The extended criterion also counts how many supports of a size there are.
    losses : array-like of shape (k + 1,)
        Mean losses of the sizes.
    null : float
        Mean loss of size 0.
    n, p : float, int
        Number of samples and of features.
    """
    losses = np.maximum(np.asarray(losses, dtype=np.float64), PERFECT * null)
    if null <= 0.0:
        return np.arange(losses.size, dtype=np.float64)  # nothing to explain
    k = np.arange(losses.size, dtype=np.float64)
    return n * np.log(losses) + CRITERIA[name](k, max(n, 1.0), p)


def largest_size(n: float, p: int) -> int:
    """Return the largest size worth trying with so many samples: n / (log p log log n), at most n / 2 and p."""
    bound = n / (max(np.log(p), 1.0) * max(np.log(max(np.log(max(n, 3.0)), 1.0)), 1.0))
    return int(max(1, min(p, bound, (n - 1) // 2)))


def subset_path(candidates: Candidates, most: int) -> list[Subset]:
    """Return the best subsets found of sizes 0, 1, ..., `most` (fewer where columns depend on each other).

    Forward and backward through the sizes, with exchanges at each, on candidate columns; X is then read once for the
    residuals of all sizes together, and the columns that would gain become candidates.
    """
    q, margin = candidates.quadratic, FINE * candidates.tol
    found = [Subset(EMPTY, np.empty(0), q.null)]
    most = min(most, candidates.n_usable)
    if most == 0:
        return found
    candidates.join(q.gradient**2 / candidates.norm, max(50, 2 * most))
    for _ in range(ROUNDS):
        search = candidates.search(most)
        changed = False
        for k in (*range(1, most + 1), *range(most - 1, 0, -1)):
            search.resize(k, margin)
            if search.size != k:  # the rest depends on these
                most = search.size
                if k > most:
                    continue
            if k == len(found):
                found.append(candidates.found(search))
                changed = True
            elif search.objective() < found[k].objective - margin:
                found[k] = candidates.found(search)
                changed = True
            elif search.objective() > found[k].objective + margin:
                search.load(candidates.places(found[k].cols))
        if candidates.complete or not changed or not _join(candidates, found):
            break
    return found


def _join(candidates: Candidates, found: list[Subset]) -> int:
    """Read X once for all sizes; return how many columns became candidates."""
    q = candidates.quadratic
    R = np.empty((q.y.size, len(found) - 1), order=q.columns.block_order)
    for i, subset in enumerate(found[1:]):
        R[:, i] = candidates.residual(subset)
    C = q.columns.rmatmat(R, n_threads=q.n_threads)
    q.passes += 1.0
    return sum(candidates.join(c * c / candidates.norm, PER_SIZE) for c in C)


def solve_subset(
    problem: Problem, size, *, ridge=0.0, tol=1e-6, max_iter=100, n_threads=None, choose=None, verbose=0
) -> tuple[Result, list[Subset]]:
    """Solve for one size, or along sizes and then for the one that `choose` picks.

    Parameters
    ----------
    problem : Problem
        Squared loss; its penalty is ignored.
    size : int
        The size, or with `choose` the largest of the path.
    ridge : float, default=0.0
        Level of a ridge penalty for stability, in units of the mean loss.
    choose : callable, optional
        Takes the list of mean losses of sizes 0, 1, ... and returns a size.
    tol, max_iter, n_threads, verbose
        See :func:`sparseopt.solve`; `tol` bounds what an exchange may still gain.

    Returns
    -------
    result : Result
    path : list of Subset
        Empty without `choose`.
    """
    from .monitor import Monitor  # here for one purpose only

    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        total = problem.total_weight
        candidates = Candidates(quadratic, ridge * total, max(tol, 1e-12))
        path: list[Subset] = []
        start = EMPTY
        if choose is not None:
            path = subset_path(candidates, size)
            size = choose([mean_loss(s, candidates) for s in path])
            start = path[size].cols
        monitor = Monitor(tol, None, verbose)

        def on_round(n_iter, subset, gain, n_candidates):
            relative = min(gain / (quadratic.null or 1.0), 1.0)
            objective = subset.objective / total
            return monitor(n_iter, quadratic.passes, objective, np.nan, relative, n_candidates, None)

        try:
            subset, gain, n_iter = best_subset(candidates, size, start, max_iter=max_iter, on_round=on_round)
        finally:
            monitor.close()
        if path:
            path[size] = better(subset, path[size], 0.0)
        return as_result(quadratic, subset, gain, candidates, n_iter, monitor.history), path


def mean_loss(subset: Subset, candidates: Candidates) -> float:
    """Return the mean loss of a subset, without the ridge part."""
    ridge = 0.5 * candidates.ridge * float(subset.coef @ subset.coef)
    return max(subset.objective - ridge, 0.0) / candidates.quadratic.problem.total_weight
