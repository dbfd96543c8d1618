"""Channels through an intelligent reflecting surface: arrays, pilots, estimators, measures of quality."""

from .estimator import IRSChannelEstimator
from .geometry import angle_grid, steering_vector
from .metrics import nmse, spectral_efficiency, support_recovery_rate, symbol_error_rate
from .simulation import IRSChannel, Pilots, irs_configurations, pilot_symbols, simulate_pilots

__all__ = [
    "IRSChannel",
    "IRSChannelEstimator",
    "Pilots",
    "angle_grid",
    "irs_configurations",
    "nmse",
    "pilot_symbols",
    "simulate_pilots",
    "spectral_efficiency",
    "steering_vector",
    "support_recovery_rate",
    "symbol_error_rate",
]
