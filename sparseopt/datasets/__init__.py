"""Data: readers for common file formats and seeded generators of problems with a known answer."""

from ._correlated import make_correlated
from ._text_like import make_sparse_design
from .readers import Table, read

__all__ = ["Table", "make_correlated", "make_sparse_design", "read"]
