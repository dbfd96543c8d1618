"""The shared model: a random support, coefficients that cancel, noise of a given size."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from ..._validation import check_option, check_scalar, short

SIGNALS = ("cancel", "sign", "normal")


def check_sizes(n_samples, n_features, n_nonzero, signal, noise):
    """Raise unless the parameters that all generators share are possible."""
    check_scalar("n_samples", n_samples, Integral, low=1)
    check_scalar("n_features", n_features, Integral, low=1)
    check_scalar("n_nonzero", n_nonzero, Integral, low=1, high=n_features)
    check_option("signal", signal, SIGNALS)
    check_scalar("noise", noise, Real, low=0.0)


def check_scales(scales):
    """Raise unless scales is a sequence of numbers > 0 that is not empty."""
    if np.ndim(scales) != 1 or len(scales) == 0:
        raise ValueError(f"scales must be a sequence of numbers > 0, got {short(scales)}")
    for scale in scales:
        check_scalar("scales", scale, Real, low=0.0, closed="neither")


def finish(rng: np.random.Generator, X, n_nonzero: int, signal: str, noise: float):
    """Scale columns to mean square one, draw support and coefficients, add noise; return (X, y, coef)."""
    n = X.shape[0]
    norms = np.linalg.norm(X, axis=0)
    X = np.asfortranarray(X / norms * np.sqrt(n))
    support = np.sort(rng.choice(X.shape[1], n_nonzero, replace=False))
    chosen = X[:, support]
    if signal == "cancel":  # the combination of unit length that is smallest: it needs the largest coefficients
        w = np.linalg.svd(chosen, full_matrices=False)[2][-1]
    elif signal == "sign":
        w = rng.choice([-1.0, 1.0], n_nonzero)
    else:
        w = rng.standard_normal(n_nonzero)
    w = w / (np.linalg.norm(chosen @ w) / np.sqrt(n))
    coef = np.zeros(X.shape[1])
    coef[support] = w
    return X, chosen @ w + noise * rng.standard_normal(n), coef
