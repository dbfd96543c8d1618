"""A growing set of groups of columns on which any alpha is solved, through its Gram matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._ext._gram_group import GramGroup
from ..problem.penalties._groups import Groups
from ._gram_set import GramSet
from ._quadratic import Quadratic

MAX_NEWTON = 4000  # largest number of coordinates solved by one Cholesky factorization
ROUNDS_PER_CALL = 100  # bounded work, so that Ctrl-C and callbacks get their turn


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
        self._known = 0  # groups whose eigen-decompositions are there
        self.n_outputs = quadratic.gradient.shape[0] if quadratic.gradient.ndim == 2 else 1
        self.at_zero = np.empty((self.n_outputs, 0))
        self.blocks = GramGroup(self.n_outputs, MAX_NEWTON)

    def add(self, new: NDArray[np.intp]) -> None:
        """Append groups that are not members yet; groups of constant columns only are left out."""
        new = np.sort(new[~self.member[new]])
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

    def form(self) -> None:
        """Bring the Gram matrix and the eigen-decompositions up to date with the columns."""
        super().form()
        if self._known < self.numbers.size:
            self.blocks.extend(self._gram, self._sizes[self._known :])
            self._known = self.numbers.size

    def gradient(self, w):
        """Return X'S(Y - X W) on the set, from the Gram matrix."""
        support = np.flatnonzero(np.any(w != 0.0, axis=0))
        if support.size == 0:
            return self.at_zero.copy()
        return self.at_zero - w[:, support] @ self._gram[support, : self.cols.size]

    def levels(self, lam):
        """Return the level of each member."""
        return np.ascontiguousarray(lam[self.numbers], dtype=np.float64)

    def solve_groups(self, w, l1: float, lam, mu: float, tol: float, max_rounds: int = 20_000) -> float:
        """Minimise over the set from w of shape (n_outputs, k), in place; return the gap of the restricted problem."""
        self.form()
        q = self.gradient(w)
        rr = 2.0 * self.quadratic.null - float(np.sum(w * (q + self.at_zero)))
        levels = self.levels(lam)
        gap, left, done = np.inf, max_rounds, False
        while left > 0 and gap > tol and not done:
            rr, gap, rounds, done = self.blocks.solve(
                self._gram, w, q, levels, l1, mu, rr, tol, min(ROUNDS_PER_CALL, left)
            )
            left -= rounds
        return gap
