"""The lines of a CSV file, or of the part of it between two bytes, without reading the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ._csv_layout import Layout
from ._table import Part

_BLOCK = 1 << 22  # bytes


def may_span_lines(path: Path) -> bool:
    """Return whether a row could go over several lines, because something is quoted."""
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            if b'"' in block:
                return True
    return False


@contextlib.contextmanager
def rows_of(path: Path, layout: Layout, part: Part) -> Iterator:
    """Give the lines below the header; of a part: those that start in its share of the bytes."""
    if part.size == 1:
        with layout.open(path) as file:
            layout.skip_header(file)
            yield file
        return
    with open(path, "rb") as file:
        if layout.has_header:
            file.readline()
        first = file.tell()
        share = part.rows(path.stat().st_size - first)
        yield _lines(file, first + share.start, first + share.stop)


def _lines(file, start: int, stop: int) -> Iterator[str]:
    file.seek(max(start - 1, 0))
    if start > 0 and file.read(1) != b"\n":
        file.readline()  # it belongs to the part before
    at = file.tell()
    while at < stop and (line := file.readline()):
        at += len(line)
        yield line.decode("utf-8-sig")
