"""Which sets of weights may stay, and the best of them for given scores.

A score is what removing a weight costs when others stay as they are, and costs add up. So `mask` is the exact
projection: it keeps what costs most.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._ext._prune_sweep import nm_mask
from .._validation import check_scalar


class Pattern(ABC):
    """A family of masks of a given size."""

    name: str

    def check(self, shape: tuple[int, int]) -> None:  # noqa: B027
        """Raise ValueError when a layer of this shape cannot have the pattern."""

    @abstractmethod
    def count(self, shape: tuple[int, int], sparsity: float) -> int:
        """Return how many weights stay at a sparsity, at least one unit of the pattern."""

    @abstractmethod
    def mask(self, score: NDArray, k: int) -> NDArray[np.bool_]:
        """Return the mask with at most about `k` weights, by the pattern's units, that keeps the largest scores."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Unstructured(Pattern):
    """Any `k` weights of the layer.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import Unstructured
    >>> Unstructured().mask(np.array([[4.0, 3.0], [1.0, 2.0]]), 2).astype(int)
    array([[1, 1],
           [0, 0]])
    """

    name = "unstructured"

    def count(self, shape, sparsity):
        """Return the rounded share."""
        return max(1, round(shape[0] * shape[1] * (1.0 - sparsity)))

    def mask(self, score, k):
        """Keep the k largest."""
        return largest(score.ravel(), k).reshape(score.shape)


