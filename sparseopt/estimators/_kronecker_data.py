"""Checks of Kronecker dictionaries, data on them and options: every message names the factor or the parameter."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse

from .._threads import resolve_n_threads
from .._validation import MOST, check_flag, check_option, check_scalar, short
from ..exceptions import InvalidProblemError
from ._tables import validate_data

MAX_FACTORS = 16


def check_numeric(name, value, copy=False):
    """Return a float64 or complex128 array, or raise an error that names what is wrong with it."""
    if sparse.issparse(value):
        raise TypeError(f"{name} must be dense, got a sparse {type(value).__name__}: call .toarray() first")
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise InvalidProblemError(f"{name} must be an array of numbers, got {short(value)}") from error
    if array.dtype.kind not in "fiubc":
        raise InvalidProblemError(f"{name} must hold real or complex numbers, got dtype {array.dtype}: {short(value)}")
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=copy)
    if not np.all(np.isfinite(array)):
        raise InvalidProblemError(f"{name} contains NaN or infinity")
    return array


class FactorData:
    """Checks of X as a mixin: a list of dictionaries, or one real matrix as scikit-learn takes it, the only factor."""

    def _check_factors_and_target(self, X, y):
        """Return the dictionaries and the target of a fit."""
        if not is_matrix(X):
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            factors = check_factors(X)
            self.n_features_in_ = int(np.prod([int(H.shape[1]) for H in factors], dtype=object))
            return factors, y
        for array in (X, y):
            refuse_complex(array, "pass a list of one matrix, [X]")
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        return [X], y

    def _check_factors_again(self, X):
        """Return dictionaries with the columns of the fit."""
        if is_matrix(X) and len(self.factor_shapes_) == 1:
            refuse_complex(X, "pass a list of one matrix, [X]")
            return [validate_data(self, X, reset=False, dtype=np.float64)]
        return check_factors(X, atoms=[n for _, n in self.factor_shapes_])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def is_matrix(X):
    """Whether X is one matrix rather than a list of dictionaries."""
    if isinstance(X, (list, tuple)):  # of rows, of plain numbers
        return len(X) > 0 and all(isinstance(row, (list, tuple)) and np.ndim(row[:1]) == 1 for row in X)
    if isinstance(X, (str, bytes)) or not (hasattr(X, "__array__") or sparse.issparse(X)):
        return False
    stacked = getattr(X, "ndim", 2) == 3
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    return not stacked and not (kind == "O" and len(X) > 0 and np.ndim(X[0]) == 2)


def refuse_complex(array, advice):
    """Raise InvalidProblemError for complex data where scikit-learn's checks are to see it."""
    if getattr(getattr(array, "dtype", None), "kind", "") == "c":
        raise InvalidProblemError(f"Complex data not supported here: {advice}")


def check_factors(X, name="X", atoms=None):
    """Return the dictionaries H_1, ..., H_I as float64 or complex128 matrices.

    Parameters
    ----------
    X : sequence of array-like of shape (M_i, N_i)
    name : str
        What the sequence is called in messages.
    atoms : tuple of int, optional
        The N_i that are expected.
    """
    if is_matrix(X):
        raise TypeError(f"{name} must be a list of dictionaries [H1, ..., HI], got one array; for I = 1 pass [H1]")
    if isinstance(X, (str, bytes)) or not hasattr(X, "__len__") or sparse.issparse(X):
        raise TypeError(f"{name} must be a list of dictionaries [H1, ..., HI], got {short(X)}")
    if not 1 <= len(X) <= MAX_FACTORS:
        raise InvalidProblemError(f"{name} must hold between 1 and {MAX_FACTORS} dictionaries, got {len(X)}")
    factors = []
    for i, H in enumerate(X):
        H = check_numeric(f"{name}[{i}] (factor {i + 1})", H)
        if H.ndim != 2:
            raise InvalidProblemError(f"{name}[{i}] (factor {i + 1}) must be two-dimensional, got shape {H.shape}")
        if H.size == 0:
            raise InvalidProblemError(f"{name}[{i}] (factor {i + 1}) is empty: shape {H.shape}")
        factors.append(H)
    if atoms is not None and tuple(H.shape[1] for H in factors) != tuple(atoms):
        found = [H.shape[1] for H in factors]
        raise InvalidProblemError(f"{name} has factors with {found} columns, expected {list(atoms)}")
    return factors


