"""Penalties: value, proximal map, and distance to the subdifferential; facts without algorithms."""

from ._separable import SeparablePenalty as SeparablePenalty  # for solvers; not public
from .cel0 import CEL0
from .box import Box
from .elastic_net import ElasticNet
from .group import Group
from .l0 import L0
from .l1 import L1
from .lq import Lq
from .mcp import MCP
from .row_group import RowGroup
from .sparse_group import SparseGroup

__all__ = ["ElasticNet", "Group", "L1", "RowGroup", "SparseGroup"]
from .scad import SCAD
from .topk import TopK

__all__ = ["CEL0", "ElasticNet", "L0", "L1", "Lq", "MCP", "RowGroup", "SCAD", "TopK"]
__all__ = ["Box", "ElasticNet", "L1", "RowGroup"]
