"""Why a CSV file could not be used: the slow second look, cell by cell."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ._csv_layout import Layout, is_boolean, is_missing, is_number
from ._table import count, listed, name_of, quoted


@dataclass
class _Fault:
    rows: int
    line: int
    example: str


def explain(path: Path, layout: Layout, wanted: list[int], goal: int | None = None) -> str | None:
    """Describe text and missing values by column (`goal`: the target's), or the first row of a wrong width."""
    text: dict[int, _Fault] = {}
    missing: dict[int, _Fault] = {}
    booleans: dict[int, _Fault] = {}  # no fault in a column that has nothing else
    numbers: set[int] = set()
    n_rows = 0
    with layout.open(path) as file:
        reader = csv.reader(file, delimiter=layout.delimiter)
        if layout.has_header:
            next(reader)
        for row in reader:
            if not row:
                continue
            n_rows += 1
            if len(row) != layout.width:
                return str(layout.ragged(reader.line_num, len(row)))
            for j in wanted:
                value = row[j]
                if is_number(value) and isfinite(float(value)):
                    numbers.add(j)
                    continue
                faults = missing if is_missing(value) or is_number(value) else text
                faults = booleans if is_boolean(value) else faults
                fault = faults.setdefault(j, _Fault(0, reader.line_num, value))
                fault.rows += 1
    text = {j: f for j, f in booleans.items() if j in numbers} | text
    labels = {j: text.pop(j) for j in [goal] if j in text}
    found = (_text(layout, text), _text(layout, labels, target=True), _missing(layout, missing, n_rows))
    return "; ".join(filter(None, found)) or None


def _name(layout: Layout, j: int) -> str:
    return name_of({j: layout.column(j)}, j)


def _text(layout: Layout, faults: dict[int, _Fault], target: bool = False) -> str:
    if not faults:
        return ""
    parts = [
        f"{_name(layout, j)} ({quoted(f.example, 20)} in line {f.line})" for j, f in faults.items()
    ]
    or_drop = "" if target else ", or drop the column"
    if all(_has_decimal_comma(f.example) for f in faults.values()):
        return (
            f"commas in the numbers of {listed(parts)}: write points, for example with "
            f"pandas.read_csv(..., decimal=',') and to_csv{or_drop}"
        )
    if target:
        return f"text in {listed(parts)}, the target: make it numbers, for example 0, 1, ... for classes"
    return (
        f"text in {listed(parts)}: make it numbers, for example one column of 0 and 1 for each "
        "category, or drop the column"
    )


def _has_decimal_comma(value: str) -> bool:
    return value.count(",") == 1 and is_number(value.replace(",", "."))


def _missing(layout: Layout, faults: dict[int, _Fault], n_rows: int) -> str:
    if not faults:
        return ""
    parts = [
        f"{_name(layout, j)} ({count(f.rows, 'row')}, first in line {f.line})"
        for j, f in faults.items()
    ]
    return (
        f"missing or infinite values in {listed(parts)} of {n_rows} rows: fill them in, leave "
        "those rows out, or drop the column"
    )
