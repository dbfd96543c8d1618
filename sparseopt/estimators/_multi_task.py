"""The multi-task Lasso: features are used for all targets or for none."""

from __future__ import annotations

import numpy as np

from .._validation import check_flag, check_option, check_sample_weight
from ..problem import Problem
from ..problem.design import as_design
from ..problem.penalties import Group
from ..solvers import available_solvers, solve
from ._elastic_net import check_alpha
from ._linear import LinearRegressor
from ._path_cv import _PathCV


class _MultiTask(LinearRegressor):
    positive = False
    weights = None
    _takes_spread_rows = _takes_spread_columns = True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def _validate_target(self, X, y):
        X, y = self._validate(X, y, multi_output=True)
        if y.ndim == 1:
            raise ValueError(
                f"y must have two dimensions (n_samples, n_targets), got shape {y.shape}; Lasso fits a single target"
            )
        return X, y


class MultiTaskLasso(_MultiTask):
    r"""Linear regression of several targets on the same few features, solved to a certificate.

    .. math:: \min_{W, b} \frac{1}{2 \sum_i s_i} \sum_i s_i \|y_i - W x_i - b\|_2^2 + \alpha \sum_j \|W_{\cdot j}\|_2

    with ``s = sample_weight``; the same objective as scikit-learn's.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    fit_intercept, tol, max_iter, warm_start, solver, n_threads, verbose
        As in :class:`GroupLasso`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_targets, p)
    intercept_ : ndarray of shape (n_targets,)
    support_ : ndarray
        Features in use.
    dual_gap_, objective_ : float
    sparse_coef_, n_iter_, n_passes_, converged_
        As in :class:`ElasticNet`.

    References
    ----------
    .. [1] G. Obozinski, B. Taskar, M. I. Jordan, "Joint covariate selection and joint subspace selection for multiple
           classification problems", Statistics and Computing 20, 2010.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_linnerud
    >>> X, Y = load_linnerud(return_X_y=True)
    >>> so.MultiTaskLasso(alpha=150.0).fit(X, Y).support_
    array([1])
    """

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, tol=1e-6, max_iter=100, warm_start=False, solver="auto",
        n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
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
            Dense Fortran-ordered float64 or float32 and CSC are used where they lie; so is dense C order.
        y : array-like of shape (n, n_targets)
        sample_weight : float or array-like of shape (n,), optional
            Non-negative. An integer weight is as good as repeating the row.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data are not what they should be; the message says which and what is allowed.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        check_alpha(self.alpha)
        self._check_common()
        check_flag("warm_start", self.warm_start)
        check_option("solver", self.solver, ("auto", *available_solvers()))
        X, y = self._validate_target(X, y)
        weights = check_sample_weight(sample_weight, X.shape[0])
        problem = Problem(as_design(X), y, "squared", Group(self.alpha), weights, self.fit_intercept)
        init = None
        if self.warm_start and getattr(self, "coef_", None) is not None and self.coef_.T.shape == problem.coef_shape:
            init = self.coef_.T
        result = solve(
            problem, self.solver, init=init, tol=self.tol, max_iter=int(self.max_iter), n_threads=self.n_threads,
            verbose=self.verbose,
        )  # fmt: skip
        self.coef_, self.intercept_ = result.coef.T, result.intercept
        self.n_iter_, self.dual_gap_, self.objective_ = result.n_iter, result.gap, result.objective
        self.support_ = np.flatnonzero(np.any(result.coef != 0.0, axis=1))
        self.n_passes_, self.converged_ = result.n_passes, result.converged
        return self


class MultiTaskLassoCV(_MultiTask, _PathCV):
    r"""Multi-task Lasso with alpha chosen by cross-validation.

    Every alpha of every fold is certified like a fit of :class:`MultiTaskLasso`. X is not copied for the folds.

    Parameters
    ----------
    eps, n_alphas, alphas, cv, selection_rule, n_jobs
        As in :class:`ElasticNetCV`.
    fit_intercept, tol, max_iter, n_threads, verbose
        As in :class:`MultiTaskLasso`.

    Attributes
    ----------
    alpha_, alphas_, mse_path_, mse_se_, n_passes_
        As in :class:`ElasticNetCV`; errors are means over targets.
    coef_, intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, converged_
        Of the final fit, as in :class:`MultiTaskLasso`.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_linnerud
    >>> X, Y = load_linnerud(return_X_y=True)
    >>> model = so.MultiTaskLassoCV(n_alphas=20).fit(X, Y)
    >>> model.mse_path_.shape, model.coef_.shape
    ((20, 5), (3, 3))
    """

    l1_ratio = 1.0

    def __init__(
        self, *, eps=None, n_alphas=100, alphas=None, cv=None, selection_rule="min", fit_intercept=True, tol=1e-6,
        max_iter=100, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.eps = eps
        self.n_alphas = n_alphas
        self.alphas = alphas
        self.cv = cv
        self.selection_rule = selection_rule
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose

    def _penalty(self, alpha, rho):
        return Group(alpha, l1_ratio=rho)
