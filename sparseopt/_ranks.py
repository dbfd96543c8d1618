"""The processes over which samples are spread: what a sum over samples has to ask.

Serial code holds all samples and asks `ALONE`, which returns what it is given. A solver that adds up over samples only
through this interface runs unchanged when every process holds some of the rows (see :mod:`sparseopt.mpi`), provided
that everything else it decides upon is the same on all processes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np


class Ranks:
    """One process that holds all samples; :class:`sparseopt.mpi.MpiRanks` overrides every method.

    Attributes
    ----------
    several : bool
        Whether samples lie on several processes.
    index, size : int
        The number of this process, and how many there are.
    comm : MPI communicator or None
    """

    several = False
    index = 0
    size = 1
    comm: Any = None

    def total(self, x):
        """Return the sum over ranks of a number, of an array, or of each of several numbers in a tuple."""
        return x

    def total_symmetric(self, G, old: int, total: int) -> None:
        """Sum rows and columns old..total of a symmetric matrix over ranks, in place."""

    def total_symmetric_rows(self, blocks, old: int) -> None:
        """Sum rows old.. of several symmetric matrices, stacked along the first axis, over ranks, in place."""

    def largest(self, a) -> float:
        """Return the largest entry on any rank."""
        return float(np.max(a))

    def smallest(self, a) -> float:
        """Return the smallest entry on any rank."""
        return float(np.min(a))

    def range(self, rows):
        """Return the smallest and the largest of the rows of an array, entry by entry."""
        return np.min(rows, axis=0), np.max(rows, axis=0)

    def any(self, flag) -> bool:
        """Return whether a flag is set on any rank."""
        return bool(flag)

    def mean(self, values, weights=None):
        """Return the (weighted) mean over the samples, which lie along the first axis."""
        return np.mean(values, axis=0) if weights is None else np.average(values, axis=0, weights=weights)

    def same(self, value):
        """Return the value that the first rank holds."""
        return value

    def union(self, values):
        """Return the distinct values that any rank holds, sorted."""
        return np.unique(values)

    def place(self, n_samples: int) -> tuple[int, int]:
        """Return (number of the first sample here, samples on all ranks)."""
        return 0, n_samples

    def gathered(self, values):
        """Return the samples of all ranks in their order."""
        return values

    # The same for ranks that hold some of the columns, each of them all samples; see :mod:`sparseopt.mpi.wide`.

    def place_columns(self, n_columns: int) -> tuple[int, int]:
        """Return (number of the first column here, columns on all ranks)."""
        return 0, n_columns

    def total_of_columns(self, x):
        """Return the sum of numbers, or arrays, that each rank made of its columns."""
        return x

    def of_all_columns(self, values):
        """Return values of all columns, along the first axis; each rank gives those of its own."""
        return values

    def take_columns(self, matrix, numbers):
        """Return columns of the matrix that the ranks hold together, by their numbers on all ranks."""
        return matrix[:, numbers]

    def of_all_pairs(self, pairs):
        """Return the rows of integer arrays of shape (k, 2) of all ranks, in their order."""
        return pairs

    def best_column(self, j: int, score: float) -> tuple[int, float]:
        """Return number and score of the best column; each rank gives its own best, -1 for none."""
        return j, score

    def best_columns(self, scores, values):
        """Return for each column of `scores` (own columns, k) the number of the best, its score and its value."""
        at = scores.argmax(axis=0)
        each = np.arange(scores.shape[1])
        return at, scores[at, each], values[at, each]

    def spread(self, design):
        """Return the design of which `design` holds the rows of this rank."""
        return design


ALONE = Ranks()
_current: ContextVar[Ranks] = ContextVar("sparseopt_ranks", default=ALONE)


def current_ranks() -> Ranks:
    """Return the processes over which the arrays given to an estimator are spread."""
    return _current.get()


@contextlib.contextmanager
def spread_over(ranks: Ranks) -> Iterator[None]:
    """Let estimators take the arrays they are given as the rows of this rank."""
    token = _current.set(ranks)
    try:
        yield
    finally:
        _current.reset(token)
