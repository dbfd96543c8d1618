"""Delimited text: parsed in C, and explained cell by cell only when that fails."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...exceptions import InvalidProblemError
from ._columns import choose
from ._csv_explain import explain
from ._csv_layout import BOOLEANS, Layout, layout_of
from ._csv_part import may_span_lines, rows_of
from ._table import WHOLE, Part, Table, checked


def read(path: Path, *, target, columns, drop, require_target, part: Part = WHOLE) -> Table:
    """Read a CSV file: comma, semicolon, tab or bar between values, header or not, UTF-8.

    Columns of True and False, in any case, become 1 and 0.

    An unnamed first column under a header (as pandas and R write row labels) is left out, with a
    warning.
    """
    try:
        return _read(path, target, columns, drop, require_target, part)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InvalidProblemError(f"byte {byte:#x} is not UTF-8 text; save it as UTF-8") from error


def _read(path: Path, target, columns, drop, require_target, part) -> Table:
    layout = layout_of(path)
    if layout.has_row_labels:
        warnings.warn(f"{path}: the unnamed first column was taken as row labels", stacklevel=2)
    features, goal = choose(layout.names, target, columns, drop, require_target)
    first = int(layout.has_row_labels)
    wanted = [j + first for j in features + ([] if goal is None else [goal])]
    data = _load(path, layout, wanted, part, None if goal is None else wanted[-1])
    names: Sequence = [layout.names[j] for j in features]
    if names == list(range(len(names))):
        names = range(len(names))
    if goal is None:
        return checked(data, None, names, part)
    return checked(data[:, :-1], data[:, -1], names, part)


def _load(path: Path, layout: Layout, wanted: list[int], part: Part, goal: int | None = None) -> np.ndarray:
    """The wanted columns, in that order, as finite float64; `goal` is the target's."""
    if part.size > 1 and (path.suffix.lower() not in (".csv", ".tsv") or may_span_lines(path)):
        data = _load(path, layout, wanted, WHOLE, goal)  # only from the start is it known where rows begin
        return data[part.rows(len(data))].copy()
    everything = wanted == list(range(layout.width))
    if not everything:
        _check_widths(path, layout, part)  # loadtxt does not look at rows' widths when it picks columns
    try:
        with rows_of(path, layout, part) as rows, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "input contained no data"
            data = np.loadtxt(
                rows,
                delimiter=layout.delimiter,
                quotechar='"',
                comments=None,
                usecols=None if everything else wanted,
                converters={j: _boolean for j in layout.booleans.intersection(wanted)} or None,
                encoding=None,  # converters get text, also from older numpy
                ndmin=2,
            )
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise InvalidProblemError(explain(path, layout, wanted, goal) or str(error)) from error
    if data.size == 0 and part.size > 1:
        return np.empty((0, len(wanted)))
    if data.size == 0:
        raise InvalidProblemError("there are no rows of data")
    if not np.isfinite(data).all():
        raise InvalidProblemError(explain(path, layout, wanted, goal))
    return data


def _boolean(value: str) -> float:
    try:
        return BOOLEANS[value.strip().lower()]
    except KeyError:
        raise ValueError(f"{value!r} where True or False is expected") from None


def _check_widths(path: Path, layout: Layout, part: Part) -> None:
    with rows_of(path, layout, part) as rows:
        for row in csv.reader(rows, delimiter=layout.delimiter):
            if row and len(row) != layout.width:
                raise InvalidProblemError(explain(path, layout, []) or "rows differ in width")
