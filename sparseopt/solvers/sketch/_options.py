"""Checks of what users pass."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_random_state

from ..._validation import check_compressed, check_option, check_scalar, check_seed
from ...exceptions import InvalidProblemError
from .size import KINDS

SOLVERS = ("auto", "sketch_solve", "heavy_ball", "spir", "fossils", "csne", "lapack")


def check_options(solver, tol, sketch, m, eps, delta, alpha, max_iter):
    """Raise where an option is not what it should be."""
    check_option("solver", solver, SOLVERS)
    if isinstance(tol, str):
        check_option("tol", tol, ("statistical", "machine"))
    else:
        check_scalar("tol", tol, Real, low=0.0)
    check_kind_and_size(sketch, m, eps, delta)
    check_scalar("alpha", alpha, Real, low=0.0)
    check_scalar("max_iter", max_iter, Integral, low=1)


def check_kind_and_size(sketch, m, eps, delta):
    """Raise where the description of a sketch is not what it should be."""
    check_option("sketch", sketch, KINDS)
    if isinstance(m, str):
        check_option("m", m, ("auto",))
    else:
        check_scalar("m", m, Integral, low=1)
    check_scalar("eps", eps, Real, low=0.0, closed="neither")
    check_scalar("delta", delta, Real, low=0.0, high=1.0, closed="neither")


def draw_seed(random_state) -> int:
    """Return one integer that fixes a sketch."""
    return int(check_random_state(check_seed(random_state)).randint(0, 2**62, dtype=np.int64))


def as_rows(X, name="X", least=0):
    """Return X as the kernels read it: float32 or float64 of unit stride along one axis, or CSR; no needless copy."""
    check_compressed(name, X)
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=False, copy=False,
                    ensure_min_samples=least, ensure_min_features=1, input_name=name)  # fmt: skip
    return contiguous(X)


def contiguous(X):
    """Return X, copied only where neither axis has unit stride."""
    if sparse.issparse(X):
        return X
    item = X.itemsize
    rows, cols = X.shape
    by_rows = (X.strides[1] == item or cols <= 1) and X.strides[0] % item == 0 and X.strides[0] >= cols * item
    by_columns = X.strides[0] == item and X.strides[1] % item == 0 and X.strides[1] >= rows * item
    return X if by_rows or by_columns else np.ascontiguousarray(X)


def as_targets(y, n, name="y"):
    """Return y as float64 of shape (n, k)."""
    y = np.asarray(y)
    if y.dtype == object:
        y = y.astype(np.float64)
    if y.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got {y.dtype}")
    if y.ndim not in (1, 2) or len(y) != n:
        raise InvalidProblemError(f"{name} must have shape ({n},) or ({n}, k), got {y.shape}")
    if not np.isfinite(y).all():
        raise InvalidProblemError(f"{name} contains NaN or infinity")
    return np.ascontiguousarray(y[:, None] if y.ndim == 1 else y, dtype=np.float64)
