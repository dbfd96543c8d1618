"""Reading a file by parts: every rank its own rows."""

from __future__ import annotations

import os

import numpy as np
from scipy import sparse

from ..datasets.readers import Part, Table, format_of, read_part
from ..exceptions import InvalidProblemError
from .agreement import compare, together
from .ranks import MpiRanks


def read_rows(path: str | os.PathLike, comm=None, **options) -> Table:
    """Read the rows of this rank from a file that all ranks can see.

    Collective: all ranks call it with the same options. Ranks hold consecutive rows, about as many each.

    Parameters
    ----------
    path : path-like
        The formats of :func:`sparseopt.datasets.read`. Arrays in ``.npy``, ``.npz`` without compression and HDF5 are
        mapped into memory, of Parquet the row groups that hold the rows are read, text is cut between bytes (libsvm,
        CSV without quotes). Compressed files, CSV with quotes and CSC matrices are read by every rank, which keeps
        its rows.
    comm : mpi4py communicator or MpiRanks, optional
        Default: ``COMM_WORLD``.
    **options
        ``target, key, columns, drop, require_target`` of :func:`sparseopt.datasets.read`.

    Returns
    -------
    Table
        Named tuple ``(X, y, feature_names)``, the same columns on all ranks.

    Raises
    ------
    InvalidProblemError, OSError, MissingDependencyError
        On all ranks, when the file cannot be used on any; the message names the rank.
    RankMismatchError
        When ranks disagree on the columns.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import sparseopt as so
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "data.npz")
    ...     np.savez(path, X=np.eye(6), y=np.arange(6.0))
    ...     X, y, names = so.mpi.read_rows(path)  # under mpiexec -n 2: three rows on each rank
    >>> X.shape, y
    ((6, 6), array([0., 1., 2., 3., 4., 5.]))
    """
    ranks = comm if isinstance(comm, MpiRanks) else MpiRanks(comm)
    table = together(ranks, lambda: read_part(path, Part(ranks.index, ranks.size), **options))
    if ranks.size > 1 and options.get("columns") is None and format_of(path).title == "libsvm":
        table = _with_all_features(table, ranks)
    compare(ranks, {"columns": list(table.feature_names)})
    if ranks.place(table.X.shape[0])[1] == 0:
        raise InvalidProblemError(f"{path}: no rows")
    return table


def _with_all_features(table: Table, ranks: MpiRanks) -> Table:
    """Let a part of a libsvm file have the features that any part uses, counted from 0 or 1 as the whole does."""
    first = table.feature_names[0]
    from_zero = ranks.any(first == 0 and table.X.nnz > 0)
    last = int(ranks.largest(float(table.feature_names[-1])))
    start = 0 if from_zero or not ranks.any(table.X.nnz > 0) else 1
    X = table.X
    before = first - start
    counts = np.diff(X.indptr)[max(0, -before) :]
    counts = np.concatenate([np.zeros(max(0, before), counts.dtype), counts])
    counts = np.concatenate([counts, np.zeros(last - start + 1 - counts.size, counts.dtype)])
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(X.indptr.dtype)
    X = sparse.csc_array((X.data, X.indices, indptr), shape=(X.shape[0], counts.size))
    return Table(X, table.y, range(start, last + 1))
