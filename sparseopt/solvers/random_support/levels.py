"""Both phases together: for every level of peeling, an order of columns and what its prefixes leave unexplained."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..monitor import logger
from .forward import forward_selection
from .lasso import entry_order, lasso_path
from .null_sets import NullSets
from .peeling import Peeling, PeelingRule, peel_levels
from .prepare import UnitColumns
from .refit import prefix_rss

MAX_DEFAULT_SUPPORT = 50
BASES = ("ols", "omp", "lasso")


@dataclass
class LevelPath:
    """What one level proposes.

    Attributes
    ----------
    level : int
        Rounds of peeling before it.
    dim : int
        Directions taken out before it.
    order : ndarray of int
        Columns in the order in which they join.
    rss_sparse, rss_dictionary : ndarray of shape (len(order) + 1,)
        Residual sums of squares of y on the first s columns, and on the directions and the first s residual columns.
    ends : ndarray of int
        Sizes at which a prefix is a model: all, unless columns join in sets.
    coefs : ndarray of shape (n_alphas, d)
        The Lasso's own coefficients on the residual columns.
    rss_lasso : ndarray of shape (n_alphas,)
        n_alphas is 0 unless the Lasso chose the order.
    atoms : bool
        Whether sets of columns could join together.
    """

    level: int
    dim: int
    order: NDArray[np.intp]
    rss_sparse: NDArray[np.float64]
    rss_dictionary: NDArray[np.float64]
    ends: NDArray[np.intp]
    coefs: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    rss_lasso: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    atoms: bool = False


def default_max_support(total: float, n_features: int) -> int:
    """Return a quarter of the samples, at most 50 and at most all columns."""
    return max(1, min(int(total) // 4, MAX_DEFAULT_SUPPORT, n_features))


def fit_levels(
    unit: UnitColumns, y, rule: PeelingRule, base: str, max_support: int, n_threads: int = 1, verbose: int = 0
):
    """Peel and select, level by level; return (peeling, list of LevelPath).

    The residual columns of a level live only until the next round; all threads work on one level at a time.
    """
    paths = []
    levels = peel_levels(unit.columns, unit.total, rule, n_threads, unit.ranks)
    if verbose == 1:
        from tqdm.auto import tqdm

        levels = tqdm(levels, unit="level", desc="sparseopt", leave=False)
    for peeling in levels:
        path = _select(peeling, unit, y, base, max_support, n_threads)
        paths.append(path)
        if verbose >= 2:
            logger.info(
                "level %d: %d directions out, %d columns selected, left unexplained %.3e sparse, %.3e dictionary",
                path.level, path.dim, path.order.size, path.rss_sparse[-1], path.rss_dictionary[-1],
            )  # fmt: skip
    return peeling, paths


def _select(peeling: Peeling, unit: UnitColumns, y, base, max_support, n_threads) -> LevelPath:
    level, Z = len(peeling.rounds), peeling.residual
    dim = peeling.dim(level)
    rest = peeling.project_off(y, level)[1]
    max_size = max(0, min(max_support, int(unit.total) - dim - 2, Z.shape[0] - dim))
    coefs, rss_lasso = np.empty((0, Z.shape[1])), np.empty(0)
    if base == "lasso":
        coefs = lasso_path(Z, rest, n_threads)
        # a few entries in thousands: the product touches the columns in use only
        used = np.flatnonzero(coefs.any(axis=0))
        fits = rest[:, None] - peeling.take(used) @ coefs[:, used].T
        rss_lasso = np.einsum("ij,ij->j", fits, fits)
        order = entry_order(coefs, max_size)
    else:
        place = unit.ranks.place_columns(Z.shape[1])
        order = forward_selection(
            Z, rest, max_size, normalise=base == "ols", n_threads=n_threads, place=place, ranks=unit.ranks
        )
    ends = np.arange(order.size + 1)
    return LevelPath(
        level, dim, order, prefix_rss(unit.take(order), y), prefix_rss(peeling.take(order), rest), ends, coefs,
        rss_lasso,
    )  # fmt: skip


def select_with_atoms(peeling: Peeling, unit: UnitColumns, y, null: NullSets, max_support, n_threads) -> LevelPath:
    """Run forward selection on the columns of the last level together with the atoms of nearly dependent sets."""
    level, Z = len(peeling.rounds), peeling.residual
    dim = peeling.dim(level)
    rest = peeling.project_off(y, level)[1]
    max_size = max(0, min(max_support, int(unit.total) - dim - 2, Z.shape[0] - dim))
    ranks, d = unit.ranks, unit.n_features
    first, _ = ranks.place_columns(Z.shape[1])
    last = first + Z.shape[1] == d  # atoms come after the last column
    everything = np.asfortranarray(np.hstack([Z, null.atoms])) if last else Z
    order, ends = [], [0]
    place = (first, d + len(null.sets))
    for one in forward_selection(everything, rest, max_size, n_threads=n_threads, place=place, ranks=ranks):
        members = (int(one),) if one < d else null.sets[one - d]
        order += [j for j in members if j not in order]
        if len(order) > max_size:
            order = order[: ends[-1]]
            break
        ends.append(len(order))
    chosen = np.array(order, dtype=np.intp)
    return LevelPath(
        level, dim, chosen, prefix_rss(unit.take(chosen), y), prefix_rss(peeling.take(chosen), rest),
        np.unique(ends), atoms=True,
    )  # fmt: skip
