"""Sparse regression on random supports: spectral peeling, then greedy selection or the Lasso on every level."""

from .candidates import REFITS, Candidate
from .certificate import SupportCertificate, certify
from .driver import Outcome, Settings, solve_random_support
from .levels import BASES
from .peeling import Peeling, PeelingRule, peel_levels
from .prepare import UnitColumns, unit_columns

__all__ = [
    "BASES",
    "REFITS",
    "Candidate",
    "Outcome",
    "Peeling",
    "PeelingRule",
    "Settings",
    "SupportCertificate",
    "UnitColumns",
    "certify",
    "peel_levels",
    "solve_random_support",
    "unit_columns",
]
