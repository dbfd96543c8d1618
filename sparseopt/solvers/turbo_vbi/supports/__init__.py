"""Priors of which coefficients are not zero, all with one interface."""

from ._base import Support
from .chain import ChainSupport
from .grid import GridSupport
from .groups import GroupSupport
from .iid import IIDSupport
from .tree import TreeSupport

__all__ = ["ChainSupport", "GridSupport", "GroupSupport", "IIDSupport", "Support", "TreeSupport"]
