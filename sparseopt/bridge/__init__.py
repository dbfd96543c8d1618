"""Smaller trained networks: every layer is a sparse regression on calibration data."""

from .network import Network, as_network
from .saving import SavedModel, load, save
from .sparse_linear import SparseLinear

__all__ = ["Network", "SavedModel", "SparseLinear", "as_network", "load", "save"]
