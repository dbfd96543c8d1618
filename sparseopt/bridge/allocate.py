"""How many weights each layer keeps. At high sparsity this matters more than how they are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import check_option, check_scalar
from .methods import Removals, Settings, removals, remove_units
from .patterns import Neuron, Pattern
from .problem import LayerProblem

RULES = ("relerr", "knapsack", "uniform", "global_magnitude", "erk")
WORK = 1e10  # multiplications that the curve of one layer may cost; else it comes from some rows
ROWS = 8  # at least
OPTIONS = 64  # densities of each layer that the knapsack chooses from
CELLS = 40_000  # different totals that it tells apart


@dataclass(frozen=True, eq=False)
class Curve:
    """What removing weights of a layer costs, the cheapest first.

    Attributes
    ----------
    shape : tuple of int
    losses : ndarray, ascending
        Growth of the relative error for each removal.
    unit : float
        Weights that one removal takes.
    magnitudes : ndarray, ascending
        Absolute weights.
    removals : Removals or None
        The full path, where it was computed for all rows.
    """

    shape: tuple[int, int]
    losses: NDArray[np.float64]
    unit: float
    magnitudes: NDArray[np.float64]
    removals: Removals | None = None

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.shape[0] * self.shape[1]

    def error(self, k: int) -> float:
        """Return the relative error with k weights.

        Parameters
        ----------
        k : int

        Returns
        -------
        float
        """
        n = round((self.size - k) / self.unit)
        return float(self.losses[: max(n, 0)].sum())


def removal_curve(problem: LayerProblem, pattern: Pattern, settings: Settings) -> Curve:
    """Return the curve of exact greedy removal, from all rows or, where that is much work, from some of them.

    Parameters
    ----------
    problem : LayerProblem
    pattern : Pattern
    settings : Settings

    Returns
    -------
    Curve

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import Gram, Unstructured, removal_curve
    >>> from sparseopt.bridge.methods import Settings
    >>> from sparseopt.bridge.problem import layer_problem
    >>> problem = layer_problem(np.array([[3.0, 1.0]]), Gram(np.eye(2), 0), damp=0.0)
    >>> removal_curve(problem, Unstructured(), Settings()).losses
    array([0.1, 0.9])
    """
    rows, n = problem.shape
    magnitudes = np.sort(np.abs(problem.W).ravel())
    energy = problem.energy or 1.0
    if isinstance(pattern, Neuron):
        _, _, losses = remove_units(problem, pattern, 0, settings)
        return Curve(problem.shape, np.maximum.accumulate(losses) / energy, rows * pattern.size, magnitudes)
    affordable = max(ROWS, int(WORK / max(1.0, n**3 / 6)))
    chosen = None
    if affordable < rows:
        rng = np.random.default_rng(settings.random_state)
        chosen = np.sort(rng.choice(rows, affordable, replace=False))
    path = removals(problem, chosen, n_threads=settings.n_threads)
    losses = np.sort(path.rising.ravel())
    share = rows * n / losses.size
    return Curve(problem.shape, losses * (share / energy), share, magnitudes, path if chosen is None else None)


def allocate(curves: Mapping[str, Curve], sparsity: float, rule: str = "relerr") -> dict[str, int]:
    """Return how many weights each layer keeps.

    Parameters
    ----------
    curves : dict of str to Curve
    sparsity : float in [0, 1)
        Share of all weights that goes.
    rule : str, default="relerr"
        "relerr": the smallest sum of relative errors, removal by removal. "knapsack": the same by dynamic programming
        over a grid of densities. "uniform": the same share everywhere. "global_magnitude": as the largest weights of
        all layers together fall. "erk": density proportional to (out + in) / (out in) (Evci et al., ICML 2020).

    Returns
    -------
    dict of str to int
        At least 1 for each layer.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge.allocate import Curve, allocate
    >>> dear = Curve((1, 4), np.array([0.05, 0.2, 0.3, 0.4]), 1.0, np.ones(4))
    >>> cheap = Curve((1, 4), np.array([0.01, 0.02, 0.03, 0.5]), 1.0, np.ones(4))
    >>> allocate({"first": dear, "second": cheap}, sparsity=0.5)
    {'first': 3, 'second': 1}
    """
    check_option("rule", rule, RULES)
    check_scalar("sparsity", sparsity, low=0.0, high=1.0, closed="left")
    total = sum(curve.size for curve in curves.values())
    kept = max(len(curves), round(total * (1.0 - sparsity)))
    if rule == "uniform":
        return {name: max(1, round(curve.size * (1.0 - sparsity))) for name, curve in curves.items()}
    if rule == "erk":
        return _erk(curves, kept)
    if rule == "knapsack":
        return _knapsack(curves, kept)
    if rule == "global_magnitude":
        costs = {name: curve.magnitudes for name, curve in curves.items()}
        return _cheapest(costs, {name: 1.0 for name in curves}, curves, kept)
    costs = {name: curve.losses / curve.unit for name, curve in curves.items()}
    return _cheapest(costs, {name: curve.unit for name, curve in curves.items()}, curves, kept)


def _cheapest(costs, units, curves, kept) -> dict[str, int]:
    """Remove whatever is cheapest until `kept` weights are left; the first removal beyond that is made in part."""
    names = list(curves)
    owner = np.concatenate([np.full(len(costs[name]), i) for i, name in enumerate(names)])
    unit = np.concatenate([np.full(len(costs[name]), units[name]) for name in names])
    order = np.argsort(np.concatenate([costs[name] for name in names]), kind="stable")
    left = sum(curve.size for curve in curves.values()) - kept
    taken = np.clip(left - (np.cumsum(unit[order]) - unit[order]), 0.0, unit[order])
    removed = np.bincount(owner[order], weights=taken, minlength=len(names))
    return {name: max(1, round(curves[name].size - removed[i])) for i, name in enumerate(names)}


def _erk(curves, kept) -> dict[str, int]:
    """Scale (out + in) / (out in) to the total; layers that would exceed 1 stay dense."""
    size = np.array([curve.size for curve in curves.values()], dtype=np.float64)
    raw = np.array([sum(curve.shape) for curve in curves.values()]) / size
    dense = np.zeros(size.size, dtype=bool)
    while True:
        room = kept - size[dense].sum()
        scale = room / (raw * size)[~dense].sum() if not dense.all() else 0.0
        over = ~dense & (scale * raw > 1.0)
        if not over.any():
            break
        dense |= over
    density = np.where(dense, 1.0, scale * raw)
    return {name: max(1, round(share * n)) for name, share, n in zip(curves, density, size, strict=True)}


def _knapsack(curves, kept) -> dict[str, int]:
    grids = []
    for curve in curves.values():
        density = np.concatenate([np.geomspace(1.0 / curve.size, 1.0, OPTIONS), np.linspace(0.0, 1.0, OPTIONS)])
        grids.append(np.unique(np.clip(np.rint(density * curve.size), 1, curve.size).astype(np.intp)))
    errors = [[curve.error(k) for k in grid] for curve, grid in zip(curves.values(), grids, strict=True)]
    chosen = allocate_budget(grids, errors, kept)
    return {name: int(grid[i]) for name, grid, i in zip(curves, grids, chosen, strict=True)}


def allocate_budget(costs: Sequence[Any], errors: Sequence[Any], total: float) -> list[int]:
    """Choose one option for each layer: the smallest sum of errors with a sum of costs within `total`.

    Exact while at most 40,000 sums of costs have to be told apart; beyond that costs are rounded up, so that the budget
    always holds.

    Parameters
    ----------
    costs, errors : sequence of sequences of float
        Of the options of each layer.
    total : float

    Returns
    -------
    list of int
        The option of each layer.

    Raises
    ------
    ValueError
        When even the cheapest options cost more than `total`.

    References
    ----------
    Nemhauser and Ullmann, "Discrete dynamic programming and capital allocation", Management Science 15 (1969).

    Examples
    --------
    >>> from sparseopt.bridge import allocate_budget
    >>> allocate_budget([[1, 2], [1, 3]], [[5.0, 1.0], [7.0, 0.0]], 4)
    [0, 1]
    """
    lists = [
        (np.asarray(c, dtype=np.float64), np.asarray(e, dtype=np.float64)) for c, e in zip(costs, errors, strict=True)
    ]
    for i, (c, e) in enumerate(lists):
        if c.ndim != 1 or c.size == 0 or c.shape != e.shape or not (np.isfinite(c).all() and np.isfinite(e).all()):
            raise ValueError(f"costs and errors of layer {i} must be finite lists of equal length, not empty")
        if c.min() < 0.0:
            raise ValueError(f"costs must be >= 0, got {c.min()} for layer {i}")
    least = sum(float(c.min()) for c, _ in lists)
    if least > total:
        raise ValueError(f"total must be at least {least:g}, the sum of the cheapest options, got {total!r}")
    rest = np.append(np.cumsum([c.min() for c, _ in lists][::-1])[::-1][1:], 0.0) if lists else np.zeros(0)
    cost, error = np.zeros(1), np.zeros(1)
    trail = []
    for i, (c, e) in enumerate(lists):
        sums, errs = (cost[:, None] + c).ravel(), (error[:, None] + e).ravel()
        order = np.lexsort((errs, sums))
        order = order[sums[order] <= total - rest[i] + 1e-9 * total]
        best = np.minimum.accumulate(errs[order])
        better = np.append(True, best[1:] < best[:-1])  # what is neither cheaper nor better than another goes
        order = order[better]
        if order.size > CELLS:  # of states in one cell the best, with the cost of the dearest
            cell = np.floor(sums[order] * (CELLS / total)).astype(np.intp)
            order = order[np.append(cell[1:] != cell[:-1], True)]
        trail.append((order // c.size, order % c.size))
        cost, error = sums[order], errs[order]
    chosen, at = [], int(np.argmin(error))
    for before, option in reversed(trail):
        chosen.append(int(option[at]))
        at = int(before[at])
    return chosen[::-1]
