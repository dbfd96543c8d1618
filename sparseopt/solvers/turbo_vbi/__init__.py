"""Turbo-VBI: sparse Bayesian inference under structured supports."""

from .driver import TurboResult, solve_turbo
from .gram import GramResult, solve_gram

__all__ = ["GramResult", "TurboResult", "solve_gram", "solve_turbo"]
