"""Grids of alphas."""

from __future__ import annotations

import numpy as np

from .._validation import MOST, check_numbers, check_scalar


def alpha_grid(alpha_max: float, n_alphas: int = 100, eps: float = 1e-2):
    """Return `n_alphas` values from `alpha_max` down to ``eps * alpha_max``, evenly spaced in the logarithm."""
    if alpha_max <= 0.0:
        alpha_max = 1.0  # nothing to select: any positive alphas will do
    return np.geomspace(alpha_max, alpha_max * eps, n_alphas)


def default_eps(problem) -> float:
    """Return the ratio of the smallest alpha of a path to the largest."""
    design = problem.design
    return 1e-2 if design.n_total < design.n_features else 1e-3


def check_grid(alphas, n_alphas, eps):
    """Return alphas as float64 (None stays None), or raise ValueError saying what is wrong."""
    if alphas is None:
        if isinstance(n_alphas, bool) or not isinstance(n_alphas, (int, np.integer)) or not 1 <= n_alphas <= MOST:
            raise ValueError(f"n_alphas must be an integer in [1, {MOST}], got {n_alphas!r}")
        check_scalar("eps", eps, low=0.0, high=1.0, closed="neither", allow_none=True)
        return None
    alphas = np.array(check_numbers("alphas", alphas))
    if alphas.ndim != 1 or alphas.size == 0:
        raise ValueError(f"alphas must be a non-empty one-dimensional array, got shape {alphas.shape}")
    if not np.all(np.isfinite(alphas)) or alphas.min() <= 0.0:
        raise ValueError(f"alphas must be finite and > 0, the smallest is {alphas.min()}")
    if np.any(np.diff(alphas) >= 0.0):
        raise ValueError("alphas must be strictly decreasing")
    return alphas
