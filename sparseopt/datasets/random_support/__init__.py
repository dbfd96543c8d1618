"""Designs on which random supports are hard for some methods, each with its reason."""

from ._benign import make_autoregressive, make_dependent_triples, make_near_duplicates
from ._factors import make_common_factor, make_latent_factors, make_nested_groups
from ._ladders import make_decaying_spectrum, make_multiscale, make_random_walk, make_tree_factors

__all__ = [
    "make_autoregressive",
    "make_common_factor",
    "make_decaying_spectrum",
    "make_dependent_triples",
    "make_latent_factors",
    "make_multiscale",
    "make_near_duplicates",
    "make_nested_groups",
    "make_random_walk",
    "make_tree_factors",
]
