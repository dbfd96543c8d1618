"""Parquet tables, through pyarrow; columns land in Fortran order, as the solvers like them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...exceptions import InvalidProblemError, MissingDependencyError
from ._columns import choose
from ._table import WHOLE, Part, Table, checked, count, listed, quoted

_INSTALL = "pip install 'pyarrow>=15'"  # before 14.0.1, reading a file could unpickle objects


def read(path: Path, *, target, columns, drop, require_target, part: Part = WHOLE) -> Table:
    """Read a Parquet file; the row labels that pandas adds are left out."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError(_INSTALL) from error
    if tuple(int(part) for part in pa.__version__.split(".")[:2]) < (15, 0):
        raise MissingDependencyError(_INSTALL)

    file = pq.ParquetFile(path, memory_map=True)
    labels = _row_labels(file.schema_arrow)
    names = [name for name in file.schema_arrow.names if name not in labels]
    features, goal = choose(names, target, columns, drop, require_target)
    wanted = [names[j] for j in features + ([] if goal is None else [goal])]
    _check_types(pa, file.schema_arrow, wanted)
    table = _rows(file, wanted, part)
    _check_missing(table, wanted)
    float32 = all(_fits_float32(pa, file.schema_arrow.field(names[j]).type) for j in features)
    X = np.empty((table.num_rows, len(features)), np.float32 if float32 else np.float64, order="F")
    for k, j in enumerate(features):
        X[:, k] = _values(pa, table, names[j])
    y = None if goal is None else _values(pa, table, names[goal])
    return checked(X, y, [names[j] for j in features], part)


def _rows(file, wanted: list[str], part: Part):
    """Return the wanted columns of this part, of which only the row groups that hold its rows are read."""
    if part.size == 1:
        return file.read(columns=wanted)
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    ends = np.cumsum([0, *sizes])
    rows = part.rows(int(ends[-1]))
    groups = [i for i in range(len(sizes)) if ends[i] < rows.stop and ends[i + 1] > rows.start]
    table = file.read_row_groups(groups, columns=wanted)
    return table.slice(rows.start - int(ends[groups[0]] if groups else 0), rows.stop - rows.start)


def _row_labels(schema) -> set[str]:
    pandas = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    return {name for name in pandas.get("index_columns", ()) if isinstance(name, str)}


def _values(pa, table, name: str) -> np.ndarray:
    column = table.column(name)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return column.to_numpy()


def _is_number(pa, kind) -> bool:
    t = pa.types
    return t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind) or t.is_decimal(kind)


def _fits_float32(pa, kind) -> bool:
    return pa.types.is_float32(kind) or pa.types.is_float16(kind)


def _check_types(pa, schema, wanted: list[str]) -> None:
    bad = [name for name in wanted if not _is_number(pa, schema.field(name).type)]
    if bad:
        parts = [f"{quoted(name)} ({schema.field(name).type})" for name in bad]
        raise InvalidProblemError(
            f"no numbers in {listed(parts)}: make them numbers, for example one column of 0 and 1 "
            "for each category, or drop the column"
        )


def _check_missing(table, wanted: list[str]) -> None:
    parts = []
    for name in wanted:
        column = table.column(name)
        bad = column.null_count
        if not bad and column.type.bit_width >= 16:  # NaN is not null in Parquet
            values = column.to_numpy()
            bad = int(np.count_nonzero(~np.isfinite(values))) if values.dtype.kind == "f" else 0
        if bad:
            parts.append(f"{quoted(name)} ({count(bad, 'row')})")
    if parts:
        raise InvalidProblemError(
            f"missing or infinite values in {listed(parts)} of {table.num_rows} rows: fill them "
            "in, leave those rows out, or drop the column"
        )
