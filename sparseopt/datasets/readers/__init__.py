"""Readers: one file per format, one table of formats, one function to call."""

from ._dispatch import format_of, read
from ._table import Table, explain_nonfinite

__all__ = ["Table", "explain_nonfinite", "format_of", "read"]
