"""Penalties: value, proximal map, and distance to the subdifferential; facts without algorithms."""

from .box import Box
from .elastic_net import ElasticNet
from .l1 import L1
from .row_group import RowGroup

__all__ = ["Box", "ElasticNet", "L1", "RowGroup"]
