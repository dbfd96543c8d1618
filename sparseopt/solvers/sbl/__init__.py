"""Sparse Bayesian learning: classic, and Kronecker-structured."""

from .kronecker import KroneckerResult, solve_kronecker

__all__ = ["KroneckerResult", "solve_kronecker"]
