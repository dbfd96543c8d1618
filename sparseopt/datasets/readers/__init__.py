"""Readers: one file per format, one table of formats, one function to call."""

from ._dispatch import format_of, read, read_part
from ._table import Part, Table, explain_nonfinite

__all__ = ["Part", "Table", "explain_nonfinite", "format_of", "read", "read_part"]
