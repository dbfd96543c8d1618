"""Least squares with at most k coefficients: exact exchanges on a growing set of candidate columns.

    minimise over |supp(w)| <= k    (1 / 2 sum s) sum_i s_i (y_i - x_i'w - b)^2 + ridge/2 ||w||^2

Reading X is what costs, so the search runs on the Gram matrix of a few candidate columns:

1. on the candidates: add the best column and make the best exchange of a member for a candidate until none gains, size
   by size up to k; all gains are exact and compared together (see `_ext/_best_subset.pyx`);
2. read X for the correlations with the residual: the columns that would gain most become candidates;
3. when the support stands still, make detours: through larger and smaller sizes and back, and by forcing members out
   one or two at a time and descending from there;
4. read X once more for the exact gain of every exchange of a member for any column of X. If one gains, go on; if not,
   the support is proved to be optimal among all its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._ext._best_subset import SubsetSearch
from .._threads import resolve_n_threads, serial_blas
from ._gram_set import MAX_GRAM, GramSet
from ._quadratic import Quadratic
from .monitor import Monitor
from .result import Result

ALL = 300  # columns up to which all of X is candidate from the start
FIRST = 50  # candidates of a round, at least
DETOURS = (0.25, 0.5, 1.0, 2.0)  # sizes beyond and below k from which the search comes back, as shares of k
EVERY_SIZE = 4e9  # work up to which exchanges are made at every size on the way
KICKS = 5e7  # work for forced moves, in multiplications
FINE = 1e-3  # exchanges on candidates must gain this share of the tolerance
CHUNK = 2**22  # numbers in a working array of exact gains


@dataclass(frozen=True)
class Subset:
    """A support with its least-squares coefficients; the objective is in units of the summed loss."""

    cols: NDArray[np.intp]
    coef: NDArray[np.float64]
    objective: float


class Candidates:
    """Candidate columns and the supports found among them."""

    def __init__(self, quadratic: Quadratic, ridge: float, tol: float) -> None:
        self.quadratic, self.ridge = quadratic, ridge
        self.gram = GramSet(quadratic)
        self.tol = tol * quadratic.null
        usable = np.flatnonzero(quadratic.curvature > 0.0)
        self.n_usable = usable.size
        self.norm = np.where(quadratic.curvature > 0.0, quadratic.curvature + ridge, np.inf)
        if usable.size <= ALL:
            self.gram.add(usable)

    @property
    def complete(self) -> bool:
        """Whether every column is a candidate."""
        return len(self.gram) == self.n_usable

    def join(self, score, most: int) -> int:
        """Let the columns with the largest positive scores become candidates; return how many did."""
        score = np.where(self.gram.member, 0.0, score)
        most = min(most, MAX_GRAM - len(self.gram))
        chosen = np.flatnonzero(score > 0.0)
        if chosen.size > most:
            chosen = chosen[np.argpartition(-score[chosen], most)[: max(most, 0)]]
        before = len(self.gram)
        self.gram.add(chosen)
        return len(self.gram) - before

    def search(self, capacity: int) -> SubsetSearch:
        """Return a search over the candidates."""
        self.gram.form()
        return SubsetSearch(self.gram.matrix, self.gram.at_zero, self.quadratic.null, self.ridge, capacity)

    def places(self, cols):
        """Return the places of columns in the set."""
        where = np.full(self.quadratic.curvature.size, -1, dtype=np.intp)
        where[self.gram.cols] = np.arange(len(self.gram))
        return where[cols]

    def found(self, search: SubsetSearch) -> Subset:
        """Return the support of a search."""
        coef = search.coefficients()
        return Subset(self.gram.cols[search.support()], coef, search.objective())

    def improve(self, subset: Subset, k: int, thorough: bool) -> Subset:
        """Return a support of size k that is no worse, by exchanges and, if thorough, by detours."""
        margin, K = FINE * self.tol, max(len(self.gram), 1)
        work = 30 * max(k, 1) * K  # of one change of the support with its exchanges
        depths = sorted({2, *(int(share * k) for share in DETOURS)}) if thorough else []
        depths = [d for d in depths if d == 2 or d * work <= KICKS]
        search = self.search(k + max(depths, default=0))
        search.load(self.places(subset.cols))
        search.resize(k, margin, exchange=k * work <= EVERY_SIZE)
        search.exchange(margin)
        best = self.found(search)
        improved = thorough
        while improved:
            improved = False
            for size in [*(k + d for d in depths), *dict.fromkeys(max(k - d, 0) for d in depths)]:
                search.load(self.places(best.cols))
                search.resize(size, margin)
                search.resize(k, margin)
                if search.objective() < best.objective - margin:
                    # computed afresh: a gain that was rounding would lead in circles
                    new = better(self.found(search), best, margin)
                    improved, best = improved or new is not best, new
            search.load(self.places(best.cols))
            while search.kick(margin, int(max(min(k, 20), KICKS / work))):
                new = better(self.found(search), best, margin)
                if new is best:
                    break
                best, improved = new, True
        return best

    def residual(self, subset: Subset):
        """Return S(y - X w)."""
        return self.quadratic.problem.weighted(self.quadratic.residual(subset.cols, subset.coef))

    def exchanges(self, subset: Subset):
        """Read X once for the exact gain of every exchange with any column: (largest gain, gains by column).

        With room to spare, adding counts too.
        """
        q, cols, m = self.quadratic, subset.cols, subset.cols.size
        X = np.zeros((q.y.size, m), order=q.columns.block_order)
        q.columns.subtract(cols, -np.eye(m), X, n_threads=q.n_threads)
        R = np.empty((q.y.size, m + 1), order=q.columns.block_order)
        R[:, :m] = X if q.s is None else X * q.s[:, None]
        R[:, m] = self.residual(subset)
        P = q.columns.rmatmat(R, n_threads=q.n_threads)
        q.passes += 1.0
        # in units in which every column has norm 1, so that nothing over- or underflows
        with np.errstate(divide="ignore"):
            inverse = 1.0 / np.sqrt(self.norm)
        P[:m] *= inverse[cols, None]
        block = P[:m, cols] * inverse[cols]
        block[np.diag_indices(m)] = 1.0
        A = np.linalg.inv(0.5 * (block + block.T))
        c = P[m] * inverse
        gains = np.zeros(c.size)
        diagonal = np.diagonal(A)
        coef = subset.coef / inverse[cols]
        shift, cost = coef / diagonal, coef**2 / diagonal
        step = max(1, CHUNK // max(m, 1))
        for first in range(0, c.size, step):
            part = slice(first, first + step)
            unit = P[:m, part] * inverse[part]
            B = A @ unit
            rest = 1.0 - np.einsum("aj,aj->j", unit, B)
            for a in range(m):
                den = rest + B[a] ** 2 / diagonal[a]
                num = (c[part] + B[a] * shift[a]) ** 2
                ok = den > 1e-9
                gain = np.divide(num, den, out=np.zeros_like(num), where=ok) - cost[a]
                np.maximum(gains[part], 0.5 * gain, out=gains[part])
        gains[cols] = 0.0
        gains[~np.isfinite(self.norm)] = 0.0
        return float(gains.max(initial=0.0)), gains


def better(new: Subset, old: Subset, margin: float) -> Subset:
    """Return the subset with the lower objective, the old one unless the difference is more than `margin`."""
    return new if new.objective < old.objective - margin else old


EMPTY = np.empty(0, dtype=np.intp)


def best_subset(candidates: Candidates, k: int, start=EMPTY, *, max_iter: int = 100, on_round=None):
    """Return (Subset of size k, largest gain of an exchange, rounds)."""
    q = candidates.quadratic
    subset = Subset(start, np.empty(0), np.inf)
    k = min(k, candidates.n_usable)
    if k == 0:
        return Subset(EMPTY, np.empty(0), q.null), 0.0, 1
    candidates.gram.add(start)
    candidates.join(q.gradient**2 / candidates.norm, max(FIRST, 2 * k))
    gain, before, polished = np.inf, None, False
    for n_iter in range(1, max_iter + 1):
        subset = candidates.improve(subset, k, thorough=polished)
        if on_round is not None and on_round(n_iter, subset, gain, len(candidates.gram)):
            break
        now = frozenset(subset.cols.tolist())
        if now != before or not polished:
            polished = polished or now == before
            before = now
            if not candidates.complete:
                c = q.products(candidates.residual(subset))
                candidates.join(c * c / candidates.norm, max(FIRST, k))
                continue
            if not polished:
                polished = True
                continue
        gain, gains = candidates.exchanges(subset)
        if gain <= candidates.tol or candidates.join(gains - candidates.tol, max(FIRST, k)) == 0:
            break
    return subset, gain, n_iter


def solve_best_subset(
    problem, *, init=None, tol=1e-6, max_iter=100, n_threads=None, callback=None, verbose=0, ridge=0.0
):  # fmt: skip
    """Find a support that no exchange of a member improves; return (Result, whether the callback stopped it)."""
    monitor = Monitor(tol, callback, verbose)
    total, p = problem.total_weight, problem.design.n_features
    with serial_blas():
        quadratic = Quadratic(problem, resolve_n_threads(n_threads))
        candidates = Candidates(quadratic, ridge * total, max(tol, 1e-12))
        scale = quadratic.null if quadratic.null > 0.0 else 1.0
        start = EMPTY if init is None else np.flatnonzero(problem.penalty.prox(init))

        def on_round(n_iter, subset, gain, size):
            relative = min(gain / scale, 1.0)
            return monitor(
                n_iter, quadratic.passes, subset.objective / total, np.nan, relative, size, spread(subset, p)
            )

        try:
            subset, gain, n_iter = best_subset(
                candidates, problem.penalty.n_nonzero_coefs, start, max_iter=max_iter, on_round=on_round
            )
        finally:
            monitor.close()
    return as_result(quadratic, subset, gain, candidates, n_iter, monitor.history), monitor.stopped


def spread(subset: Subset, p: int):
    """Return the coefficients as a vector of length p."""
    w = np.zeros(p)
    w[subset.cols] = subset.coef
    return w


def as_result(quadratic: Quadratic, subset: Subset, gain: float, candidates: Candidates, n_iter: int, history):
    """Return a subset as a `Result`, with the gradient on the support computed from X."""
    problem, total = quadratic.problem, quadratic.problem.total_weight
    w = spread(subset, problem.design.n_features)
    violation = 0.0
    if subset.cols.size:
        c = quadratic.products(candidates.residual(subset), np.ascontiguousarray(subset.cols))
        violation = float(np.abs(c - candidates.ridge * subset.coef).max()) / total
    scale = quadratic.null if quadratic.null > 0.0 else 1.0
    return Result(
        coef=w,
        intercept=problem.y_offset - float(quadratic.means @ w),
        converged=gain <= candidates.tol,
        gap=np.nan,
        objective=max(subset.objective, 0.0) / total,
        null_objective=quadratic.null / total,
        violation=violation,
        n_iter=n_iter,
        n_passes=quadratic.passes,
        history=history,
        solver="best_subset",
        relative_violation=gain / scale,
        certificate="exchange",
    )
