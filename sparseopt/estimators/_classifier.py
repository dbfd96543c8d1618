"""What all linear classifiers share: checking input, encoding labels, predicting, reporting the certificate."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._ranks import current_ranks
from .._threads import resolve_n_threads
from .._validation import (
    check_compressed,
    check_flag,
    check_n_jobs,
    check_numbers,
    check_sample_weight,
    check_scalar,
    short,
)
from ..problem import Problem
from ..problem.losses import Multinomial
from ._linear import _columns, validate_rows
from ._tables import validate_data


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """Linear classifier with certified coefficients; the base of the classifiers of this package."""

    def decision_function(self, X):
        """Return the linear predictor.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,) for two classes, else (n, n_classes)
        """
        check_is_fitted(self)
        check_compressed("X", X)
        X = validate_data(self, X, reset=False, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
        used = np.flatnonzero(np.any(self.coef_ != 0.0, axis=0))
        eta = np.asarray(_columns(X, used) @ self.coef_[:, used].T) + self.intercept_
        if self.classes_.size > 2:
            return eta
        return eta.ravel() if eta.shape[1] == 1 else eta[:, 1] - eta[:, 0]  # the multinomial loss has both

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,)
        """
        eta = self.decision_function(X)
        return self.classes_[(eta > 0.0).astype(np.intp) if eta.ndim == 1 else np.argmax(eta, axis=1)]

    def predict_proba(self, X):
        """Predict class probabilities, in the order of `classes_`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        eta = self.decision_function(X)
        return np.column_stack([expit(-eta), expit(eta)]) if eta.ndim == 1 else softmax(eta, axis=1)

    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities, without underflow.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        eta = self.decision_function(X)
        return np.column_stack([log_expit(-eta), log_expit(eta)]) if eta.ndim == 1 else log_softmax(eta, axis=1)

    @property
    def sparse_coef_(self):
        """Sparse representation of `coef_`, CSR."""
        check_is_fitted(self)
        return sparse.csr_matrix(self.coef_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_common(self):
        check_flag("fit_intercept", self.fit_intercept)
        check_scalar("tol", self.tol, Real, low=0.0)
        check_scalar("max_iter", self.max_iter, Integral, low=1)
        check_scalar("verbose", self.verbose, Integral, low=0)
        resolve_n_threads(self.n_threads)
        check_n_jobs(getattr(self, "n_jobs", None))
        if getattr(self, "weights", None) is not None:
            check_numbers("weights", self.weights)

    def _validate(self, X, y, sample_weight):
        """Return X, class numbers, and weights (with those of the classes) or None; set `classes_`."""
        if getattr(X, "format", "csc") != "csc":  # those are checked as they become a design
            check_compressed("X", X)
        X, y = validate_rows(
            self, X, y,
            accept_sparse="csc", dtype=[np.float64, np.float32], order=None, copy=False, ensure_all_finite=False,
        )  # fmt: skip
        check_classification_targets(y)
        weights = check_sample_weight(sample_weight, X.shape[0])
        # a class whose rows all have weight zero is as good as absent
        classes = current_ranks().union(y if weights is None else y[weights > 0.0])
        codes = np.minimum(np.searchsorted(classes, y), classes.size - 1)
        self.classes_ = classes
        if classes.size < 2:
            (only,) = classes[:1].tolist()
            raise ValueError(f"y holds only one class ({only!r}) with positive weight; at least two are needed")
        return X, codes.ravel(), class_weights(getattr(self, "class_weight", None), classes, codes.ravel(), weights)

    def _problem(self, design, codes, loss, penalty, weights):
        if loss is None:
            loss = "logistic" if self.classes_.size == 2 else Multinomial(n_classes=self.classes_.size)
        return Problem(design, codes, loss, penalty, weights, self.fit_intercept)

    def _start(self, problem):
        coef = getattr(self, "coef_", None)
        if not self.warm_start or coef is None or coef.size != np.prod(problem.coef_shape):
            return None
        return coef.T.reshape(problem.coef_shape)

    def _report(self, result):
        coef = result.coef
        self.coef_ = coef[None, :] if coef.ndim == 1 else np.ascontiguousarray(coef.T)
        self.intercept_ = np.atleast_1d(np.asarray(result.intercept, dtype=np.float64))
        self.n_iter_ = result.n_iter
        self.dual_gap_, self.violation_ = result.gap, result.violation
        self.objective_ = result.objective
        self.support_ = np.flatnonzero(np.any(self.coef_ != 0.0, axis=0))
        self.converged_ = result.converged
        self.n_passes_ = result.n_passes


def class_weights(class_weight, classes, codes, weights):
    """Return sample weights times the weights of the classes, or None."""
    if class_weight is None:
        return weights
    if isinstance(class_weight, str) and class_weight == "balanced":
        mass = current_ranks().total(np.bincount(codes, weights=weights, minlength=classes.size))
        each = mass.sum() / (classes.size * mass)
    elif isinstance(class_weight, dict):
        each = np.ones(classes.size)
        for label, value in class_weight.items():
            at = np.flatnonzero(classes == label)
            if at.size == 0:
                raise ValueError(f"class_weight names the class {label!r}, which is not among {short(classes)}")
            if not isinstance(value, Real) or not 0.0 < value < np.inf:
                raise ValueError(f"class_weight must hold finite numbers > 0, got {value!r} for the class {label!r}")
            each[at] = value
    else:
        raise ValueError(f"class_weight must be None, 'balanced' or a dict, got {class_weight!r}")
    return each[codes] * (1.0 if weights is None else weights)
