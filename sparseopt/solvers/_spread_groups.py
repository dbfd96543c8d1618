"""Penalties on groups of features with smooth losses: the steps of :mod:`._spread_newton`, groups joining as a whole.

A group holds the coefficients of its features for all outputs. The quadratic models are solved as least-squares
problems on groups are (see ``_ext/_gram_group.pyx``), by sweeps over groups that end in Newton steps.
"""

from __future__ import annotations

import numpy as np

from .._ext._gram_group import GramGroup
from .._ext._group_blocks import GroupBlocks
from ..problem.group_certificates import dual_sizes, excess
from ..problem.penalties._groups import Groups
from ..problem.penalties.group import group_distance
from ._group_set import MAX_NEWTON, MAX_SWEEPS
from ._spread_newton import SpreadNewton
from .group_working_set import group_levels, penalty_groups
from .prox_newton import FIRST_SET

ROUNDS = 25  # sweeps after which is looked whether they help


class SpreadGroups(SpreadNewton):
    """The state of :class:`SpreadNewton` for groups.

    Attributes
    ----------
    features, groups : Groups
        Of features, and of entries.
    l1, lam, mu
        Levels of the L1 part, of each group's norm, and of the ridge part.
    """

    by_kernel = False

    def __init__(self, problem, n_threads, init=None):
        self.features = penalty_groups(problem)
        self.groups = self.features
        if problem.n_outputs > 1:
            self.groups = Groups(np.repeat(self.features.of, problem.n_outputs), len(self.features))
        super().__init__(problem, n_threads, init)

    def weights(self):
        return self.features.spread(self.problem.penalty.group_weights(self.features))

    def levels(self, alpha=None):
        l1, lam, mu = group_levels(self.problem, self.features, alpha)
        return lam, mu, l1

    def set_levels(self, lam, mu, l1=0.0) -> None:
        self.lam, self.mu, self.l1 = lam, mu, l1
        self.free = np.empty(0, dtype=np.intp)
        trace = self.features.total(self.curvature)
        self.norms = np.sqrt(trace + mu)
        self.possible = (trace > 0.0) & np.isfinite(lam)
        self.all_lam = self.lam  # what `_dual` is asked with
        self.alive = None

    def _part(self, entries):
        """Return the numbers of the groups that have some of the entries, and these groups of the entries."""
        numbers, of = np.unique(self.groups.of[entries], return_inverse=True)
        return numbers, Groups(of, numbers.size)

    def _whole_rows(self, entries):
        return self.groups.members(np.unique(self.groups.of[entries]))

    _rows_of = _whole_rows

    def _together(self, flags, entries):
        some = np.zeros(len(self.groups), dtype=bool)
        some[self.groups.of[entries[flags]]] = True
        return some[self.groups.of[entries]]

    def _penalty(self, w, entries) -> float:
        squares = np.bincount(self.groups.of[entries], w * w, minlength=len(self.groups))
        used = squares > 0.0
        norms = float(self.lam[used] @ np.sqrt(squares[used]))
        return norms + self.l1 * float(np.abs(w).sum()) + 0.5 * self.mu * float(w @ w)

    def _bounded(self, c, entries):
        numbers, part = self._part(entries)
        return dual_sizes(part, c, self.l1, self.lam[numbers])

    def _dual(self, c, lam, u=None):
        return self._best_multiple(*dual_sizes(self.groups, c, self.l1, lam), self.u if u is None else u)

    def _near(self, entries, c, share):
        numbers, part = self._part(entries)
        size, bound = dual_sizes(part, c - self.mu * self.w[entries], self.l1, self.lam[numbers])
        return part.spread(size >= share * bound)

    def _pull(self, w, entries):
        numbers, part = self._part(entries)
        size = part.norms(w)
        along = np.divide(self.lam[numbers], size, out=np.zeros_like(size), where=size > 0.0)
        return part.spread(along) * w + self.l1 * np.sign(w)

    def _admit(self) -> int:
        over = excess(self.groups, self.c - self.mu * self.w, self.l1, self.lam)
        score = np.divide(over, self.norms, out=np.full_like(over, -np.inf), where=self.possible)
        score[self.groups.of[self.members]] = -np.inf
        violators = int(np.count_nonzero(score > 0.0))
        used = np.unique(self.groups.of[np.flatnonzero(self.w)]).size
        least = min(FIRST_SET, 10 + int((4 * score.size) ** 0.5))
        wanted = max(least if violators else 0, min(max(used, least), 2 * violators))
        if wanted:
            chosen = np.argpartition(-score, wanted)[:wanted] if wanted < score.size else np.arange(score.size)
            self.join(self.groups.members(np.sort(chosen[score[chosen] > -np.inf])))
        return violators

    def excess(self) -> float:
        lam, _, l1 = self.levels()
        size, bound = dual_sizes(self.groups, self.c, l1, lam)
        return float(np.divide(size, bound, out=np.zeros_like(size), where=bound > 0.0).max(initial=0.0))

    def _minimise(self, B, entries, w, pull, tol):
        numbers, part = self._part(entries)
        order = np.arange(entries.size) if part.order is None else part.order
        B = B if part.order is None else np.ascontiguousarray(B[np.ix_(order, order)])
        edges = zip(part.starts[:-1], part.starts[1:], strict=True)
        blocks, solver = GroupBlocks(), GramGroup(1, MAX_NEWTON)
        blocks.extend(part.sizes, np.concatenate([B[a:b, a:b].ravel() for a, b in edges]))
        z, q, lam = w[order][None, :], pull[order][None, :], np.ascontiguousarray(self.lam[numbers])
        rr, gap, total, done = self.square, np.inf, 0, False
        while total < MAX_SWEEPS and gap > tol and not done:
            before = gap
            rr, gap, rounds, done = solver.solve(B, blocks, z, q, lam, self.l1, self.mu, rr, tol, ROUNDS)
            total += rounds
            done |= tol < 0.0 and not abs(gap) < 0.5 * abs(before)  # what is left is rounding
        found = np.empty_like(w)
        found[order] = z[0]
        return found

    def _violations(self) -> float:
        distance = group_distance(self.groups, self.w, self.c - self.mu * self.w, self.l1, self.lam)
        return float(distance[self.possible].max(initial=0.0))
