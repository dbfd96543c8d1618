"""Turbo-VBI: sparse Bayesian inference under structured supports."""

from .driver import TurboResult, solve_turbo
from .gram import GramResult, solve_gram
from .network import NetworkPosterior

__all__ = ["GramResult", "NetworkPosterior", "TurboResult", "solve_gram", "solve_turbo"]
