"""Data of Bayesian linear models: real or complex, weighted, centred, in units in which nothing overflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .._ranks import ALONE
from .._validation import check_coef, check_compressed, check_sample_weight
from ..exceptions import InvalidProblemError
from ..problem.design import KroneckerDesign
from ._kronecker_data import check_numeric
from ._linear import validate_rows
from ._tables import validate_data

LARGEST = 1e150  # of a target: its square is a number


class BayesianData:
    """Checks of X and y, as a mixin."""

    fit_intercept: bool
    _kronecker = False  # whether X may be a KroneckerDesign

    def _check_data(self, X, y):
        """Return X and y, complex where either is."""
        kronecker = self._kronecker and isinstance(X, KroneckerDesign)
        if not (_is_complex(X) or _is_complex(y) or kronecker):
            check_compressed("X", X)
            X, y = validate_rows(
                self, X, y, accept_sparse="csc", dtype=[np.float64, np.float32], order=None, copy=False,
                multi_output=True, y_numeric=True,
            )  # fmt: skip
            if sparse.issparse(X) and not X.has_canonical_format:  # norms of columns square each stored entry
                X = X.copy()
                X.sum_duplicates()
            return X, np.asarray(y, dtype=np.float64)
        if self.fit_intercept and (_is_complex(X) or _is_complex(y)):
            raise InvalidProblemError("Complex data not supported with an intercept: pass fit_intercept=False")
        X, y = X if kronecker else check_numeric("X", X), check_numeric("y", y)
        if not kronecker and (X.ndim != 2 or 0 in X.shape):
            raise InvalidProblemError(f"X must be two-dimensional and not empty, got shape {X.shape}")
        if y.ndim not in (1, 2) or len(y) != X.shape[0] or y.size == 0:
            raise InvalidProblemError(f"y must have shape ({X.shape[0]},) or ({X.shape[0]}, n_targets), got {y.shape}")
        self.n_features_in_ = X.shape[1]
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return X, y

    def _check_prediction_data(self, X):
        kronecker = self._kronecker and isinstance(X, KroneckerDesign)
        if not (kronecker or _is_complex(X)):
            check_compressed("X", X)
            return validate_data(self, X, reset=False, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
        X = X if kronecker else check_numeric("X", X)
        if len(X.shape) != 2 or X.shape[1] != self.n_features_in_:
            raise InvalidProblemError(f"X has shape {X.shape}, expected {self.n_features_in_} features")
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@dataclass
class Prepared:
    """What a solver gets.

    Attributes
    ----------
    X : ndarray, CSC matrix or KroneckerDesign of shape (n, p)
        Without rows of weight zero.
    Z : ndarray of shape (n, n_targets)
        Targets, centred, in units of their largest entry, times `roots`.
    center : ndarray of shape (p,) or None
    shift : ndarray of shape (n_targets,)
        Means that were taken off.
    roots : ndarray of shape (n,) or None
        Square roots of weights.
    total : float
        Number of samples, or sum of weights.
    unit : float
    """

    X: Any
    Z: np.ndarray
    center: np.ndarray | None
    shift: np.ndarray
    roots: np.ndarray | None
    total: float
    unit: float


def prepare(X, y, sample_weight, fit_intercept, ranks=ALONE) -> Prepared:
    """Centre and scale; weights with a mean below one are scaled up to that."""
    weights = check_sample_weight(sample_weight, X.shape[0])
    if weights is not None:
        used = weights > 0
        if not used.all() and not isinstance(X, KroneckerDesign):
            X, y, weights = X[used], y[used], weights[used]
        mass, count = ranks.total((float(weights.sum()), float(np.count_nonzero(weights))))
        weights = weights / min(mass / count, 1.0)
    Y = y.reshape(len(y), int(np.prod(y.shape[1:])))  # also where a rank has no rows
    center, shift = None, np.zeros(Y.shape[1])
    total = float(ranks.total(float(len(Y) if weights is None else weights.sum())))
    if fit_intercept:
        shares = np.full(len(Y), 1.0 / total) if weights is None else weights / total
        center = X.rmatvec(shares) if isinstance(X, KroneckerDesign) else np.asarray(X.T @ shares).ravel()
        center, shift = ranks.total(center), ranks.total(shares @ Y)
        Y = Y - shift
        # what centring leaves of a constant target is rounding
        Y[:, ranks.range(np.abs(Y))[1] <= 1e-14 * np.abs(shift)] = 0.0
    roots = np.sqrt(weights) if weights is not None and ranks.any(np.any(weights != 1.0)) else None
    # in units of the data, so that nothing over- or underflows
    unit = ranks.largest(np.abs(Y)) or 1.0
    if unit > LARGEST:
        raise InvalidProblemError(f"y is too large: its squares overflow (largest size {unit:.3g}); rescale y")
    Z = Y / unit if roots is None else (Y / unit) * roots[:, None]
    return Prepared(X, Z, center, shift, roots, total, unit)


def check_scales(coef, scale, cols):
    """Raise InvalidProblemError where a coefficient, or the variance of one, leaves the range of float64.

    Parameters
    ----------
    coef : ndarray of shape (..., p)
    scale : ndarray of shape (k,)
        From units of the solver to those of the coefficients `cols`.
    cols : ndarray of shape (k,)
    """
    check_coef(coef)
    with np.errstate(over="ignore", under="ignore"):
        odd = np.flatnonzero((scale * scale == 0.0) | np.isinf(scale * scale))
    if odd.size:
        raise InvalidProblemError(
            f"column {cols[odd[0]]} of X is too {'small' if scale[odd[0]] > 1.0 else 'large'}: the "
            "variance of its coefficient leaves the range of float64; rescale X or y"
        )


def _is_complex(data):
    if hasattr(data, "dtype"):
        return getattr(data.dtype, "kind", "") == "c"
    try:
        return isinstance(data, (list, tuple)) and np.asarray(data).dtype.kind == "c"
    except ValueError:
        return False
