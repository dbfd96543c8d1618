"""Penalties: value, proximal map, and distance to the subdifferential; facts without algorithms."""

from .elastic_net import ElasticNet
from .group import Group
from .l1 import L1
from .row_group import RowGroup
from .sparse_group import SparseGroup

__all__ = ["ElasticNet", "Group", "L1", "RowGroup", "SparseGroup"]
