"""Which blocks there are: fixed partitions of the variables, or any subset of a given size ("variable")."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from ..._validation import short
from ...exceptions import IncompatibleError, InvalidProblemError
from .message_passing import Dependencies, by_label
from .smooth import Smooth

SIZED = ("order", "random", "avg", "sort", "havg", "hsort", "variable")
GRAPHS = tuple(f"{kind}{tail}" for kind in ("colour", "forest") for tail in ("", "-sort", "-random"))
PARTITIONS = (*SIZED, "groups", *GRAPHS)


class Partition:
    """Fixed blocks, or none ("variable").

    Attributes
    ----------
    fixed : bool
    blocks : list of ndarray
        None of them when variable.
    block_size : int or None
        Size of variable blocks; None for whole forests.
    members, starts : ndarray
        All blocks in a row, and where each starts.
    of : ndarray
        The block of each variable.
    """

    def __init__(self, n: int, blocks=None, block_size=None) -> None:
        self.n, self.block_size = n, block_size
        self.fixed = blocks is not None
        self.blocks: list[np.ndarray] = []
        if blocks is not None:
            self.blocks = [np.ascontiguousarray(b, dtype=np.intp) for b in blocks if len(b)]
            self.members = np.concatenate(self.blocks)
            self.starts = np.concatenate([[0], np.cumsum([len(b) for b in self.blocks])]).astype(np.intp)
            self.of = np.empty(n, dtype=np.intp)
            self.of[self.members] = np.repeat(np.arange(len(self.blocks)), np.diff(self.starts))

    def __len__(self) -> int:
        """Return how many blocks make one sweep."""
        return len(self.blocks) if self.fixed else max(1, self.n // (self.block_size or self.n))


def make_partition(partition, smooth: Smooth, block_size, update: str, rng) -> Partition:
    """Return the partition that a user named, or the blocks a user gave.

    Raises
    ------
    ValueError, TypeError, InvalidProblemError, IncompatibleError
        When it is unknown, given blocks do not cover every variable once, or the problem has no such structure.
    """
    n = smooth.n
    if not isinstance(partition, str):
        _no_size(block_size, "given blocks")
        return Partition(n, check_blocks(partition, n))
    if partition not in PARTITIONS:
        raise ValueError(f"partition must be one of {sorted(PARTITIONS)} or a list of index arrays, got {partition!r}")
    size = check_block_size(block_size)
    if partition == "variable":
        if update == "message":
            return Partition(n, block_size=None if size is None else min(size, n))
        return Partition(n, block_size=min(size or 1, n))
    if partition in GRAPHS:
        _no_size(size, f"partition {partition!r}")
        order = _order(partition.partition("-")[2], smooth, rng)
        dependencies = Dependencies(smooth.graph())
        return Partition(n, getattr(dependencies, "colours" if partition[0] == "c" else "forests")(order))
    if partition == "groups":
        if not smooth.n_groups:
            raise IncompatibleError(
                "partition 'groups' needs a problem with several outputs, whose groups are the rows of the "
                "coefficients; use 'sort' or 'variable', or give the blocks as a list of index arrays"
            )
        return Partition(n, chunks(np.arange(n), (size or 1) * (n // smooth.n_groups)))
    return Partition(n, chunks(_arrangement(partition, smooth, rng), size or 1))


def _arrangement(partition, smooth, rng):
    n = smooth.n
    if partition == "order":
        return np.arange(n)
    if partition == "random":
        return rng.permutation(n)
    key = smooth.sirt() if partition[0] == "h" else smooth.curvature
    ascending = np.argsort(key, kind="stable")
    if partition.endswith("sort"):
        return ascending
    # smallest with largest, so that all blocks have about the same mean
    mixed = np.empty(n, dtype=np.intp)
    mixed[0::2] = ascending[: (n + 1) // 2]
    mixed[1::2] = ascending[::-1][: n // 2]
    return mixed


def _order(kind, smooth, rng):
    if kind == "random":
        return rng.permutation(smooth.n).astype(np.intp)
    if kind == "sort":
        return np.argsort(-smooth.curvature, kind="stable")
    return np.arange(smooth.n, dtype=np.intp)


def chunks(order, size: int) -> list:
    """Return consecutive pieces of an order, each sorted; the last may be shorter."""
    return [np.sort(order[first : first + size]) for first in range(0, len(order), size)]


def check_block_size(block_size):
    """Return None or a positive int."""
    if block_size is None:
        return None
    if isinstance(block_size, bool) or not isinstance(block_size, (Integral, np.integer)):
        raise TypeError(f"block_size must be None or an integer >= 1, got {block_size!r}")
    if block_size < 1:
        raise ValueError(f"block_size must be None or an integer >= 1, got {block_size!r}")
    return int(block_size)


def _no_size(block_size, what):
    if block_size is not None:
        raise ValueError(f"block_size must be None with {what}, whose blocks have their own sizes, got {block_size!r}")


def check_blocks(blocks, n: int) -> list:
    """Return given blocks as sorted index arrays, or raise when they do not cover 0..n-1 exactly once."""
    try:
        arrays = [np.asarray(b) for b in blocks]
    except TypeError as error:
        raise TypeError(f"partition must be a name or a list of index arrays, got {short(blocks)}") from error
    if not arrays or any(a.ndim != 1 or a.dtype.kind not in "iu" for a in arrays if a.size or a.ndim != 1):
        raise TypeError(f"partition must be a name or a list of index arrays, got {short(blocks)}")
    arrays = [a for a in arrays if a.size]
    members = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.intp)
    if members.size and (members.min() < 0 or members.max() >= n):
        bad = members[(members < 0) | (members >= n)][0]
        raise InvalidProblemError(f"partition names variable {bad}, the variables are 0..{n - 1}")
    counts = np.bincount(members, minlength=n)
    if np.any(counts != 1):
        j = int(np.argmax(counts != 1))
        raise InvalidProblemError(f"partition must cover every variable once, variable {j} occurs {counts[j]} times")
    return [np.sort(a).astype(np.intp) for a in arrays]


__all__ = ["PARTITIONS", "Partition", "by_label", "check_blocks", "chunks", "make_partition"]
