"""The parts that generators share: a sparse truth and a noisy linear target."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from .._validation import check_scalar


def sparse_coef(rng: np.random.Generator, n_features: int, n_nonzero: int, weights=None):
    """Standard normal coefficients at random places, drawn in proportion to weights."""
    check_scalar("n_nonzero", n_nonzero, Integral, low=0, high=n_features)
    coef = np.zeros(n_features)
    chosen = rng.choice(n_features, size=n_nonzero, replace=False, p=weights)
    coef[chosen] = rng.standard_normal(n_nonzero)
    return coef


def linear_target(rng: np.random.Generator, X, coef, snr: float) -> np.ndarray:
    """X @ coef plus normal noise with exactly this ratio of sums of squares, or noise alone."""
    signal = X @ coef
    if snr == np.inf:
        return signal
    check_scalar("snr", snr, Real, low=0, closed="neither")
    noise = rng.standard_normal(signal.shape[0])
    power = np.sum((signal - signal.mean()) ** 2)
    if power > 0:
        noise *= np.sqrt(power / (snr * np.sum(noise**2)))
    return signal + noise
