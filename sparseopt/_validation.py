"""Checks of parameters that every estimator shares."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse

from ._ranks import current_ranks
from ._suggest import suggestion
from .exceptions import InvalidProblemError

MOST = 1_000_000  # of what is counted in memory


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
    kinds = Integral if kind is Integral else (int, float, np.integer, np.floating)  # numpy takes no other numbers
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be {noun}{' or None' if allow_none else ''}, got {value!r}")
    over = low is not None and (value < low or (value == low and closed in ("right", "neither")))
    under = high is not None and (value > high or (value == high and closed in ("left", "neither")))
    if over or under or not (isinstance(value, Integral) or np.isfinite(value)):
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
        hint = suggestion(value, options) if isinstance(value, str) else ""
        raise ValueError(f"{name} must be one of {sorted(options)}, got {value!r}{hint}")
    return value


def check_flag(name, value):
    """Return `value` as bool, or raise TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_numbers(name, value):
    """Return `value` as a float64 array, or raise TypeError naming what it holds instead of real numbers."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise InvalidProblemError(f"{name} must hold real numbers, got {short(value)}") from error
    if array.size and array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got {array.dtype}: {short(value)}")
    return array.astype(np.float64, copy=False)


def check_n_jobs(n_jobs):
    """Return n_jobs, or raise unless it is None or an integer other than 0."""
    check_scalar("n_jobs", n_jobs, Integral, allow_none=True)
    if n_jobs == 0 or abs(n_jobs or 1) > MOST:
        raise ValueError(f"n_jobs must be None or an integer other than 0 from -{MOST} to {MOST}, got {n_jobs}")
    return n_jobs


def check_seed(random_state, *, generator=False):
    """Return random_state, or raise unless it is None, an integer in [0, 2**32 - 1] or a RandomState.

    With `generator`, a numpy Generator passes too.
    """
    kinds = (np.random.RandomState, np.random.Generator) if generator else np.random.RandomState
    if random_state is None or random_state is np.random or isinstance(random_state, kinds):
        return random_state
    if not isinstance(random_state, Integral) or isinstance(random_state, bool):
        names = "an integer, a RandomState or a Generator" if generator else "an integer or a RandomState"
        raise TypeError(f"random_state must be None, {names}, got {short(random_state)}")
    return check_scalar("random_state", random_state, Integral, low=0, high=2**32 - 1)


def check_folds(cv):
    """Return cv, or raise unless it can be folds: None, an integer >= 2, a splitter or an iterable of pairs."""
    if isinstance(cv, Integral) and not isinstance(cv, bool):
        return check_scalar("cv", cv, Integral, low=2)
    splits = hasattr(cv, "split") or hasattr(cv, "__iter__")
    if cv is not None and (not splits or isinstance(cv, (str, bytes, dict))):
        raise TypeError(
            f"cv must be None, an integer >= 2, a splitter or an iterable of pairs (train, test), got {short(cv)}"
        )
    return cv


def check_compressed(name, X):
    """Return X, or raise InvalidProblemError where the indices of a sparse matrix lead outside of it.

    Conversions and products of scipy do not look, and read or write elsewhere in memory.
    """
    if sparse.issparse(X) and X.format in ("csc", "csr", "bsr"):
        try:
            X.check_format(full_check=True)
        except ValueError as error:
            raise InvalidProblemError(f"{name} is no valid sparse matrix: {error}") from error
    return X


def check_coef(coef):
    """Return coefficients of shape (..., p), or raise InvalidProblemError where one is not a number."""
    bad = ~np.isfinite(coef)
    if bad.any():
        j = int(np.argwhere(bad)[0, -1])
        raise InvalidProblemError(f"column {j} of X is too small: its coefficient overflows float64; rescale X or y")
    return coef


def check_alphas(alphas):
    """Return None or a float64 grid: one-dimensional, not empty, finite, > 0, strictly decreasing."""
    if alphas is None:
        return None
    grid = check_numbers("alphas", alphas)
    if grid.ndim != 1 or grid.size == 0:
        raise ValueError(f"alphas must be one-dimensional and not empty, got shape {grid.shape}: {short(alphas)}")
    bad = ~np.isfinite(grid) | (grid <= 0.0)
    if bad.any():
        raise ValueError(f"alphas must be finite and > 0, got {grid[bad][0]} at position {int(np.argmax(bad))}")
    rising = np.diff(grid) >= 0.0
    if rising.any():
        i = int(np.argmax(rising))
        raise ValueError(
            f"alphas must be strictly decreasing, got {grid[i]} before {grid[i + 1]} (positions {i} and {i + 1})"
        )
    return grid.copy()


def short(value) -> str:
    """Return repr(value) on one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:60]} ... {text[-12:]}"


def check_sample_weight(sample_weight, n_samples: int):
    """Return None or float64 weights of shape (n_samples,): finite, non-negative, not all zero.

    Only ratios of weights matter, so extreme ones are scaled by a power of two, without rounding, to keep sums from
    overflowing and products from underflowing.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, (bool, np.bool_)):
        raise TypeError(f"sample_weight must be None, a number or an array of numbers, got {sample_weight!r}")
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
    largest = current_ranks().largest(weights)
    if not largest > 0.0:
        raise InvalidProblemError("sample_weight must not be zero for all samples")
    if not 2.0**-100 <= largest <= 2.0**100:
        weights = np.ldexp(weights, -int(np.frexp(largest)[1]))
    return weights
