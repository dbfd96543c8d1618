"""Checks of parameters that every estimator shares."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from .exceptions import InvalidProblemError


def check_scalar(name, value, kind=Real, *, low=None, high=None, closed="both", allow_none=False):
    """Return `value`, or raise an error that names the parameter, its value and what is allowed.

    Parameters
    ----------
    name : str
    value : object
    kind : numbers.Real or numbers.Integral
    low, high : float, optional
        Bounds.
    closed : {"both", "left", "right", "neither"}
        Which bounds belong to the range.
    allow_none : bool, default=False
        Whether None passes.
    """
    if value is None and allow_none:
        return None
    noun = "an integer" if kind is Integral else "a number"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, kind):
        raise TypeError(f"{name} must be {noun}{' or None' if allow_none else ''}, got {value!r}")
    over = low is not None and (value < low or (value == low and closed in ("right", "neither")))
    under = high is not None and (value > high or (value == high and closed in ("left", "neither")))
    if over or under or not np.isfinite(value):
        raise ValueError(f"{name} must be {noun} {_range(low, high, closed)}, got {value!r}")
    return value


def _range(low, high, closed):
    left = "[" if closed in ("both", "left") else "("
    right = "]" if closed in ("both", "right") else ")"
    if low is None:
        return f"{'<=' if right == ']' else '<'} {high}"
    if high is None:
        return f"{'>=' if left == '[' else '>'} {low}"
    return f"in {left}{low}, {high}{right}"


def check_option(name, value, options):
    """Return `value`, or raise ValueError listing the options."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {sorted(options)}, got {value!r}")
    return value


def check_flag(name, value):
    """Return `value` as bool, or raise TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_sample_weight(sample_weight, n_samples: int):
    """Return None or float64 weights of shape (n_samples,): finite, non-negative, not all zero.

    Only ratios of weights matter, so extreme ones are scaled by a power of two, without rounding, to keep sums from
    overflowing and products from underflowing.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, float(sample_weight))
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "fiub":
        raise InvalidProblemError(f"sample_weight must hold real numbers, got dtype {weights.dtype}")
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    if weights.ndim != 1:
        raise InvalidProblemError(f"sample_weight must be one-dimensional (1D), got shape {weights.shape}")
    if weights.shape != (n_samples,):
        raise InvalidProblemError(f"sample_weight has {weights.size} entries, X has {n_samples} rows")
    if not np.all(np.isfinite(weights)):
        raise InvalidProblemError("sample_weight contains NaN or infinity")
    if np.any(weights < 0.0):
        raise InvalidProblemError(f"sample_weight must be >= 0, the smallest is {weights.min()}")
    if not np.any(weights > 0.0):
        raise InvalidProblemError("sample_weight must not be zero for all samples")
    largest = weights.max()
    if not 2.0**-100 <= largest <= 2.0**100:
        weights = np.ldexp(weights, -int(np.frexp(largest)[1]))
    return weights
