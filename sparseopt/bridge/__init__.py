"""Smaller trained networks: every layer is a sparse regression on calibration data."""

from .allocate import Curve, allocate, allocate_budget, removal_curve
from .compress import CompressionResult, compress
from .gram import Gram, collect_gram
from .layer import Layer
from .methods import posterior_scores
from .network import Network, as_network
from .patterns import NM, Block, Cluster, Neuron, Pattern, PerRow, Unstructured
from .report import CompressionReport, LayerReport
from .saving import SavedModel, load, save
from .single import LayerResult, compress_layer
from .sparse_linear import SparseLinear
from .torch_training import FineTune
from .whole_network import SparseTraining, train_sparse

__all__ = [
    "NM",
    "Block",
    "Cluster",
    "CompressionReport",
    "CompressionResult",
    "Curve",
    "FineTune",
    "Gram",
    "Layer",
    "LayerReport",
    "LayerResult",
    "Network",
    "Neuron",
    "Pattern",
    "PerRow",
    "SavedModel",
    "SparseLinear",
    "SparseTraining",
    "Unstructured",
    "allocate",
    "allocate_budget",
    "as_network",
    "collect_gram",
    "compress",
    "compress_layer",
    "load",
    "posterior_scores",
    "removal_curve",
    "save",
    "train_sparse",
]
