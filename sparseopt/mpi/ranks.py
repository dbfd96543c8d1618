"""Sums over the samples of all MPI ranks, with a count of what they cost."""

from __future__ import annotations

import os

import numpy as np

from .._ranks import Ranks
from ..exceptions import MissingDependencyError
from .traffic import Traffic

INSTALL = "pip install 'mpi4py>=4.1' mpich"
MOST = 1 << 24  # numbers in one message; longer arrays are sent piece by piece
MOST_BUFFER = 1 << 22  # numbers of a triangle that are sent together
MIRROR = 256  # rows that are mirrored together


def load_mpi():
    """Return mpi4py.MPI, which starts MPI when it is first called; raise MissingDependencyError without it."""
    # MPICH: ranks that wait give way after a few looks, which costs nothing and saves much where cores are short
    os.environ.setdefault("MPIR_CVAR_POLLS_BEFORE_YIELD", "10")
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise MissingDependencyError(INSTALL) from error
    return MPI


class MpiRanks(Ranks):
    """The ranks of a communicator.

    Every method is collective: all ranks call it, in the same order. What it returns is the same on all of them, so
    that decisions that follow from it are, too.

    Parameters
    ----------
    comm : mpi4py communicator, optional
        Default: ``COMM_WORLD``.

    Attributes
    ----------
    index, size : int
    traffic : Traffic
        Messages and bytes so far.
    """

    several = True

    def __init__(self, comm=None) -> None:
        self._mpi = load_mpi()
        self.comm = self._mpi.COMM_WORLD if comm is None else comm
        self.index, self.size = self.comm.Get_rank(), self.comm.Get_size()
        self.traffic = Traffic()

    def total(self, x, purpose="sums"):
        """Return the sum over ranks of a number, of an array, or of each of several numbers in a tuple."""
        if np.iscomplexobj(x):
            return self.total(np.ascontiguousarray(x).view(np.float64), purpose).view(np.complex128)
        return self._reduce(x, self._mpi.SUM, purpose)

    def _reduce(self, x, op, purpose="sums"):
        local = np.ascontiguousarray(x, dtype=np.float64)
        if op is self._mpi.MAX:  # what MAX makes of NaN may depend on the order
            local = np.where(np.isnan(local), np.inf, local)
        out = np.empty_like(local)
        flat, to = local.reshape(-1), out.reshape(-1)
        for start in range(0, flat.size, MOST):
            part = slice(start, start + MOST)
            self.comm.Allreduce(flat[part], to[part], op)
            self.traffic.count("allreduce", flat[part].size, purpose)
        return float(out[0]) if np.ndim(x) == 0 else out.reshape(np.shape(x))

    def total_symmetric(self, G, old: int, total: int) -> None:
        """Sum rows and columns old..total of a symmetric matrix, in place; what is above the diagonal is not sent."""
        first = old
        while first < total:
            last, size = first, 0
            while last < total and (size == 0 or size + last < MOST_BUFFER):
                last += 1
                size += last
            ends = np.cumsum(np.arange(first + 1, last + 1))
            packed = np.empty(int(ends[-1]))
            for row, end in enumerate(ends, first):
                packed[end - row - 1 : end] = G[row, : row + 1]
            packed = self.total(packed, "gram")
            for row, end in enumerate(ends, first):
                G[row, : row + 1] = packed[end - row - 1 : end]
            first = last
        for start in range(old, total, MIRROR):
            stop = min(start + MIRROR, total)
            G[:start, start:stop] = G[start:stop, :start].T
            upper = np.triu_indices(stop - start, 1)
            block = G[start:stop, start:stop]
            block[upper] = block.T[upper]

    def total_symmetric_rows(self, blocks, old: int) -> None:
        """Sum rows old.. of several symmetric matrices, stacked along the first axis, over ranks, in place."""
        new, count = blocks.shape[1:]
        lower, upper = np.tri(new, count, old, dtype=bool), np.triu_indices(new, 1)
        blocks[:, lower] = self.total(blocks[:, lower], "gram")
        for block in blocks:
            square = block[:, old:]
            square[upper] = square.T[upper]

    def largest(self, a) -> float:
        """Return the largest entry on any rank."""
        return self._reduce(float(np.max(a, initial=-np.inf)), self._mpi.MAX)

    def smallest(self, a) -> float:
        """Return the smallest entry on any rank."""
        return -self.largest(-np.asarray(a, dtype=np.float64))

    def range(self, rows):
        """Return the smallest and the largest of the rows of an array, entry by entry."""
        rows = np.asarray(rows, dtype=np.float64)
        both = np.stack([np.max(-rows, axis=0, initial=-np.inf), np.max(rows, axis=0, initial=-np.inf)])
        both = self._reduce(both, self._mpi.MAX)
        return -both[0], both[1]

    def any(self, flag) -> bool:
        """Return whether a flag is set on any rank."""
        return self._reduce(float(bool(flag)), self._mpi.MAX) > 0.0

    def mean(self, values, weights=None):
        """Return the (weighted) mean over the samples, which lie along the first axis."""
        values = np.asarray(values, dtype=np.float64)
        if weights is None:
            local, mass = values.sum(axis=0), float(values.shape[0])
        else:
            local, mass = np.tensordot(weights, values, (0, 0)), float(weights.sum())
        sums = self.total(np.append(np.ravel(local), mass))
        mean = sums[:-1] / sums[-1]
        return mean.reshape(np.shape(local)) if np.ndim(local) else float(mean[0])

    def same(self, value):
        """Return the object that the first rank holds."""
        self.traffic.count("bcast", 1)
        return self.comm.bcast(value, root=0)

    def broadcast(self, values, root: int):
        """Return the float64 array that one rank holds; all ranks give one of its shape."""
        out = np.array(values, dtype=np.float64)
        self.comm.Bcast(out, root=root)
        self.traffic.count("bcast", out.size, "products")
        return out

    def shared(self, value) -> list:
        """Return the objects of all ranks, for few and small ones."""
        self.traffic.count("allgather", 1)
        return self.comm.allgather(value)

    def union(self, values):
        """Return the distinct values that any rank holds, sorted."""
        return np.unique(np.concatenate(self.shared(np.unique(values))))

    def place(self, n_samples: int) -> tuple[int, int]:
        """Return (number of the first sample here, samples on all ranks)."""
        before = self.comm.exscan(int(n_samples))
        total = self.comm.allreduce(int(n_samples))
        self.traffic.count("exscan", 1)
        self.traffic.count("allreduce", 1)
        return (0 if self.index == 0 else before), total

    def gathered(self, values):
        """Return the samples of all ranks in their order."""
        return np.concatenate(self.shared(values))

    def joined(self, values, counts):
        """Return one-dimensional arrays of all ranks in their order; `counts` says how long each is."""
        values = np.ascontiguousarray(values)
        if self.size == 1:
            return values
        out = np.empty(int(np.sum(counts)), dtype=values.dtype)
        self.comm.Allgatherv(values, [out, np.asarray(counts)])
        self.traffic.count("allgather", -(-values.nbytes // 8), "products")
        return out

    def on_this_machine(self) -> int:
        """Return how many of the ranks run on this machine."""
        near = self.comm.Split_type(self._mpi.COMM_TYPE_SHARED)
        count = near.Get_size()
        near.Free()
        return count

    def spread(self, design):
        """Return the design of which `design` holds the rows of this rank."""
        from .design import RowDesign

        return RowDesign(design, self)
