"""libsvm (svmlight) text: one row per line, `label index:value index:value ...`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from ...exceptions import InvalidProblemError
from ._table import Table, checked


def read(path: Path, *, columns, require_target) -> Table:
    """Read a libsvm file into a csc_array.

    Features count from 1, unless one is numbered 0, which makes the file count from 0. Which of the two
    it was is kept in the feature numbers, so that a later file can be read the same way (`columns`).
    """
    from sklearn.datasets import load_svmlight_file  # slow to import, and only needed here

    X, y = load_svmlight_file(str(path), dtype=np.float64, zero_based=True)
    if columns is None:
        first = 1 if X.nnz and X.indices.min() > 0 else 0
        X = sparse.csc_array(X)[:, first:]
        return checked(X, y, range(first, first + X.shape[1]))
    if not isinstance(columns, range) or columns.step != 1 or columns.start not in (0, 1):
        raise InvalidProblemError("columns of a libsvm file are a range that starts at 0 or 1")
    if X.shape[1] > columns.stop:
        raise InvalidProblemError(
            f"feature {X.shape[1] - 1} is beyond the {len(columns)} expected features"
        )
    X.resize(X.shape[0], columns.stop)
    X = sparse.csc_array(X)
    if columns.start == 1:
        if X.indptr[1]:
            raise InvalidProblemError("feature 0 occurs, but features were expected to count from 1")
        X = X[:, 1:]
    return checked(X, y, columns)
