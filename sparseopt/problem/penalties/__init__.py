"""Penalties: value, proximal map, and distance to the subdifferential; facts without algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

_HOME = {
    "Box": ".box",
    "CEL0": ".cel0",
    "ElasticNet": ".elastic_net",
    "Group": ".group",
    "L0": ".l0",
    "L1": ".l1",
    "Lq": ".lq",
    "MCP": ".mcp",
    "RowGroup": ".row_group",
    "SCAD": ".scad",
    "SeparablePenalty": "._separable",  # for solvers; not public
    "SparseGroup": ".sparse_group",
    "TopK": ".topk",
}

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

if TYPE_CHECKING:
    from ._separable import SeparablePenalty as SeparablePenalty
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

__getattr__ = lazy_names(globals(), _HOME)
