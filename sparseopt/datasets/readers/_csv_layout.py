"""How a CSV file is laid out: compression, delimiter, header, width."""

from __future__ import annotations

import bz2
import csv
import gzip
import itertools
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ...exceptions import InvalidProblemError
from ._table import count

_OPENERS: dict[str, Callable] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_DELIMITERS = ",;\t|"
_MAX_LINE = 2**26  # characters; a longer first line means that this is not a table
_MAX_NAME = 1000

BOOLEANS = {"true": 1.0, "false": 0.0}
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", ".", "missing"}


@dataclass(frozen=True)
class Layout:
    """Facts of one CSV file."""

    delimiter: str
    width: int  # values in a row
    names: Sequence  # without the column of row labels; a range when there is no header
    has_header: bool
    has_row_labels: bool
    booleans: frozenset[int] = frozenset()  # values of a row, by place, that say True or False

    def open(self, path: Path) -> TextIO:
        """Open the file as text, decompressed, at its start."""
        return open_text(path)

    def skip_header(self, file: TextIO) -> None:
        """Move behind the header, which may span lines when it is quoted."""
        if self.has_header:
            next(csv.reader(file, delimiter=self.delimiter))

    def ragged(self, line: int, width: int) -> InvalidProblemError:
        """The error for a row of another width."""
        return InvalidProblemError(
            f"line {line} has {count(width, 'value')} where the first line has {self.width}"
        )

    def column(self, j: int) -> str | int:
        """The name of the j-th value of a row, its number when there is no header."""
        return self.names[j - int(self.has_row_labels)]


def open_text(path: Path) -> TextIO:
    """Open UTF-8 text, with or without a byte order mark, decompressed by its extension."""
    opener = _OPENERS.get(path.suffix.lower(), open)
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def layout_of(path: Path) -> Layout:
    """Look at the first two rows."""
    with open_text(path) as file:
        head = file.readline(_MAX_LINE)
        if "\0" in head:
            raise InvalidProblemError("this looks like binary data, or UTF-16, and not UTF-8 text")
        if len(head) >= _MAX_LINE:
            raise InvalidProblemError(f"the first line is longer than {_MAX_LINE} characters")
        delimiter = max(_DELIMITERS, key=_outside_quotes(head).count)
        lines = itertools.chain([head], file)
        rows = filter(None, csv.reader(lines, delimiter=delimiter))
        first, second = next(rows, None), next(rows, None)
    if first is None:
        raise InvalidProblemError("there is nothing but empty lines")
    if not _is_header(first, second):
        return Layout(delimiter, len(first), range(len(first)), False, False, _booleans(first))
    names = [name.strip() for name in first]
    names[0] = names[0].removeprefix("#").lstrip()  # numpy.savetxt writes headers as comments
    has_labels = len(names) > 1 and not names[0]
    longest = max(names, key=len)
    if len(longest) > _MAX_NAME:
        raise InvalidProblemError(
            f"a column name has {len(longest)} characters; is the first line a header?"
        )
    names = [name or f"column {j}" for j, name in enumerate(names)][int(has_labels) :]
    return Layout(delimiter, len(first), names, True, has_labels, _booleans(second or []))


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _booleans(row: list[str]) -> frozenset[int]:
    return frozenset(j for j, value in enumerate(row) if is_boolean(value))


def _is_header(first: list[str], second: list[str] | None) -> bool:
    """A header is all text, or has text where the row below has a number or nothing."""
    text = [not (is_number(value) or is_boolean(value) or is_missing(value)) for value in first]
    if not any(text):
        return False
    if all(t or not value.strip() for t, value in zip(text, first, strict=True)) or second is None:
        return True
    return any(t and (is_number(v) or is_boolean(v)) for t, v in zip(text, second, strict=False))


def is_missing(value: str) -> bool:
    """Whether a cell says that its value is not known."""
    return value.strip().lower() in MISSING


def is_boolean(value: str) -> bool:
    """Whether a cell says True or False."""
    return value.strip().lower() in BOOLEANS


def is_number(value: str) -> bool:
    """Whether a cell is a finite or infinite number."""
    try:
        number = float(value)
    except ValueError:
        return False
    return number == number and "_" not in value
