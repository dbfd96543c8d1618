"""Penalties: value, proximal map, and distance to the subdifferential; facts without algorithms."""

from .box import Box
from .elastic_net import ElasticNet
from .l1 import L1

__all__ = ["Box", "ElasticNet", "L1"]
