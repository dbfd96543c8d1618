"""Penalties: value, proximal map, and distance to the subdifferential; facts without algorithms."""

from ._separable import SeparablePenalty as SeparablePenalty  # for solvers; not public
from .box import Box
from .cel0 import CEL0
from .elastic_net import ElasticNet
from .group import Group
from .l0 import L0
from .l1 import L1
from .lq import Lq
from .mcp import MCP
from .row_group import RowGroup
from .scad import SCAD
from .sparse_group import SparseGroup
from .topk import TopK

__all__ = [
    "Box",
    "CEL0",
    "ElasticNet",
    "Group",
    "L0",
    "L1",
    "Lq",
    "MCP",
    "RowGroup",
    "SCAD",
    "SparseGroup",
    "TopK",
]
