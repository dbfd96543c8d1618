"""Sets of two or three columns that nearly cancel: found, and offered to the selection as one.

Peeling finds dependence that many columns share. Dependence of few columns (near duplicates, a column that is the sum
of two others) stays, and is harmless as long as the support does not hold such a set completely. When it does, the
signal may lie along the cancelling combination, which no single column shows. The unit vector of that combination is an
atom: a further column for forward selection, which stands for all columns of its set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._ext import _greedy
from ..._ranks import ALONE

BUDGET = 4e9  # multiplications; beyond, a random part of the columns is scanned
BLOCK = 256
MOST = 2000  # atoms
NOTHING = 1e-13  # what is left of a unit column that depends on the others to rounding


@dataclass
class NullSets:
    """Nearly dependent sets.

    Attributes
    ----------
    sets : list of tuple of int
        Closest first.
    gaps : ndarray
        Distance of a unit column of each set from the span of the others.
    atoms : ndarray of shape (m, len(sets))
        Unit vectors of what is left.
    n_scanned : int
        Columns whose sets were searched.
    """

    sets: list
    gaps: NDArray[np.float64]
    atoms: NDArray[np.float64]
    n_scanned: int


def no_sets() -> NullSets:
    """Return the answer of a search that did not happen."""
    return NullSets([], np.empty(0), np.empty((0, 0)), 0)


def find_null_sets(Z, tol: float, rng: np.random.Generator, n_threads: int = 1, ranks=ALONE) -> NullSets:
    """Find pairs, and by two greedy steps triples, of unit columns that are dependent up to `tol`."""
    m = Z.shape[0]
    _, d = ranks.place_columns(Z.shape[1])
    scanned = np.arange(d)
    if m * d * d > BUDGET:
        scanned = np.sort(rng.choice(d, max(1, int(BUDGET / (m * d))), replace=False))
    found: set[tuple] = set()
    for start in range(0, scanned.size, BLOCK):
        _scan(Z, scanned[start : start + BLOCK], tol, found, n_threads, ranks)
        if len(found) > 2 * MOST:  # a design with more of them is not what this is for
            break
    sets = sorted(found)
    gaps = np.empty(len(sets))
    for size in (2, 3):
        at = np.array([i for i, one in enumerate(sets) if len(one) == size], dtype=np.intp)
        for start in range(0, at.size, BLOCK):
            part = at[start : start + BLOCK]
            gaps[part] = _remainders(Z, np.array([sets[i] for i in part]), ranks)[0]
    order = [int(i) for i in np.argsort(gaps, kind="stable") if gaps[i] > NOTHING][:MOST]
    atoms = np.empty((m, len(order)), order="F")
    for size in (2, 3):
        at = np.array([k for k, i in enumerate(order) if len(sets[i]) == size], dtype=np.intp)
        for start in range(0, at.size, BLOCK):
            part = at[start : start + BLOCK]
            lengths, rest = _remainders(Z, np.array([sets[order[k]] for k in part]), ranks)
            atoms[:, part] = rest / lengths
    return NullSets([sets[i] for i in order], gaps[order], atoms, scanned.size)


def _remainders(Z, sets, ranks):
    """Return (lengths, vectors) of what is left of the last column of each set, projected twice off the others."""
    basis = []
    for members in sets.T:
        rest = ranks.take_columns(Z, members)
        for _ in range(2):
            for q in basis:
                rest = rest - q * np.einsum("ij,ij->j", q, rest)
        lengths = np.linalg.norm(rest, axis=0)
        basis.append(rest / np.where(lengths > 0.0, lengths, 1.0))
    return lengths, rest


def _scan(Z, cols, tol, found, n_threads, ranks):
    """Add the sets of the given columns."""
    d, b = Z.shape[1], cols.size
    first, _ = ranks.place_columns(d)
    block = ranks.take_columns(Z, cols)
    G = np.empty((d, b), order="F")
    _greedy.products(Z, np.asfortranarray(block), G, n_threads)
    alive = np.einsum("ij,ij->j", block, block) > 0.5
    own = np.flatnonzero((cols >= first) & (cols < first + d))
    G[cols[own] - first, own] = 0.0
    close = G * G >= 1.0 - tol * tol
    pairs = np.argwhere(close)[: 4 * MOST] + [first, 0]  # more than will be used: the design is not what this is for
    for i, k in ranks.of_all_pairs(pairs)[: 4 * MOST]:
        found.add((min(int(i), int(cols[k])), max(int(i), int(cols[k]))))
    lonely = np.flatnonzero(alive & (ranks.total_of_columns(close.any(axis=0).astype(float)) == 0.0))
    if lonely.size == 0:
        return
    G, cols = G[:, lonely], cols[lonely]
    nearest, _, share = ranks.best_columns(np.abs(G), G)
    H = np.empty((d, lonely.size), order="F")
    _greedy.products(Z, np.asfortranarray(ranks.take_columns(Z, nearest)), H, n_threads)
    G -= H * share
    left = 1.0 - H * H
    left[left < tol * tol] = np.inf  # the second must not repeat the first
    own = np.flatnonzero((cols >= first) & (cols < first + d))
    left[cols[own] - first, own] = np.inf
    score = G * G / left
    second, best, _ = ranks.best_columns(score, score)
    for k in np.flatnonzero(1.0 - share**2 - best <= tol * tol):
        found.add(tuple(sorted((int(cols[k]), int(nearest[k]), int(second[k])))))
