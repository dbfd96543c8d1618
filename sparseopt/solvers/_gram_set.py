"""A growing set of columns on which any alpha is solved, through its Gram matrix or through the columns themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._ext._gram_lasso import GramLasso
from .._ext._residual_lasso import ResidualLasso
from ._quadratic import Quadratic

MAX_GRAM = 6000  # columns whose Gram matrix is ever formed (288 MB)
MAX_SUPPORT = 4000  # largest support solved by one Cholesky factorization
ROUNDS_PER_CALL = 100  # bounded work, so that Ctrl-C and callbacks get their turn
SWEEPS_PER_CALL = 200
PATIENCE = 1000  # sweeps over columns before the Gram matrix is tried instead

# Rough costs in nanoseconds, to choose between the two ways. Only their ratios matter; measured on x86-64.
NS_SPARSE = 2.5  # a stored entry in a sweep (read for the product and written for the update)
NS_DENSE = 0.4  # the same for a dense entry
NS_MEETING = 1.2  # two stored entries meeting in a row, for a sparse Gram matrix
NS_GEMM = 0.05  # one multiplication and addition in matrix-matrix work
NS_AXPY = 0.15  # one in a vector update on the Gram matrix
NS_ROUND = 2e5  # a round on a working set beside its reading of X
TYPICAL_SWEEPS = 60


def gram_is_cheaper(stored: int, n_samples: int, k: int, old: int, n_support: int) -> bool:
    """Estimate whether k sparse columns are solved faster on a Gram matrix, `old` of whose columns are there."""
    by_columns = TYPICAL_SWEEPS * NS_SPARSE * (stored + 4.0 * k)
    build = NS_MEETING * stored * max(stored / max(n_samples, 1), 1.0) * (k - old) / max(k, 1)
    support = max(n_support, k // 3)
    by_gram = build + 2.0 * k * (k - old) + 20 * NS_AXPY * support * k + NS_GEMM * support**3 / 1.5
    return by_gram < by_columns


def small_gram(n_samples: int, n_features: int) -> bool:
    """Whether the Gram matrix of all of a dense X takes less time than one more round on a part of it."""
    return NS_GEMM * n_samples * n_features**2 / 2 < NS_ROUND + NS_DENSE * n_samples * n_features


class GramSet:
    """Columns seen so far, in order of arrival, with G = X'SX and the gradient at zero X'Sy.

    Attributes
    ----------
    cols : ndarray of intp
        The columns.
    member : ndarray of bool, shape (p,)
    solver : GramLasso
        Counts its rounds, factorizations and updates of the factor.
    sweeps : int
        Sweeps over columns.
    """

    def __init__(self, quadratic: Quadratic) -> None:
        self.quadratic = quadratic
        self.cols: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.member = np.zeros(quadratic.curvature.size, dtype=bool)
        self.at_zero = np.empty(0)
        self._memory = np.empty(0)
        self._gram = np.empty((0, 0))
        self._formed = 0  # leading columns whose Gram block is there
        self.formed_at: list[int] = []  # arrivals at which it was brought up to date
        self._slow = False  # sweeps over the columns have proved slow
        self._taken = None  # the columns gathered for sweeps
        self.solver = GramLasso(MAX_SUPPORT)
        self.sweeps = 0

    def __len__(self) -> int:
        return self.cols.size

    def add(self, new: NDArray[np.intp]) -> None:
        """Append columns that are not members yet; constant columns are left out."""
        q = self.quadratic
        self._append(np.sort(new[~self.member[new] & (q.curvature[new] > 0.0)]))

    def _append(self, new) -> None:
        if new.size:
            self.cols = np.concatenate([self.cols, new])
            self.member[new] = True
            self.at_zero = self.quadratic.gradient[self.cols]

    @property
    def arrived(self):
        """What was added, in order of arrival."""
        return self.cols

    def arrive_again(self, arrived, formed_at) -> None:
        """Become what another set was, by the same products of blocks and so with the same rounding."""
        for stop in formed_at:
            self._append(arrived[self.arrived.size : stop])
            self.form()
        self._append(arrived[self.arrived.size :])

    @property
    def matrix(self):
        """The Gram matrix in a corner of a larger array, as kernels take it; see `form`."""
        return self._gram

    @property
    def n_formed(self) -> int:
        """How many leading columns have their Gram matrix there."""
        return self._formed

    @property
    def formed(self) -> bool:
        """Whether the Gram matrix of all columns is there."""
        return self._formed == self.cols.size

    def form(self) -> None:
        """Bring the Gram matrix up to date with the columns."""
        q, old, total = self.quadratic, self._formed, self.cols.size
        if old == total:
            return
        if total > self._gram.shape[0]:
            self._grow(min(total + max(64, total // 10), q.curvature.size))
        q.columns.extend_gram(self.cols, old, q.s, self._gram, n_threads=q.n_threads)
        q.count(self.cols)
        self._formed = total
        self.formed_at.append(self.arrived.size)

    def _grow(self, capacity: int) -> None:
        """Make room in place: a second matrix beside the first would double the peak of a fit's memory."""
        before, old, flat = self._gram.shape[0], self._formed, self._memory
        self._gram = np.empty((0, 0))
        flat.resize(capacity * capacity, refcheck=False)
        for row in range(old - 1, 0, -1):
            flat[row * capacity : row * capacity + old] = flat[row * before : row * before + old]
        self._gram = flat.reshape(capacity, capacity)

    def prefers_gram(self, n_support: int) -> bool:
        """Estimate whether solving through the Gram matrix is cheaper than sweeping over the columns."""
        q, k, old = self.quadratic, self.cols.size, self._formed
        design = q.problem.design
        if not design.sweeps:
            return True
        if k > MAX_GRAM:
            return False
        if not design.is_sparse or self._slow:
            return True
        stored = design.column_counts(self.cols)
        return gram_is_cheaper(stored, design.n_samples, k, old, n_support)

    def gather(self):
        """Return the columns as kernels sweep them, and their places: sparse ones are read once and kept together."""
        q = self.quadratic
        if not q.problem.design.is_sparse:
            q.count(self.cols)  # in memory anyway
            return q.columns, self.cols
        if self._taken is None or self._taken.n_cols < self.cols.size:
            self._taken = q.columns.take(self.cols)
            q.count(self.cols)
        return self._taken, np.arange(self.cols.size)

    def dual_point(self, w):
        """Return S(y - X w) for coefficients of the members."""
        columns, places = self.gather()
        support = np.flatnonzero(w)
        r = self.quadratic.residual(places[support], w[support], columns)
        return self.quadratic.problem.weighted(r)

    def gradient(self, w):
        """Return X'S(y - X w) on the set, from the Gram matrix."""
        support = np.flatnonzero(w)
        if support.size == 0:
            return self.at_zero.copy()
        return self.at_zero - w[support] @ self._gram[support, : self.cols.size]

    def levels(self, lam):
        """Return one L1 level per member."""
        return np.full(self.cols.size, float(lam)) if np.ndim(lam) == 0 else np.ascontiguousarray(lam[self.cols])

    def solve(self, w, lam, mu: float, positive: bool, tol: float, theta=None) -> float:
        """Minimise over the set from w, in place; return the gap of the problem restricted to it.

        `lam` is one level or one per column of X; `tol` is absolute, in units of the summed loss; `theta` = S(y - X w)
        is needed when columns are swept (None: the Gram matrix is used).
        """
        # columns without a level must be fitted exactly: Newton does
        free = mu == 0.0 and np.ndim(lam) > 0 and bool(np.any(lam[self.cols] == 0.0))
        if theta is None or (free and self.cols.size <= MAX_GRAM) or self.prefers_gram(int(np.count_nonzero(w))):
            return self.solve_by_gram(w, lam, mu, positive, tol)[0]
        gap = self._solve_by_columns(w, lam, mu, positive, tol, theta)
        if gap > tol and self._slow and self.cols.size <= MAX_GRAM:
            return self.solve_by_gram(w, lam, mu, positive, tol)[0]
        return gap

    def solve_by_gram(self, w, lam, mu: float, positive: bool, tol: float, max_rounds: int = 10_000):
        """Minimise on the Gram matrix; return (gap, gradient, r'Sr)."""
        self.form()
        q = self.gradient(w)
        rr = 2.0 * self.quadratic.null - float(w @ (q + self.at_zero))
        levels = self.levels(lam)
        gap, left = np.inf, max_rounds
        while left > 0:
            rr, gap, rounds = self.solver.solve(
                self._gram, w, q, levels, mu, positive, rr, tol, min(ROUNDS_PER_CALL, left)
            )
            left -= rounds
            if gap <= tol or rounds < ROUNDS_PER_CALL:
                break
        return gap, q, rr

    def _solve_by_columns(self, w, lam, mu, positive, tol, theta) -> float:
        q = self.quadratic
        columns, places = self.gather()
        state = ResidualLasso(
            columns, places, q.curvature[self.cols], self.levels(lam), mu, positive, q.s, q.mass(columns, places), w,
            np.array(theta),
        )
        gap, total = np.inf, 0
        while total < 10 * PATIENCE:
            gap, sweeps, stalled = state.run(tol, SWEEPS_PER_CALL)
            total += sweeps
            if gap <= tol or stalled:
                break
            if total >= PATIENCE and self.cols.size <= MAX_GRAM:
                self._slow = True
                break
        self.sweeps += total
        return gap
