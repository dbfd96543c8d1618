"""What all linear estimators share: checking input, predicting, reporting the certificate."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._ranks import current_ranks
from .._threads import resolve_n_threads
from .._validation import check_compressed, check_flag, check_n_jobs, check_numbers, check_scalar
from ._tables import validate_data


class LinearRegressor(RegressorMixin, BaseEstimator):
    """Linear predictor with certified coefficients; the base of the estimators of this package."""

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)
        """
        check_is_fitted(self)
        check_compressed("X", X)
        X = validate_data(self, X, reset=False, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
        coef = self.coef_
        # only the columns in use are touched: coefficients are sparse, and a float32 X is not widened as a whole
        if coef.ndim == 1:
            used = np.flatnonzero(coef)
            return _columns(X, used) @ coef[used] + self.intercept_
        used = np.flatnonzero(np.any(coef != 0.0, axis=0))
        return _columns(X, used) @ coef[:, used].T + self.intercept_

    @property
    def sparse_coef_(self):
        """Sparse representation of `coef_`, CSR of shape (1, p) or (n_targets, p)."""
        check_is_fitted(self)
        return sparse.csr_matrix(np.atleast_2d(self.coef_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _validate(self, X, y, *, multi_output):
        """Return X and y as solvers take them, X without a copy where that is possible.

        The search for NaN and infinity in X is left to the solver's first pass over X, which cannot miss them and
        saves reading X once more.
        """
        if _as_wanted(X, y):  # nothing to convert or to refuse: only what is remembered of X is left to do
            self.n_features_in_ = X.shape[1]
            vars(self).pop("feature_names_in_", None)
            return X, y
        if getattr(X, "format", "csc") != "csc":  # those are checked as they become a design
            check_compressed("X", X)
        X, y = validate_rows(
            self, X, y,
            accept_sparse="csc", dtype=[np.float64, np.float32], order=None, copy=False,
            ensure_all_finite=False, multi_output=multi_output, y_numeric=True,
        )  # fmt: skip
        return X, np.asarray(y, dtype=np.float64)

    def _check_common(self):
        for name in ("fit_intercept", "positive"):
            if hasattr(self, name):
                check_flag(name, getattr(self, name))
        check_scalar("tol", self.tol, Real, low=0.0)
        check_scalar("max_iter", self.max_iter, Integral, low=1)
        check_scalar("verbose", self.verbose, Integral, low=0)
        resolve_n_threads(self.n_threads)
        check_n_jobs(getattr(self, "n_jobs", None))
        if getattr(self, "weights", None) is not None:
            check_numbers("weights", self.weights)


def _as_wanted(X, y) -> bool:
    """Whether X and y are plain arrays that `validate_data` would return as they are."""
    if type(X) is not np.ndarray or type(y) is not np.ndarray:
        return False
    known = X.dtype in (np.float64, np.float32) and y.dtype == np.float64
    if not known or X.ndim != 2 or y.ndim != 1 or X.size == 0 or len(X) != len(y):
        return False
    return bool(np.isfinite(y).all())


def validate_rows(estimator, X, y, *, multi_output=False, y_numeric=False, **options):
    """Return X and y as `validate_data` does; a rank among several may hold no rows."""
    if current_ranks().several and np.ndim(X) == 2 and np.shape(X)[0] == 0:
        return validate_data(estimator, X, ensure_min_samples=0, **options), np.asarray(y)
    return validate_data(estimator, X, y, multi_output=multi_output, y_numeric=y_numeric, **options)


def check_l1_ratio(rho):
    """Raise unless rho is a number in (0, 1]."""
    if isinstance(rho, Real) and not isinstance(rho, bool) and rho == 0:
        raise ValueError(f"l1_ratio must be in (0, 1], got {rho}; scikit-learn's Ridge fits without an L1 part")
    check_scalar("l1_ratio", rho, Real, low=0.0, high=1.0, closed="right")


def _columns(X, used):
    if used.size == X.shape[1]:
        return X
    if sparse.issparse(X) and X.format == "csr":
        return X.tocsc()[:, used] if used.size < 0.1 * X.shape[1] else X[:, used]
    return X[:, used]
