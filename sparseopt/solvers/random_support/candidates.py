"""Models that the levels propose, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .criterion import ROUNDING, ebic
from .levels import LevelPath
from .polish import delete, swap
from .refit import least_squares

REFITS = ("auto", "sparse", "dictionary", "none")
POLISHED = 3  # levels whose best sparse model is polished
MAX_POLISHED = 20  # columns; beyond, exchanges cost more than they bring


@dataclass(frozen=True)
class Candidate:
    """One model.

    Attributes
    ----------
    criterion : float
        Smaller is better.
    kind : str
        "sparse": least squares on the columns; "dictionary": least squares on the directions taken out and the
        residual columns; "lasso": the directions, and the Lasso's coefficients on the residual columns.
    level : int
    support : tuple of int
    index : int
        Position on the Lasso path, else -1.
    atoms : bool
        Whether sets of columns could join together.
    """

    criterion: float
    kind: str
    level: int
    support: tuple
    index: int = -1
    atoms: bool = False

    @property
    def size(self) -> int:
        """Return the number of columns."""
        return len(self.support)


class Scorer:
    """EBIC of a residual sum of squares, floored at rounding.

    Greedy selection is charged for the order in which columns came, the Lasso for the set only: it shrinks what it
    takes, and columns do not join because they are the best of many.
    """

    def __init__(self, y, total: float, n_features: int, gamma: float) -> None:
        self.floor = ROUNDING * float(y @ y)
        self.total, self.n_features, self.gamma = total, n_features, gamma

    def __call__(self, rss, size, n_dense: int = 0, *, ordered: bool = True):
        rss = np.maximum(rss, self.floor)
        return ebic(rss, self.total, self.n_features, size, n_dense, self.gamma, ordered=ordered)


def propose(paths: list[LevelPath], score: Scorer, refit: str, size: int | None = None) -> list[Candidate]:
    """Return every prefix of every level, refitted in the ways that `refit` allows.

    `size` None: all sizes; otherwise that one, or the largest below it where a level has no more columns.
    """
    found = []
    for path in paths:
        if refit == "none":
            found += _shrunken(path, score)
            continue
        sizes = path.ends
        if size is not None:
            sizes = path.ends[path.ends <= size][-1:]
        for s in sizes:
            support = tuple(int(j) for j in path.order[:s])
            if refit in ("auto", "sparse"):
                value = float(score(path.rss_sparse[s], s))
                found.append(Candidate(value, "sparse", path.level, support, atoms=path.atoms))
            if refit == "dictionary" or (refit == "auto" and path.dim > 0):
                value = float(score(path.rss_dictionary[s], s, path.dim))
                found.append(Candidate(value, "dictionary", path.level, support, atoms=path.atoms))
    return found


def _shrunken(path: LevelPath, score: Scorer) -> list[Candidate]:
    found = []
    for i, (coef, rss) in enumerate(zip(path.coefs, path.rss_lasso, strict=True)):
        support = np.flatnonzero(coef)
        if support.size + path.dim < score.total - 1:
            value = float(score(rss, support.size, path.dim, ordered=False))
            found.append(Candidate(value, "lasso", path.level, tuple(support.tolist()), i))
    return found


def choose(candidates: list[Candidate]) -> Candidate:
    """Return the smallest criterion; among equals fewer columns, then the earlier proposal."""
    return min(candidates, key=lambda one: (one.criterion, one.size))


def polish_best(candidates, unit, y, score: Scorer, *, keep_size: bool, n_threads: int) -> list[Candidate]:
    """Return polished versions of the best sparse candidates of the best levels."""
    best: dict[int, Candidate] = {}
    for one in candidates:
        if one.kind == "sparse" and 0 < one.size <= MAX_POLISHED:
            if one.level not in best or one.criterion < best[one.level].criterion:
                best[one.level] = one
    polished: list[Candidate] = []
    done = set()
    for one in sorted(best.values(), key=lambda c: c.criterion)[:POLISHED]:
        if frozenset(one.support) in done:  # levels often agree
            continue
        done.add(frozenset(one.support))
        support = swap(unit.columns, y, one.support, n_threads=n_threads, ranks=unit.ranks)
        if not keep_size:
            support = delete(unit.columns, y, support, score, unit.ranks)
        rss = least_squares(unit.take(support), y)[1]
        polished.append(replace(one, criterion=float(score(rss, len(support))), support=tuple(support)))
    return polished
