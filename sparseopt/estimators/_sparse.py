"""Any loss with any penalty by any solver, as scikit-learn estimators."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin
from sklearn.utils.validation import check_is_fitted

from .._validation import check_flag, check_option, check_sample_weight
from ..exceptions import IncompatibleError
from ..problem import Problem
from ..problem.design import as_design
from ..problem.losses import as_loss
from ..problem.penalties import L1
from ..solvers import available_solvers, solve
from ._classifier import LinearClassifier
from ._linear import LinearRegressor


def checked_penalty(penalty):
    """Return the penalty object, L1 with alpha=0.01 for None."""
    if penalty is None:
        return L1(alpha=0.01)
    if isinstance(penalty, type) or not hasattr(penalty, "prox") or not hasattr(penalty, "value"):
        raise TypeError(f"penalty must be a penalty object with value() and prox(), got {penalty!r}")
    return penalty


def _name_of(loss):
    """Return the name of a loss that was not checked yet."""
    return loss if isinstance(loss, str) else getattr(loss, "name", "")


class SparseRegressor(MultiOutputMixin, LinearRegressor):
    """Linear regression composed of a loss, a penalty and a solver.

    Parameters of the parts are reached as ``penalty__alpha`` or ``loss__delta``, so that they can be searched.

    Parameters
    ----------
    loss : str or loss object, default="squared"
        "squared", "huber", "poisson", or an object as in :mod:`sparseopt.losses`.
    penalty : penalty object, optional
        See :mod:`sparseopt.penalties`; None: ``L1(alpha=0.01)``.
    solver : str, default="auto"
        See :func:`sparseopt.solve`.
    fit_intercept, tol, max_iter, warm_start, n_threads, verbose
        As in :class:`ElasticNet`.

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_targets, p)
    intercept_ : float or ndarray of shape (n_targets,)
    violation_ : float
        Largest distance of minus the gradient to the subdifferential of the penalty.
    sparse_coef_, support_, dual_gap_, objective_, n_iter_, n_passes_, converged_
        As in :class:`ElasticNet`; `dual_gap_` is nan where no dual point is known.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = rng.poisson(np.exp(X[:, 0]))
    >>> so.SparseRegressor(loss="poisson", penalty=so.penalties.L1(alpha=0.3)).fit(X, y).support_
    array([0])
    """

    _takes_spread_rows = True

    def __init__(
        self, loss="squared", *, penalty=None, solver="auto", fit_intercept=True, tol=1e-6, max_iter=100,
        warm_start=False, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose

    weights = None
    positive = False

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : array-like of shape (n,), or (n, n_targets) for the squared loss
        sample_weight : float or array-like of shape (n,), optional

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        loss, penalty = as_loss(self.loss), checked_penalty(self.penalty)
        if loss.classifies:
            raise IncompatibleError(f"the {loss.name} loss is for classes; use SparseClassifier")
        self._check_common()
        check_flag("warm_start", self.warm_start)
        check_option("solver", self.solver, ("auto", *available_solvers()))
        X, y = self._validate(X, y, multi_output=loss.name == "squared")
        weights = check_sample_weight(sample_weight, X.shape[0])
        target = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
        problem = Problem(as_design(X), target, loss, penalty, weights, self.fit_intercept)
        start = getattr(self, "coef_", None) if self.warm_start else None
        if start is not None:
            start = start.T if start.T.shape == problem.coef_shape else None
        result = solve(
            problem, self.solver, init=start, tol=self.tol, max_iter=int(self.max_iter), n_threads=self.n_threads,
            verbose=self.verbose,
        )  # fmt: skip
        self.coef_ = result.coef if result.coef.ndim == 1 else np.ascontiguousarray(result.coef.T)
        self.intercept_ = result.intercept if y.ndim == 1 else np.atleast_1d(result.intercept)
        self.n_iter_, self.dual_gap_, self.violation_ = result.n_iter, result.gap, result.violation
        self.objective_, self.converged_, self.n_passes_ = result.objective, result.converged, result.n_passes
        used = self.coef_ != 0.0
        self.support_ = np.flatnonzero(used if used.ndim == 1 else np.any(used, axis=0))
        return self

    def predict(self, X):
        """Predict the target: the linear predictor, or its exponential for the Poisson loss.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)
        """
        check_is_fitted(self)
        eta = super().predict(X)
        return np.exp(eta) if as_loss(self.loss).name == "poisson" else eta

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        name = _name_of(self.loss)
        tags.target_tags.positive_only = name == "poisson"
        tags.target_tags.multi_output = name == "squared"
        return tags


class SparseClassifier(LinearClassifier):
    """Linear classification composed of a loss, a penalty and a solver.

    Parameters of the parts are reached as ``penalty__alpha``, so that they can be searched.

    Parameters
    ----------
    loss : str or loss object, optional
        None: "logistic" for two classes, "multinomial" for more. An object takes class numbers 0, 1, ...
    penalty : penalty object, optional
        See :mod:`sparseopt.penalties`; None: ``L1(alpha=0.01)``.
    solver : str, default="auto"
        See :func:`sparseopt.solve`.
    class_weight, fit_intercept, tol, max_iter, warm_start, n_threads, verbose
        As in :class:`SparseLogisticRegression`.

    Attributes
    ----------
    classes_, coef_, intercept_, sparse_coef_, support_, dual_gap_, violation_, objective_, n_iter_, converged_
        As in :class:`SparseLogisticRegression`.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True)
    >>> model = so.SparseClassifier(penalty=so.penalties.RowGroup(alpha=0.1)).fit(scale(X), y)
    >>> model.score(scale(X), y) > 0.95
    True
    """

    _takes_spread_rows = True

    def __init__(
        self, loss=None, *, penalty=None, solver="auto", class_weight=None, fit_intercept=True, tol=1e-6, max_iter=100,
        warm_start=False, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.solver = solver
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : array-like of shape (n,)
            Labels of any kind, of two classes at least.
        sample_weight : float or array-like of shape (n,), optional

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        loss, penalty = None if self.loss is None else as_loss(self.loss), checked_penalty(self.penalty)
        if loss is not None and not getattr(loss, "classifies", False):
            raise IncompatibleError(f"{loss!r} is not a loss for classes; use 'logistic', 'multinomial' or None")
        self._check_common()
        check_flag("warm_start", self.warm_start)
        check_option("solver", self.solver, ("auto", *available_solvers()))
        X, codes, weights = self._validate(X, y, sample_weight)
        if loss is not None and loss.name == "logistic" and self.classes_.size > 2:
            raise ValueError(
                "Only binary classification is supported by the logistic loss. "
                f"The type of the target is multiclass, of {self.classes_.size} classes; use loss=None"
            )
        problem = self._problem(as_design(X), codes.astype(np.float64), loss, penalty, weights)
        result = solve(
            problem, self.solver, init=self._start(problem), tol=self.tol, max_iter=int(self.max_iter),
            n_threads=self.n_threads, verbose=self.verbose,
        )  # fmt: skip
        self._report(result)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = _name_of(self.loss) != "logistic"
        return tags
