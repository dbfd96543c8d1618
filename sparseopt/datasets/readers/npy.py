"""A single NumPy array, with the target as one of its columns or in a second file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...exceptions import InvalidProblemError
from ._mapped import array_at
from ._table import WHOLE, Part, Table, check_design, checked


def read(path: Path, *, target, require_target, part: Part = WHOLE) -> Table:
    """Read an .npy file; the first and the last column can be split off without a copy of X."""
    X = check_design(array_at(path))
    if target is None:
        if require_target:
            raise InvalidProblemError(
                f"which of the columns 0 to {X.shape[1] - 1} is the target? Give its number "
                "(-1: the last), or a second .npy file that holds it"
            )
        return checked(part.cut(X, None)[0], None, range(X.shape[1]), part)
    column = column_number(target)
    if column is None:
        return checked(*part.cut(X, target_file(target)), feature_names=range(X.shape[1]), part=part)
    return split_column(X, column, part)


def column_number(target) -> int | None:
    """The column number that a target names, None when it names something else."""
    try:
        return int(target)
    except ValueError:
        return None


def split_column(X, column: int, part: Part = WHOLE) -> Table:
    """Take one column of X as the target."""
    p = X.shape[1]
    if not -p <= column < p:
        raise InvalidProblemError(f"there is no column {column}; columns are 0 to {p - 1}")
    if p == 1:
        raise InvalidProblemError("the only column is the target, so no feature is left")
    column %= p
    X, _ = part.cut(X, None)
    if column in (0, p - 1):
        rest = X[:, 1:] if column == 0 else X[:, :-1]
    else:
        rest = np.delete(X, column, axis=1)
    names: Sequence = range(p - 1) if column == p - 1 else [j for j in range(p) if j != column]
    return checked(rest, X[:, column], names, part)


def target_file(target) -> np.ndarray:
    """Read y from its own .npy file."""
    path = Path(target)
    if path.suffix.lower() != ".npy" or not path.is_file():
        raise InvalidProblemError(
            f"target {str(target)!r} is neither a column number nor an .npy file"
        )
    try:
        return array_at(path)
    except (ValueError, EOFError) as error:
        raise InvalidProblemError(f"target file {path} is not readable ({error})") from error
