"""Data: readers for common file formats and seeded generators of problems with a known answer."""

from ._correlated import make_correlated
from ._text_like import make_sparse_design
from .random_support import (
    make_autoregressive,
    make_common_factor,
    make_decaying_spectrum,
    make_dependent_triples,
    make_latent_factors,
    make_multiscale,
    make_near_duplicates,
    make_nested_groups,
    make_random_walk,
    make_tree_factors,
)
from .readers import Table, read

__all__ = [
    "Table",
    "make_autoregressive",
    "make_common_factor",
    "make_correlated",
    "make_decaying_spectrum",
    "make_dependent_triples",
    "make_latent_factors",
    "make_multiscale",
    "make_near_duplicates",
    "make_nested_groups",
    "make_random_walk",
    "make_sparse_design",
    "make_tree_factors",
    "read",
]