def check_target(y, factors):
    """Return y as (snapshots, prod M_i), and whether it had an axis of snapshots.

    Accepted are (prod M_i,), (M_1, ..., M_I), (prod M_i, L) and (M_1, ..., M_I, L).
    """
    y = check_numeric("y", y)
    rows = tuple(H.shape[0] for H in factors)
    size = int(np.prod([int(m) for m in rows]))
    wanted = f"({size},), {rows}, ({size}, L) or {(*rows, 'L')}".replace("'", "")
    if y.shape == (size,) or y.shape == rows:
        return y.reshape(1, size), False
    if y.ndim >= 2 and (y.shape[:-1] == (size,) or y.shape[:-1] == rows):
        if y.shape[-1] == 0:
            raise InvalidProblemError(f"y has no snapshots: shape {y.shape}")
        return np.ascontiguousarray(y.reshape(size, -1).T), True
    text = " x ".join(f"{m} (factor {i + 1})" for i, m in enumerate(rows))
    raise InvalidProblemError(f"y has shape {y.shape}, the dictionaries have {text} = {size} rows: y must be {wanted}")


SOLVERS = ("am", "decompose", "ksbl", "mm", "pc", "svd")


def check_options(model, n_users=None):
    """Check the options that all Kronecker estimators share, but for the number of entries of tuples.

    `n_users` is None where there is one problem only, whose snapshots share the noise.
    """
    check_option("solver", model.solver, SOLVERS)
    if n_users is None or np.ndim(model.noise_variance) == 0:
        check_noise(model.noise_variance)
    else:
        _check_noises(model.noise_variance, n_users)
    check_scalar("max_iter", model.max_iter, Integral, low=1)
    check_scalar("tol", model.tol, Real, low=0.0)
    check_flag("normalize", model.normalize)
    check_flag("refine_support", model.refine_support)
    if not isinstance(model.evidence_threshold, str):
        check_scalar("evidence_threshold", model.evidence_threshold, Real, low=0.0)
    elif model.evidence_threshold != "auto":
        raise ValueError(f"evidence_threshold must be 'auto' or a number, got {model.evidence_threshold!r}")
    check_option("init", model.init, ("auto", "energy", "ones"))
    if not isinstance(model.n_init, str):
        check_scalar("n_init", model.n_init, Integral, low=1, high=MOST)
    elif model.n_init != "auto":
        raise ValueError(f"n_init must be 'auto' or an integer, got {model.n_init!r}")
    check_scalar("noise_floor", model.noise_floor, Real, low=1e-14, high=1.0)
    resolve_n_threads(model.n_threads)
    _per_factor("prune", model.prune, high=1.0, closed="left")
    _per_factor("coupling", model.coupling, high=1.0)
    if model.coupling is not None and model.solver not in ("mm", "pc"):
        raise ValueError(f"coupling needs solver 'mm' or 'pc', got coupling={model.coupling!r} with {model.solver!r}")


def check_lengths(model, n_factors):
    """Check that options given for each factor have an entry for each."""
    for name in ("prune", "coupling"):
        value = getattr(model, name)
        if hasattr(value, "__len__") and len(value) != n_factors:
            raise ValueError(f"{name} must have one entry for each of the {n_factors} factors, got {value!r}")


def check_noise(noise_variance):
    """Raise unless the noise variance is None or a number > 0."""
    check_scalar("noise_variance", noise_variance, Real, low=0.0, closed="neither", allow_none=True)


def _check_noises(noise_variance, n_users):
    """Check noise variances that are given for each user."""
    values = np.asarray(noise_variance)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"noise_variance must be None, a number or one number a user, got {short(noise_variance)}")
    if values.shape != (n_users,):
        raise InvalidProblemError(
            f"noise_variance must be one number, or one for each of the {n_users} users, got shape {values.shape}"
        )
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if wrong.size:
        i = int(wrong[0])
        raise InvalidProblemError(f"noise_variance[{i}] must be finite and > 0, got {values[i]}")


def _per_factor(name, value, **bounds):
    if value is None or isinstance(value, Real):
        check_scalar(name, value, Real, low=0.0, allow_none=True, **bounds)
        return
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or np.ndim(value) == 0:
        raise TypeError(f"{name} must be None, a number or one of these for each factor, got {value!r}")
    for i, entry in enumerate(value):
        check_scalar(f"{name}[{i}]", entry, Real, low=0.0, allow_none=name == "coupling", **bounds)
