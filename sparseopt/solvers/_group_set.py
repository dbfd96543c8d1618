"""A growing set of groups of columns on which any alpha is solved, through its Gram matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._ext._gram_group import GramGroup
from .._ext._group_blocks import GroupBlocks
from .._ext._residual_group import ResidualGroup
from ..problem.penalties._groups import Groups
from ._gram_set import MAX_GRAM, NS_DENSE, NS_GEMM, NS_MEETING, NS_SPARSE, GramSet, small_gram
from ._quadratic import Quadratic

MAX_NEWTON = 4000  # largest number of coordinates solved by one Cholesky factorization
ROUNDS_PER_CALL = 100  # bounded work, so that Ctrl-C and callbacks get their turn
MAX_SWEEPS = 20_000
TYPICAL_SWEEPS = 60
STRIDED = 8.0  # a column of a matrix stored by rows costs so many times more to sweep over
USUAL = 200  # coefficients are of usual size between 2^-200 and 2^200
CHUNK = 128  # columns whose Gram matrix is formed at a time, for the blocks of groups on its diagonal


class GroupSet(GramSet):
    """Groups seen so far, in order of arrival; the columns of a group lie together.

    Constant columns stay out, so that a group may be smaller here than in the penalty.

    Attributes
    ----------
    numbers : ndarray of intp
        The groups.
    member : ndarray of bool, shape (n_groups,)
    at_zero : ndarray of shape (n_outputs, k)
        X'SY for the columns of the set.
    """

    def __init__(self, quadratic: Quadratic, groups: Groups) -> None:
        super().__init__(quadratic)
        self.groups = groups
        self.member = np.zeros(len(groups), dtype=bool)
        self.numbers: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._sizes: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._known = 0  # groups whose blocks are there
        self.n_outputs = quadratic.gradient.shape[0] if quadratic.gradient.ndim == 2 else 1
        self.at_zero = np.empty((self.n_outputs, 0))
        self.blocks = GroupBlocks()
        self.units = _units(quadratic)
        self.solver = GramGroup(self.n_outputs, MAX_NEWTON)

    def add(self, new: NDArray[np.intp]) -> None:
        """Append groups that are not members yet; groups of constant columns only are left out."""
        self._append(np.sort(new[~self.member[new]]))

    @property
    def arrived(self):
        """What was added, in order of arrival."""
        return self.numbers

    def _append(self, new) -> None:
        if new.size == 0:
            return
        q = self.quadratic
        cols = self.groups.members(new)
        cols = cols[q.curvature[cols] > 0.0]
        sizes = np.bincount(self.groups.of[cols], minlength=len(self.groups))[new]
        new, sizes = new[sizes > 0], sizes[sizes > 0]
        if new.size:
            self.cols = np.concatenate([self.cols, cols])
            self.numbers = np.concatenate([self.numbers, new])
            self._sizes = np.concatenate([self._sizes, sizes])
            self.member[new] = True
            self.at_zero = np.atleast_2d(q.gradient)[:, self.cols]

    def decompose(self) -> None:
        """Bring the eigen-decompositions of the groups' own blocks of the Gram matrix up to date."""
        q, sizes = self.quadratic, self._sizes[self._known :]
        if sizes.size == 0:
            return
        if not q.problem.design.sweeps:  # one message for all, which the Gram matrix needs anyway
            self.form()
        start, at = self.cols.size - int(sizes.sum()), 0
        if not self.formed and not q.problem.design.is_sparse:
            self.blocks.extend_columns(q.columns, self.cols[start:], sizes, q.s)
            self._known = self.numbers.size
            return
        packed = np.empty(int(np.sum(sizes * sizes)))
        for part in _chunks(sizes, self.cols.size if self.formed else CHUNK):
            width = int(part.sum())
            if self.formed:
                G = self._gram[start : start + width, start : start + width]
            else:
                G = np.empty((width, width))
                q.columns.extend_gram(self.cols[start : start + width], 0, q.s, G)
            start, a = start + width, 0
            for m in part:
                packed[at : at + m * m] = G[a : a + m, a : a + m].ravel()
                a, at = a + m, at + m * m
        self.blocks.extend(sizes, packed)
        self._known = self.numbers.size

    def prefers_gram(self, n_support: int) -> bool:
        """Estimate whether solving through the Gram matrix is cheaper than sweeping over the columns."""
        q, k, old = self.quadratic, self.cols.size, self._formed
        design, support = q.problem.design, max(n_support, k // 3)
        if not design.sweeps or (not design.is_sparse and small_gram(design.n_total, design.n_features)):
            return True  # the same steps however a small design is spread over ranks
        if k > MAX_GRAM:
            return False
        stored = design.column_counts(self.cols)
        sweep = NS_SPARSE if design.is_sparse else NS_DENSE / 2
        if getattr(q.columns, "by_rows", False):
            sweep *= STRIDED
        by_columns = TYPICAL_SWEEPS * sweep * self.n_outputs * stored * support / max(k, 1)
        if design.is_sparse:
            build = NS_MEETING * stored * max(stored / max(design.n_samples, 1), 1.0) * (k - old) / max(k, 1)
        else:
            build = NS_GEMM * design.n_samples * k * (k - old)
        newton = NS_GEMM * support**3 / 1.5 + 20 * self.n_outputs * NS_GEMM * support * k
        return build + newton < by_columns

    def gradient(self, w):
        """Return X'S(Y - X W) on the set, from the Gram matrix."""
        support = np.flatnonzero(np.any(w != 0.0, axis=0))
        if support.size == 0:
            return self.at_zero.copy()
        return self.at_zero - w[:, support] @ self._gram[support, : self.cols.size]

    def levels(self, lam):
        """Return the level of each member."""
        return np.ascontiguousarray(lam[self.numbers], dtype=np.float64)

    def solve_groups(self, w, l1: float, lam, mu: float, tol: float, theta=None) -> float:
        """Minimise over the set from w of shape (n_outputs, k), in place; return the gap of the restricted problem.

        `theta` = S(Y - X W) is needed when columns are swept (None: the Gram matrix is used).
        """
        if self.cols.size == 0:
            return 0.0
        # groups without a level must be fitted exactly: Newton does
        free = mu == 0.0 and l1 == 0.0 and self.cols.size <= MAX_GRAM and bool(np.any(lam[self.numbers] == 0.0))
        by_gram = theta is None or free or self.units is not None
        by_gram = by_gram or self.prefers_gram(int(np.count_nonzero(np.any(w != 0.0, axis=0))))
        if by_gram:
            self.form()  # which has the groups' own blocks
        self.decompose()
        if by_gram:
            return self._solve_groups_by_gram(w, l1, lam, mu, tol)
        gap = self._solve_groups_by_columns(w, l1, lam, mu, tol, theta)
        if gap > tol and self.cols.size <= MAX_GRAM:
            return self._solve_groups_by_gram(w, l1, lam, mu, tol)
        return gap

    def _solve_groups_by_gram(self, w, l1, lam, mu, tol) -> float:
        self.form()
        q = self.gradient(w)
        rr = 2.0 * self.quadratic.null - float(np.sum(w * (q + self.at_zero)))
        levels, matrix, blocks = self.levels(lam), self._gram, self.blocks
        if self.units is None:
            return self._descend(matrix, blocks, w, q, levels, l1, mu, rr, tol)
        x, y = self.units
        k = self.cols.size
        matrix, blocks, start = np.ldexp(matrix[:k, :k], -2 * x), GroupBlocks(), 0
        parts = []
        for m in self._sizes:
            parts.append(matrix[start : start + m, start : start + m].ravel())
            start += m
        blocks.extend(self._sizes, np.concatenate(parts))
        v = np.ldexp(w, x - y)
        gap = self._descend(
            matrix, blocks, v, np.ldexp(q, -x - y), np.ldexp(levels, -x - y), np.ldexp(l1, -x - y),
            np.ldexp(mu, -2 * x), np.ldexp(rr, -2 * y), np.ldexp(tol, -2 * y),
        )  # fmt: skip
        w[:] = np.ldexp(v, y - x)
        return float(np.ldexp(gap, 2 * y))

    def _descend(self, matrix, blocks, w, q, levels, l1, mu, rr, tol) -> float:
        gap, total, done = np.inf, 0, False
        while total < MAX_SWEEPS and gap > tol and not done:
            rr, gap, rounds, done = self.solver.solve(matrix, blocks, w, q, levels, l1, mu, rr, tol, ROUNDS_PER_CALL)
            total += rounds
        return gap

    def _solve_groups_by_columns(self, w, l1, lam, mu, tol, theta) -> float:
        q = self.quadratic
        theta = np.array(np.atleast_2d(theta.T), order="C")
        state = ResidualGroup(
            q.columns, self.cols, self.blocks, self.levels(lam), l1, mu, q.s, q.mass(q.columns, self.cols), w, theta
        )
        gap, total, stalled = np.inf, 0, False
        while total < MAX_SWEEPS and gap > tol and not stalled:
            gap, sweeps, stalled = state.run(tol, ROUNDS_PER_CALL)
            total += sweeps
        self.sweeps += total
        q.count(self.cols)  # the columns are read once, and stay in the cache while they are swept
        return gap


def _units(quadratic: Quadratic):
    """Return exponents of powers of two near the sizes of columns and targets; None: coefficients are of usual size.

    Kernels square coefficients, which are of the size of the ratio: in these units, without rounding, no square
    vanishes or overflows.
    """
    curvature, null = quadratic.curvature.max(initial=0.0), quadratic.null
    if not (curvature > 0.0 and null > 0.0):
        return None
    x, y = (int(np.frexp(size)[1]) // 2 for size in (curvature, null))
    return (x, y) if abs(y - x) > USUAL else None


def _chunks(sizes, most: int):
    """Cut sizes into runs that sum to at most `most`, or are single."""
    start = 0
    while start < sizes.size:
        stop = start + max(1, int(np.searchsorted(np.cumsum(sizes[start:]), most, side="right")))
        yield sizes[start:stop]
        start = stop
