"""Logistic regression with sparse coefficients, for two classes or more."""

from __future__ import annotations

from numbers import Real

import numpy as np

from .._validation import check_flag, check_option, check_scalar
from ..problem.design import as_design
from ..problem.penalties import ElasticNet, RowGroup
from ..solvers import available_solvers, solve
from ._classifier import LinearClassifier
from ._linear import check_l1_ratio

PENALTIES = ("l1", "elasticnet", "group")


def make_penalty(kind, alpha, l1_ratio, weights, positive):
    """Return the penalty object for a name."""
    check_option("penalty", kind, PENALTIES)
    check_l1_ratio(l1_ratio)
    check_flag("positive", positive)
    if kind == "group":
        if positive:
            raise ValueError("positive=True does not go with penalty='group'; use 'l1' or 'elasticnet'")
        return RowGroup(alpha, 1.0, weights=weights)
    return ElasticNet(alpha, 1.0 if kind == "l1" else l1_ratio, weights=weights, positive=positive)


class SparseLogisticRegression(LinearClassifier):
    r"""Logistic regression with an L1, elastic-net or row-group penalty, solved to a certificate.

    .. math:: \min_{W, b} \frac{1}{\sum_i s_i} \sum_i s_i\, \ell(y_i, W^\top x_i + b) + g(W)

    with the logistic loss for two classes and the multinomial (softmax) loss for more. The alpha of scikit-learn's
    ``C`` is ``1 / (C * n)``. The intercept is not penalised.

    Parameters
    ----------
    alpha : float, default=0.01
        Strength of the penalty, > 0, in units of the mean loss.
    penalty : {"l1", "elasticnet", "group"}, default="l1"
        "group" uses a feature for all classes or for none (rows of W are the groups); with two classes it is "l1".
    l1_ratio : float, default=0.5
        Share of the L1 part of "elasticnet", in (0, 1].
    weights : array-like of shape (p,), optional
        Non-negative weights of the features in the penalty: 0 leaves one out of its L1 part, inf excludes the feature.
    positive : bool, default=False
        Whether coefficients must not be negative.
    class_weight : "balanced" or dict, optional
        Weights of the classes, by label; "balanced": inversely proportional to their (weighted) frequencies.
    fit_intercept : bool, default=True
    tol : float, default=1e-6
        The fit ends when the duality gap is at most `tol` times the objective at zero coefficients.
    max_iter : int, default=100
        Largest number of working sets. Five is usual.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the last one.
    solver : str, default="auto"
        See :func:`sparseopt.solve`.
    n_threads : int, optional
        OpenMP threads of one fit. The result does not depend on it.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each iteration (logger "sparseopt").

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, p) or (n_classes, p)
    intercept_ : ndarray of shape (1,) or (n_classes,)
    sparse_coef_ : sparse matrix
    support_ : ndarray
        Features with a non-zero coefficient for any class.
    dual_gap_ : float
        The certificate: the objective exceeds its minimum by at most this much; nan with unpenalised features.
    violation_ : float
        Largest distance of minus the gradient to the subdifferential of the penalty.
    objective_, n_iter_, n_passes_, converged_
        As in :class:`ElasticNet`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    References
    ----------
    .. [1] M. Massias, S. Vaiter, A. Gramfort, J. Salmon, "Dual extrapolation for sparse generalized linear models",
       JMLR 21, 2020.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = so.SparseLogisticRegression(alpha=0.02).fit(X, y)
    >>> model.coef_.shape, model.score(X, y) > 0.9, bool(model.converged_)
    ((3, 4), True, True)
    """

    _takes_spread_rows = _takes_spread_columns = True

    def __init__(
        self, alpha=0.01, *, penalty="l1", l1_ratio=0.5, weights=None, positive=False, class_weight=None,
        fit_intercept=True, tol=1e-6, max_iter=100, warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.weights = weights
        self.positive = positive
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.solver = solver
        self.n_threads = n_threads
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
            Dense Fortran-ordered float64 or float32 and CSC are used where they lie.
        y : array-like of shape (n,)
            Labels of any kind, of two classes at least.
        sample_weight : float or array-like of shape (n,), optional
            Non-negative. An integer weight is as good as repeating the row.

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        check_scalar("alpha", self.alpha, Real, low=0.0, closed="neither")
        penalty = make_penalty(self.penalty, self.alpha, self.l1_ratio, self.weights, self.positive)
        self._check_common()
        check_flag("warm_start", self.warm_start)
        check_option("solver", self.solver, ("auto", *available_solvers()))
        X, codes, weights = self._validate(X, y, sample_weight)
        design = as_design(X)
        penalty.check(design.n_features)
        problem = self._problem(design, np.asarray(codes, dtype=np.float64), None, penalty, weights)
        result = solve(
            problem, self.solver, init=self._start(problem), tol=self.tol, max_iter=int(self.max_iter),
            n_threads=self.n_threads, verbose=self.verbose,
        )  # fmt: skip
        self._report(result)
        return self