@dataclass(frozen=True)
class PerRow(Pattern):
    """The same number of weights in every row.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import PerRow
    >>> PerRow().mask(np.array([[4.0, 3.0], [1.0, 2.0]]), 2).astype(int)
    array([[1, 0],
           [0, 1]])
    """

    name = "row"

    def count(self, shape, sparsity):
        """Return the rounded share of a row, times the rows."""
        return shape[0] * max(1, round(shape[1] * (1.0 - sparsity)))

    def mask(self, score, k):
        """Keep the k // rows largest of every row."""
        rows, n = score.shape
        each = min(n, max(1, k // rows))
        threshold = np.partition(score, n - each, axis=1)[:, n - each, None]
        above = score > threshold
        equal = score == threshold
        missing = each - above.sum(axis=1, keepdims=True)
        return above | (equal & (np.cumsum(equal, axis=1) <= missing))


@dataclass(frozen=True)
class NM(Pattern):
    """`n` of every `m` consecutive weights of a row.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import NM
    >>> NM(1, 2).mask(np.array([[4.0, 3.0, 1.0, 2.0]]), 2).astype(int)
    array([[1, 0, 0, 1]])
    """

    n: int
    m: int

    @property
    def name(self) -> str:  # type: ignore[override]
        """Such as 2:4."""
        return f"{self.n}:{self.m}"

    def check(self, shape):
        """Refuse rows that m does not divide."""
        if shape[1] % self.m:
            raise ValueError(f"pattern {self.name}: {self.m} does not divide the {shape[1]} inputs of a layer")

    def count(self, shape, sparsity):
        """Return what the pattern says, whatever the sparsity."""
        return shape[0] * shape[1] * self.n // self.m

    def mask(self, score, k):
        """Keep the n largest of every m."""
        mask = np.zeros(score.shape, dtype=np.uint8)
        nm_mask(np.ascontiguousarray(score, dtype=np.float64), self.n, self.m, mask)
        return mask.view(np.bool_)


class Grouped(Pattern):
    """Whole groups of weights."""

    @abstractmethod
    def labels(self, shape: tuple[int, int]) -> NDArray[np.intp]:
        """Return the number of the group of every weight, (out, in)."""

    def sizes(self, shape) -> NDArray:
        """Return how many weights each group has."""
        return np.bincount(self.labels(shape).ravel())

    def sums(self, score: NDArray) -> NDArray:
        """Return the sum of the scores of each group."""
        return np.bincount(self.labels(score.shape).ravel(), weights=score.ravel())

    def count(self, shape, sparsity):
        """Return the size of the groups that fit, of equal size but for the edges."""
        sizes = np.sort(self.sizes(shape))[::-1]
        n = max(1, round(sizes.size * (1.0 - sparsity)))
        return int(sizes[:n].sum())

    def mask(self, score, k):
        """Keep the groups with the largest mean scores that fit into k."""
        labels, sizes = self.labels(score.shape), self.sizes(score.shape)
        order = np.argsort(-(self.sums(score) / sizes), kind="stable")
        fits = np.cumsum(sizes[order]) <= max(k, int(sizes[order[0]]))
        keep = np.zeros(sizes.size, dtype=bool)
        keep[order[fits]] = True
        return keep[labels]


@dataclass(frozen=True)
class Block(Grouped):
    """Whole blocks of `height` x `width` weights; those at the edges may be smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import Block
    >>> Block(2, 1).mask(np.array([[4.0, 3.0], [1.0, 3.0]]), 2).astype(int)
    array([[0, 1],
           [0, 1]])
    """

    height: int = 4
    width: int = 4

    @property
    def name(self) -> str:  # type: ignore[override]
        """Such as block:4x4."""
        return f"block:{self.height}x{self.width}"

    def labels(self, shape):
        """Number the blocks row by row."""
        across = -(-shape[1] // self.width)
        return (np.arange(shape[0]) // self.height)[:, None] * across + np.arange(shape[1]) // self.width


@dataclass(frozen=True)
class Neuron(Grouped):
    """Whole inputs: columns, in groups of `size` that one unit of the layer before feeds.

    Where a layer feeds them, its units go too, and both layers get smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import Neuron
    >>> Neuron().mask(np.array([[4.0, 3.0], [1.0, 3.0]]), 2).astype(int)
    array([[0, 1],
           [0, 1]])
    """

    size: int = 1

    name = "neuron"

    def check(self, shape):
        """Refuse inputs that are no whole number of units."""
        if shape[1] % self.size:
            raise ValueError(f"pattern neuron: {self.size} inputs per unit do not divide {shape[1]} inputs")

    def labels(self, shape):
        """Number the units."""
        return np.broadcast_to(np.arange(shape[1]) // self.size, shape)


@dataclass(frozen=True)
class Cluster(Pattern):
    """Any `k` weights, near others: a weight counts for its neighbours in the row too.

    Parameters
    ----------
    grid : tuple of int, optional
        The inputs as an image of this shape; None: neighbours along the row.
    strength : float, default=0.8
        Share of the mean of the neighbourhood in a score. Of "turbo_vbi" without a grid: the square of the correlation
        that neighbours have in the prior.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import Cluster
    >>> Cluster().mask(np.array([[3.0, 0.0, 2.0, 2.0, 2.0]]), 3).astype(int)
    array([[0, 0, 1, 1, 1]])
    """

    grid: tuple[int, int] | None = None
    strength: float = 0.8

    name = "cluster"

    def __post_init__(self) -> None:
        check_scalar("strength", self.strength, low=0.0, high=1.0)

    def check(self, shape):
        """Refuse a grid of another size."""
        if self.grid is not None and self.grid[0] * self.grid[1] != shape[1]:
            raise ValueError(f"pattern cluster: a grid of {self.grid} is no row of {shape[1]} inputs")

    def count(self, shape, sparsity):
        """Return the rounded share."""
        return Unstructured().count(shape, sparsity)

    def mask(self, score, k):
        """Keep the k largest of score and mean score of the neighbourhood, mixed."""
        from scipy.ndimage import uniform_filter

        rows, n = score.shape
        image = score.reshape(rows, *(self.grid or (1, n)))
        near = uniform_filter(image, size=(1, 3 if self.grid else 1, 3), mode="constant").reshape(rows, n)
        return Unstructured().mask((1.0 - self.strength) * score + self.strength * near, k)


def largest(score: NDArray, k: int) -> NDArray[np.bool_]:
    """Return the mask of the k largest entries of a vector; among equals the first."""
    if k >= score.size:
        return np.ones(score.size, dtype=bool)
    if k <= 0:
        return np.zeros(score.size, dtype=bool)
    threshold = np.partition(score, score.size - k)[score.size - k]
    mask = score > threshold
    equal = np.flatnonzero(score == threshold)
    mask[equal[: k - int(mask.sum())]] = True
    return mask


_TEXTS = "'unstructured', 'row', 'N:M' such as '2:4', 'block' or 'block:4x4', 'neuron', 'cluster' or 'cluster:28x28'"


def as_pattern(pattern: Any) -> Pattern:
    """Return a pattern given as an object or as text."""
    if isinstance(pattern, Pattern):
        return pattern
    if isinstance(pattern, str):
        plain = {"unstructured": Unstructured, "row": PerRow, "block": Block, "neuron": Neuron, "cluster": Cluster}
        if pattern in plain:
            return plain[pattern]()
        found = re.fullmatch(r"(\d{1,4}):(\d{1,4})", pattern)
        if found:
            n, m = int(found[1]), int(found[2])
            if not 1 <= n <= m:
                raise ValueError(f"pattern must keep 1 <= N <= M of M weights, got {pattern!r}")
            return NM(n, m)
        found = re.fullmatch(r"(block|cluster):([1-9]\d{0,5})x([1-9]\d{0,5})", pattern)
        if found:
            sizes = int(found[2]), int(found[3])
            return Block(*sizes) if found[1] == "block" else Cluster(sizes)
    raise ValueError(f"pattern must be one of {_TEXTS}, or a Pattern, got {pattern!r}")
