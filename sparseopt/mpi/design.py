"""A design whose rows lie on several ranks."""

from __future__ import annotations

import numpy as np

from ..exceptions import RankMismatchError
from ..problem.design import Design, as_design
from .ranks import MpiRanks


class RowDesign(Design):
    """Rows of a matrix on this rank; products with X' are summed over the ranks.

    Everything of the length of a sample is local (``matvec``, residuals, weights); everything of the length of a
    feature is the same on all ranks. Making one and taking products are collective: all ranks do it, in the same order.

    Parameters
    ----------
    X : Design, array-like or sparse matrix of shape (n_local, p)
        The rows of this rank, in the order of the ranks; n_local may differ and may be 0. Not copied.
    comm : mpi4py communicator or MpiRanks, optional
        Default: ``COMM_WORLD``.

    Attributes
    ----------
    shape : (n_local, p)
    n_total : int
        Rows on all ranks.
    row0 : int
        Number of the first row of this rank.
    n_stored : int
        Stored entries on all ranks.

    Raises
    ------
    RankMismatchError
        When ranks differ in the number of columns, the type, or in being sparse.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> design = so.mpi.RowDesign(X)  # a single rank, without mpiexec
    >>> so.solve(so.Problem(design, [2.0, 0.0, 2.0], penalty=so.penalties.L1(alpha=0.1))).coef.round(2)
    array([1.55, 0.  ])
    """

    sweeps = False

    def __init__(self, X, comm=None) -> None:
        self.ranks = comm if isinstance(comm, MpiRanks) else MpiRanks(comm)
        base = as_design(X)
        self.base = base
        self.shape, self.dtype, self.is_sparse = base.shape, base.dtype, base.is_sparse
        kinds = self.ranks.shared((base.shape[1], str(base.dtype), base.is_sparse))
        if len(set(kinds)) > 1:
            said = "; ".join(
                f"rank {k}: {p} columns, {dtype}, {'sparse' if is_sparse else 'dense'}"
                for k, (p, dtype, is_sparse) in enumerate(kinds)
            )
            raise RankMismatchError(f"ranks hold different kinds of matrices ({said})")
        self.row0, self._n_total = self.ranks.place(base.shape[0])
        self._counts = None
        if self.is_sparse:
            self._counts = self.ranks.total(base.columns().column_counts(), "products").astype(np.int64)
        self.n_stored = int(self._n_total * base.shape[1] if self._counts is None else self._counts.sum())
        for name in ("array", "matrix"):
            if hasattr(base, name):
                setattr(self, name, getattr(base, name))

    @property
    def n_total(self) -> int:
        """Rows on all ranks."""
        return self._n_total

    def columns(self, center=None, factor=None):
        """Return a compiled view of the columns of which products are summed over ranks."""
        return RowColumns(self.base.columns(center, factor), self.ranks)

    def column_counts(self, cols) -> int:
        """Return how many stored entries the given columns have together on all ranks."""
        return self._n_total * len(cols) if self._counts is None else int(self._counts[cols].sum())

    def __repr__(self) -> str:
        return f"RowDesign({self.n_samples} of {self.n_total} x {self.n_features}, {self.dtype})"


class RowColumns:
    """Compiled columns of local rows; see :class:`sparseopt._ext._columns.Columns`."""

    def __init__(self, local, ranks: MpiRanks) -> None:
        self.local, self.ranks = local, ranks
        self.block_order, self.centered = local.block_order, local.centered
        self.n_rows, self.n_cols = local.n_rows, local.n_cols
        self.subtract = local.subtract

    def rmatvec(self, r, cols=None, n_threads=1):
        """Return X[:, cols]' r, for all columns where `cols` is None."""
        return self.ranks.total(self.local.rmatvec(r, cols, n_threads=n_threads), "products")

    def rmatmat(self, R, n_threads=1):
        """Return (X' R)' with shape (m, n_cols)."""
        return self.ranks.total(self.local.rmatmat(R, n_threads=n_threads), "products")

    def moments(self, s, t, reference=0, n_threads=1):
        """Return mean, sum of squares about the mean, and X't for every column: shape (3, n_cols).

        Sums are taken about the mean of the first rank that holds weight, so that a constant column gives exactly zero.
        """
        n, p = self.n_rows, self.n_cols
        mass = float(n if s is None else s.sum())
        reference = 0 if s is None or mass == 0.0 else int(np.argmax(s > 0.0))
        if mass > 0.0:
            means, squares, products = self.local.moments(s, t, reference, n_threads)
        else:
            means, squares, products = np.zeros(p), np.zeros(p), self.local.rmatvec(t, n_threads=n_threads)
        root = int(self.ranks.smallest(float(self.ranks.index) if mass > 0.0 else np.inf))
        about = self.ranks.broadcast(means, root)
        away = means - about if mass > 0.0 else np.zeros(p)
        packed = np.concatenate([mass * away, squares + mass * away * away, products, [mass]])
        packed = self.ranks.total(packed, "products")
        sums, seconds, products = packed[:-1].reshape(3, p)
        drift = sums / packed[-1]
        squares = seconds - drift * sums
        squares = np.where(squares > 1e-13 * seconds, squares, 0.0 * squares)  # below it is rounding error
        return np.stack([about + drift, squares, products])

    def extend_gram(self, cols, old, s, G, n_threads=1):
        """Fill rows and columns old..len(cols) of G = X_c' S X_c, whose leading old x old part is there already."""
        self.local.extend_gram(cols, old, s, G, n_threads=n_threads)
        self.ranks.total_symmetric(G, old, len(cols))
