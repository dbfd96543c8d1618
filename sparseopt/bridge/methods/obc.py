"""Exact greedy removal: always the weight whose loss, after all others have adapted, is smallest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._ext._prune_rows import obc_rows
from ..._threads import serial_blas
from ..patterns import NM, Neuron, Pattern, PerRow
from ..problem import LayerProblem
from ._found import Found, Settings, refit


@dataclass(frozen=True, eq=False)
class Removals:
    """In which order the weights of every row leave, and what each removal costs.

    Attributes
    ----------
    order : ndarray of intp, shape (rows, n)
        -1 where nothing was removed.
    loss : ndarray of shape (rows, n)
        Growth of the objective.
    """

    order: NDArray[np.intp]
    loss: NDArray[np.float64]

    @property
    def rising(self) -> NDArray[np.float64]:
        """The largest loss so far: a removal is no cheaper than those it needs before it."""
        return np.maximum.accumulate(self.loss, axis=1)


def removals(problem: LayerProblem, rows: NDArray | None = None, steps: NDArray | None = None,
             pattern: Pattern | None = None, n_threads: int = 1) -> Removals:  # fmt: skip
    """Remove weights of some rows one by one (Frantar, Singh, Alistarh, "Optimal brain compression", NeurIPS 2022)."""
    weights = problem.unit.free if rows is None else problem.unit.free[rows]
    n = weights.shape[1]
    steps = np.full(len(weights), n, dtype=np.intp) if steps is None else np.ascontiguousarray(steps, dtype=np.intp)
    group, keep = (pattern.m, pattern.n) if isinstance(pattern, NM) else (0, 0)
    order = np.full(weights.shape, -1, dtype=np.intp)
    loss = np.zeros(weights.shape)
    inverse = np.ascontiguousarray(problem.unit.inverse)
    with serial_blas():
        obc_rows(inverse, np.ascontiguousarray(weights), steps, group, keep, order, loss, n_threads)
    return Removals(order, loss)


def obc(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings, known: Removals | None = None) -> Found:
    """Remove greedily from every row; rows share the budget by what their removals cost."""
    if isinstance(pattern, Neuron):
        return remove_units(problem, pattern, k, settings)[0]
    rows, n = problem.shape
    mask = np.ones((rows, n), dtype=bool)
    steps = None
    if isinstance(pattern, PerRow):
        steps = np.full(rows, n - k // rows)
    path = known or removals(problem, steps=steps, pattern=pattern, n_threads=settings.n_threads)
    if isinstance(pattern, (PerRow, NM)):
        gone = path.order >= 0
        if steps is not None:
            gone &= np.arange(n) < steps[:, None]
    else:
        rising = path.rising
        cheapest = np.argsort(rising.ravel(), kind="stable")[: rows * n - k]
        gone = np.zeros((rows, n), dtype=bool)
        gone.flat[cheapest] = True
        gone = np.arange(n) < gone.sum(axis=1, keepdims=True)
    at = np.nonzero(gone)
    mask[at[0], path.order[at]] = False
    return Found(refit(problem, mask, settings.n_threads), mask, int(gone.sum(axis=1).max(initial=0)))


def remove_units(problem: LayerProblem, pattern: Neuron, k: int, settings: Settings):
    """Remove whole inputs, or groups of them, greedily; return what is found, the order and the losses."""
    rows, n = problem.shape
    size, unit = pattern.size, problem.unit
    count = n // size
    W, H = np.array(unit.free), np.array(unit.inverse)
    alive = np.ones(count, dtype=bool)
    order, losses = [], []
    for _ in range(count - max(1, k // (rows * size))):
        blocks = H.reshape(count, size, count, size)[np.arange(count), :, np.arange(count)]
        blocks = np.where(alive[:, None, None], blocks, np.eye(size))
        groups = W.reshape(rows, count, size).transpose(1, 2, 0)
        cost = np.einsum("gsr,gsr->g", groups, np.linalg.solve(blocks, groups))
        j = int(np.argmin(np.where(alive, cost, np.inf)))
        part = slice(j * size, (j + 1) * size)
        solved = np.linalg.solve(blocks[j], H[part])
        W -= W[:, part] @ solved
        H -= H[:, part] @ solved
        W[:, part], H[part], H[:, part] = 0.0, 0.0, 0.0
        alive[j] = False
        order.append(j)
        losses.append(float(cost[j]))
    mask = np.repeat(alive, size)[None, :] & np.ones((rows, 1), dtype=bool)
    found = Found(refit(problem, mask, settings.n_threads), mask, len(order))
    return found, np.array(order, dtype=np.intp), np.array(losses)
