"""A design whose columns lie on several ranks: for dense tables with few rows and very many columns."""

from __future__ import annotations

import numpy as np

from .._ranks import Ranks
from ..exceptions import IncompatibleError, RankMismatchError
from ..problem.design import DenseDesign, Design, as_design
from .ranks import MpiRanks

ROOM = 64  # columns of other ranks for which there is room at first


class ColumnDesign(Design):
    """Columns of a dense matrix on this rank; every rank holds all samples, y and the coefficients.

    Products with X' are local and are put together; a column that joins a working set is sent to all ranks, once. A
    path therefore sends the coefficients' length for each dual point, as :class:`RowDesign` does, and n numbers for
    each column in use. Making one and taking products are collective: all ranks do it, in the same order.

    Parameters
    ----------
    X : array-like of shape (n, p_local)
        The columns of this rank, in the order of the ranks; p_local may differ and may be 0. Not copied.
    comm : mpi4py communicator or MpiRanks, optional
        Default: ``COMM_WORLD``.

    Attributes
    ----------
    shape : (n, p)
        p on all ranks together.
    column0 : int
        Number of the first column of this rank.

    Raises
    ------
    RankMismatchError
        When ranks differ in the number of rows or the type.
    IncompatibleError
        When X is sparse: its rows can be spread.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> design = so.mpi.ColumnDesign(X)  # a single rank, without mpiexec
    >>> so.solve(so.Problem(design, [2.0, 0.0, 2.0], penalty=so.penalties.L1(alpha=0.1))).coef.round(2)
    array([1.55, 0.  ])
    """

    is_sparse = False
    sweeps = False

    def __init__(self, X, comm=None) -> None:
        self.mpi = comm if isinstance(comm, MpiRanks) else MpiRanks(comm)
        self.base = as_design(X)
        kinds = self.mpi.shared((self.base.shape, str(self.base.dtype), self.base.is_sparse))
        if any(is_sparse for *_, is_sparse in kinds):
            raise IncompatibleError("columns of a sparse matrix cannot be spread over ranks; spread its rows")
        if len({(n, dtype) for (n, _), dtype, _ in kinds}) > 1:
            said = "; ".join(f"rank {k}: {n} rows, {dtype}" for k, ((n, _), dtype, _) in enumerate(kinds))
            raise RankMismatchError(f"ranks hold columns of different kinds ({said})")
        self.counts = np.array([p for (_, p), *_ in kinds])
        self.ends = np.cumsum(self.counts)
        self.column0 = int(self.ends[self.mpi.index] - self.counts[self.mpi.index])
        self.shape, self.dtype = (self.base.shape[0], int(self.ends[-1])), self.base.dtype
        self.n_stored = self.shape[0] * self.shape[1]
        self.ranks = ColumnRanks(self.mpi)
        self._place = np.full(self.shape[1], -1, dtype=np.intp)  # of the columns that have been sent
        self._store = np.empty((self.shape[0], 0), dtype=self.dtype, order="F")
        self._n_here = 0

    def columns(self, center=None, factor=None):
        """Return a compiled view of the columns, products of which are put together."""
        return SpreadColumns(self, center, factor)

    def column_counts(self, cols) -> int:
        """Return how many entries the given columns have together."""
        return self.n_samples * len(cols)

    def _fetch(self, cols):
        """Return the places of columns among those that every rank holds; what is missing is sent by its owner."""
        cols = np.asarray(cols, dtype=np.intp)
        missing = np.unique(cols[self._place[cols] < 0])
        if missing.size:
            n, old = self.n_samples, self._n_here
            total = old + missing.size
            if total > self._store.shape[1]:
                grown = np.empty((n, min(total + max(ROOM, total // 2), self.n_features)), self.dtype, order="F")
                grown[:, :old] = self._store[:, :old]
                self._store = grown
            mine = missing[np.searchsorted(self.ends, missing, side="right") == self.mpi.index] - self.column0
            counts = np.histogram(missing, np.concatenate([[0], self.ends]))[0] if self.mpi.size > 1 else None
            sent = np.ascontiguousarray(self.base.array[:, mine].T)  # ranks hold consecutive columns, in order
            self._store[:, old:total] = self.mpi.joined(sent.ravel(), None if counts is None else counts * n).reshape(
                missing.size, n).T  # fmt: skip
            self._place[missing] = np.arange(old, total)
            self._n_here = total
        return self._place[cols]

    def _held(self, center, factor):
        """Return the compiled view of the columns that every rank holds."""
        members = np.flatnonzero(self._place >= 0)
        members = members[np.argsort(self._place[members])]
        part = [None if values is None else values[members] for values in (center, factor)]
        return DenseDesign(self._store[:, : self._n_here]).columns(*part)

    def __repr__(self) -> str:
        return f"ColumnDesign({self.n_samples} x {self.base.shape[1]} of {self.n_features}, {self.dtype})"


class SpreadColumns:
    """Compiled columns of which each rank holds some; see :class:`sparseopt._ext._columns.Columns`."""

    def __init__(self, design: ColumnDesign, center, factor) -> None:
        self.design, self.center, self.factor = design, center, factor
        first = design.column0
        here = slice(first, first + design.base.shape[1])
        self.local = design.base.columns(
            *(None if v is None else np.ascontiguousarray(v[here]) for v in (center, factor))
        )
        self.here = here
        self.block_order, self.centered = self.local.block_order, center is not None
        self.n_rows, self.n_cols = design.shape

    def _joined(self, local):
        """Return values of the columns of all ranks, along the last axis."""
        design = self.design
        if design.mpi.size == 1:
            return local
        lead = local.shape[:-1]
        size = int(np.prod(lead))
        flat = design.mpi.joined(np.ascontiguousarray(local).ravel(), design.counts * size)
        out, at = np.empty((size, self.n_cols)), 0
        for count, end in zip(design.counts, design.ends, strict=True):
            out[:, end - count : end] = flat[at : at + size * count].reshape(size, count)
            at += size * count
        return out.reshape(*lead, self.n_cols)

    def rmatvec(self, r, cols=None, n_threads=1):
        """Return X[:, cols]' r, for all columns where `cols` is None."""
        if cols is None:
            return self._joined(self.local.rmatvec(r, n_threads=n_threads))
        cols = np.asarray(cols, dtype=np.intp)
        order = np.argsort(cols, kind="stable")
        owner = np.searchsorted(self.design.ends, cols[order], side="right")
        mine = np.ascontiguousarray(cols[order][owner == self.design.mpi.index] - self.design.column0)
        counts = np.bincount(owner, minlength=self.design.mpi.size)
        out = np.empty(cols.size)
        out[order] = self.design.mpi.joined(self.local.rmatvec(r, mine, n_threads=n_threads), counts)
        return out

    def rmatmat(self, R, n_threads=1):
        """Return (X' R)' with shape (m, n_cols)."""
        return self._joined(self.local.rmatmat(R, n_threads=n_threads))

    def moments(self, s, t, reference=0, n_threads=1):
        """Return mean, sum of squares about the mean, and X't for every column: shape (3, n_cols)."""
        return self._joined(np.asarray(self.local.moments(s, t, reference, n_threads)))

    def subtract(self, cols, W, R, n_threads=1):
        """R[:, k] -= X[:, cols] W[k] for every k."""
        places = self.design._fetch(cols)
        self.design._held(self.center, self.factor).subtract(places, W, R, n_threads=n_threads)

    def extend_gram(self, cols, old, s, G, n_threads=1):
        """Fill rows and columns old..len(cols) of G = X_c' S X_c, whose leading old x old part is there already."""
        places = self.design._fetch(cols)
        self.design._held(self.center, self.factor).extend_gram(places, old, s, G, n_threads=n_threads)


class ColumnRanks(Ranks):
    """Ranks that all hold all samples: sums over these are local."""

    def __init__(self, mpi: MpiRanks) -> None:
        self.mpi, self.index, self.size = mpi, mpi.index, mpi.size

        self.counts = self.ends = np.zeros(self.size, dtype=np.intp)

    def same(self, value):
        """Return the value that the first rank holds."""
        return self.mpi.same(value)

    def place_columns(self, n_columns: int) -> tuple[int, int]:
        """Return (number of the first column here, columns on all ranks)."""
        self.counts = np.array(self.mpi.shared(int(n_columns)))
        self.ends = np.cumsum(self.counts)
        return self._first, int(self.ends[-1])

    @property
    def _first(self) -> int:
        return int(self.ends[self.index] - self.counts[self.index])

    def total_of_columns(self, x):
        """Return the sum of numbers, or arrays, that each rank made of its columns."""
        return self.mpi.total(x)

    def of_all_columns(self, values):
        """Return values of all columns, along the first axis; each rank gives those of its own."""
        rest = values.shape[1:]
        size = int(np.prod(rest))
        joined = self.mpi.joined(np.ascontiguousarray(values).ravel(), self.counts * size)
        return joined.reshape(-1, *rest)

    def take_columns(self, matrix, numbers):
        """Return columns of the matrix that the ranks hold together, by their numbers on all ranks."""
        numbers = np.asarray(numbers, dtype=np.intp)
        order = np.argsort(numbers, kind="stable")
        # what is beyond the last column (atoms) lies on the last rank
        owner = np.minimum(np.searchsorted(self.ends, numbers[order], side="right"), self.size - 1)
        mine = numbers[order][owner == self.index] - self._first
        counts = np.bincount(owner, minlength=self.size) * matrix.shape[0]
        sent = self.mpi.joined(np.ascontiguousarray(matrix[:, mine].T).ravel(), counts)
        out = np.empty((matrix.shape[0], numbers.size), dtype=matrix.dtype, order="F")
        out[:, order] = sent.reshape(numbers.size, -1).T if numbers.size else out
        return out

    def of_all_pairs(self, pairs):
        """Return the rows of integer arrays of shape (k, 2) of all ranks, in their order."""
        return np.concatenate(self.mpi.shared(pairs))

    def best_column(self, j: int, score: float) -> tuple[int, float]:
        """Return number and score of the best column; each rank gives its own best, -1 for none."""
        found = self.mpi.shared((j + self._first if j >= 0 else -1, float(score)))
        return max((one for one in found if one[0] >= 0), key=lambda one: (one[1], -one[0]), default=(-1, 0.0))

    def best_columns(self, scores, values):
        """Return for each column of `scores` (own columns, k) the number of the best, its score and its value."""
        at, best, own = super().best_columns(scores, values)
        found = np.array(self.mpi.shared((at + self._first, best, own)))
        which = found[:, 1].argmax(axis=0)
        each = np.arange(scores.shape[1])
        return found[which, 0, each].astype(np.intp), found[which, 1, each], found[which, 2, each]

    def spread(self, design):
        """Return the design of which `design` holds the columns of this rank."""
        return ColumnDesign(design, self.mpi)
