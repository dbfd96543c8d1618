"""What a reader returns, and the checks that every format shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ...exceptions import InvalidProblemError

_SHOWN = 5  # columns named in one message
_BLOCK = 2**22  # entries looked at together


class Table(NamedTuple):
    """Data as a fit wants it.

    Attributes
    ----------
    X : ndarray, memmap or csc_array of shape (n, p)
    y : ndarray of shape (n,) or (n, t), float64, or None when the file was read without a target
    feature_names : list of str, or list or range of int
        Names when the file has them; else column numbers, counted as the format counts them (libsvm
        from 1, everything else from 0), as a range unless the target stood between the features.
    """

    X: Any
    y: np.ndarray | None
    feature_names: Sequence


@dataclass(frozen=True)
class Part:
    """The rows that one of several readers takes: as many as the others take, up to one."""

    index: int
    size: int

    def rows(self, n: int) -> slice:
        """Return which of n rows (or bytes) belong to this part."""
        return slice(n * self.index // self.size, n * (self.index + 1) // self.size)

    def cut(self, X, y) -> tuple[Any, Any]:
        """Return the rows of X and y in this part."""
        if self.size == 1:
            return X, y
        if y is not None and y.shape[:1] != X.shape[:1]:
            raise InvalidProblemError(f"X has {X.shape[0]} rows but y has shape {y.shape}")
        rows = self.rows(X.shape[0])
        X = X.tocsr()[rows].tocsc() if sparse.issparse(X) else X[rows]
        return X, None if y is None else y[rows]


WHOLE = Part(0, 1)


def checked(X, y, feature_names, part: Part = WHOLE) -> Table:
    """Return a Table whose columns fit together, or raise InvalidProblemError."""
    X = check_design(X, part)
    if y is not None:
        y = check_target(y)
        if y.shape[0] != X.shape[0]:
            raise InvalidProblemError(f"X has {X.shape[0]} rows but y has {y.shape[0]}")
    if len(feature_names) != X.shape[1]:
        raise InvalidProblemError(
            f"{len(feature_names)} feature names for {X.shape[1]} columns of X"
        )
    return Table(X, y, feature_names)


def check_design(X, part: Part = WHOLE):
    """Return X two-dimensional, real, not empty (but a part may be); its entries are not looked at."""
    if X.dtype.kind not in "fiub":
        raise InvalidProblemError(f"X must hold real numbers, its type is {X.dtype}")
    if X.ndim != 2:
        raise InvalidProblemError(f"X must have two dimensions, its shape is {X.shape}")
    if X.shape[1] == 0 or (X.shape[0] == 0 and part.size == 1):
        raise InvalidProblemError(f"X is empty, its shape is {X.shape}")
    return X


def check_target(y) -> np.ndarray:
    """Return y as finite float64, a single column flattened."""
    y = np.asarray(y)
    if y.dtype.kind not in "fiub":
        raise InvalidProblemError(f"the target must hold real numbers, its type is {y.dtype}")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise InvalidProblemError(f"the target must have one or two dimensions, has {y.ndim}")
    y = np.array(y, dtype=np.float64)
    bad = int(np.count_nonzero(~np.isfinite(y)))
    if bad:
        raise InvalidProblemError(f"the target holds {count(bad, 'missing or infinite value')}")
    return y


def explain_nonfinite(X, feature_names) -> str | None:
    """Say which columns of X hold NaN or infinite entries; None when there are none.

    Reads all of X, so it is called when a fit has already refused the data, not before every fit.
    """
    n_rows, n_cols = X.shape
    if X.dtype.kind != "f":
        return None
    if sparse.issparse(X):
        X = X.tocsc()
        bad = np.bincount(
            np.repeat(np.arange(n_cols), np.diff(X.indptr))[~np.isfinite(X.data)], minlength=n_cols
        )
    else:
        bad = np.zeros(n_cols, dtype=np.int64)
        for rows, cols in _blocks(X):
            bad[cols] += np.count_nonzero(~np.isfinite(X[rows, cols]), axis=0)
    columns = np.flatnonzero(bad)
    if columns.size == 0:
        return None
    parts = [f"{name_of(feature_names, j)} ({count(int(bad[j]), 'row')})" for j in columns[:_SHOWN]]
    return f"missing or infinite values in {listed(parts, columns.size)} of {n_rows} rows"


def _blocks(X):
    """Slices that cover X in the order it lies in, a few million entries each."""
    everything = slice(None)
    along = 1 if X.flags.f_contiguous else 0
    step = max(1, _BLOCK // X.shape[1 - along])
    for start in range(0, X.shape[along], step):
        part = slice(start, start + step)
        yield (everything, part) if along else (part, everything)


def name_of(feature_names, j: int) -> str:
    """A column as people should see it: quoted name, or its number."""
    name = feature_names[j]
    return quoted(name) if isinstance(name, str) else f"column {name}"


def quoted(text: str, width: int = 40) -> str:
    """Text from a file made safe to print: quoted, control characters escaped, cut to width."""
    return repr(text if len(text) <= width else text[: width - 3] + "...")


def listed(parts: Sequence[str], total: int | None = None) -> str:
    """Join a few parts and say how many more there are."""
    total = len(parts) if total is None else total
    shown = ", ".join(parts[:_SHOWN])
    return shown if total <= _SHOWN else f"{shown} and {total - _SHOWN} more"


def count(n: int, noun: str) -> str:
    """Return "1 row", "2 rows" and so on."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
