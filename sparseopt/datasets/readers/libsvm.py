"""libsvm (svmlight) text: one row per line, `label index:value index:value ...`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from ...exceptions import InvalidProblemError
from .._csc import csc_of
from ._table import WHOLE, Part, Table, checked

_MOST = 2**31 - 1  # features; a part does not tell how many there are


def read(path: Path, *, columns, require_target, part: Part = WHOLE) -> Table:
    """Read a libsvm file into a csc_array.

    Features count from 1, unless one is numbered 0, which makes the file count from 0. Which of the
    two it was is kept in the feature numbers, so that a later file can be read the same way
    (`columns`).
    """
    from sklearn.datasets import load_svmlight_file  # slow to import, and only needed here

    options = dict(dtype=np.float64, zero_based=True)
    if part.size == 1 or path.suffix.lower() in (".gz", ".bz2"):
        X, y = load_svmlight_file(str(path), **options)
        if part.size > 1:
            X, y = X[part.rows(X.shape[0])], y[part.rows(X.shape[0])]
    else:
        share = part.rows(path.stat().st_size)
        length = max(share.stop - share.start, 1)
        X, y = load_svmlight_file(str(path), n_features=_MOST, offset=share.start, length=length, **options)
        width = int(X.indices.max(initial=0)) + 1
        X = sparse.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], width))
    if columns is None:
        first = 1 if X.nnz and X.indices.min() > 0 else 0
        X = _without_first(X.tocsc(), first)
        return checked(X, y, range(first, first + X.shape[1]), part)
    if not isinstance(columns, range) or columns.step != 1 or columns.start not in (0, 1):
        raise InvalidProblemError("columns of a libsvm file are a range that starts at 0 or 1")
    if X.shape[1] > columns.stop:
        raise InvalidProblemError(
            f"feature {X.shape[1] - 1} is beyond the {len(columns)} expected features"
        )
    X.resize(X.shape[0], columns.stop)
    X = X.tocsc()
    if columns.start == 1 and X.indptr[1]:
        raise InvalidProblemError("there is a feature 0, but features should count from 1")
    return checked(_without_first(X, columns.start), y, columns, part)


def _without_first(X, first: int):
    """X as a csc_array without its first columns, which are empty."""
    shape = (X.shape[0], X.shape[1] - first)
    return csc_of(X.data, X.indices, X.indptr[first:], shape)
