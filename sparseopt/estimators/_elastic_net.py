"""Lasso and elastic net at one alpha."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import MultiOutputMixin

from .._validation import check_flag, check_option, check_sample_weight, check_scalar
from ..problem import Problem
from ..problem.design import as_design
from ..problem.penalties import ElasticNet as ElasticNetPenalty
from ..solvers import available_solvers, solve
from ._linear import LinearRegressor, check_l1_ratio


class _SingleAlpha(MultiOutputMixin, LinearRegressor):
    """Fit one problem for each target."""

    _takes_spread_rows = _takes_spread_columns = True

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
            Dense Fortran-ordered float64 or float32 and CSC are used where they lie; so is dense C order.
        y : array-like of shape (n,) or (n, n_targets)
            Several targets are fitted one by one.
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
        penalty = self._penalty()
        self._check_common()
        check_flag("warm_start", self.warm_start)
        check_option("solver", self.solver, ("auto", *available_solvers()))
        X, y = self._validate(X, y, multi_output=True)
        weights = check_sample_weight(sample_weight, X.shape[0])
        design = as_design(X)
        penalty.check(design.n_features)
        targets = y if y.ndim == 2 else y[:, None]
        starts = self._starts(targets.shape[1], design.n_features)
        results = [
            solve(
                Problem(design, target, "squared", penalty, weights, self.fit_intercept), self.solver,
                init=start, tol=self.tol, max_iter=int(self.max_iter), n_threads=self.n_threads, verbose=self.verbose,
            )
            for target, start in zip(targets.T, starts, strict=True)
        ]  # fmt: skip
        self._report(results, y.ndim)
        return self

    def _starts(self, n_targets, n_features):
        coef = getattr(self, "coef_", None)
        if not self.warm_start or coef is None or coef.size != n_targets * n_features:
            return [None] * n_targets
        return list(coef.reshape(n_targets, n_features))

    def _report(self, results, n_dims):
        if len(results) == 1:
            result = results[0]
            self.coef_ = result.coef
            self.intercept_ = result.intercept if n_dims == 1 else np.array([result.intercept])
            self.n_iter_ = result.n_iter
            self.objective_ = result.objective
            self.support_ = np.flatnonzero(result.coef)
        else:
            self.coef_ = np.array([r.coef for r in results])
            self.intercept_ = np.array([r.intercept for r in results])
            self.n_iter_ = [r.n_iter for r in results]
            self.objective_ = np.array([r.objective for r in results])
            self.support_ = np.flatnonzero(np.any(self.coef_ != 0.0, axis=0))
        self.n_passes_ = sum(r.n_passes for r in results)
        self.converged_ = all(r.converged for r in results)
        self._certify(results)

    def _certify(self, results):
        gaps = np.array([r.gap for r in results])
        self.dual_gap_ = float(gaps[0]) if gaps.size == 1 else gaps


class ElasticNet(_SingleAlpha):
    r"""Linear regression with L1 and ridge penalties, solved to a certificate.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2
              + \alpha \rho \sum_j \omega_j |w_j| + \tfrac12 \alpha (1 - \rho) \|w\|_2^2

    with ``rho = l1_ratio``, ``omega = weights`` and ``s = sample_weight``; the same objective as scikit-learn's.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    l1_ratio : float, default=0.5
        Share of the L1 part, in (0, 1].
    fit_intercept : bool, default=True
        Whether to fit b, which is never penalised.
    positive : bool, default=False
        Whether coefficients must not be negative.
    weights : array-like of shape (p,), optional
        Non-negative weights of the L1 part: 0 leaves a coefficient out of it, inf excludes the feature.
    tol : float, default=1e-6
        The fit ends when the duality gap is at most `tol` times the objective at zero coefficients.
    max_iter : int, default=100
        Largest number of working sets. Ten is usual.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the last one.
    solver : str, default="auto"
        See :func:`sparseopt.solve`.
    n_threads : int, optional
        OpenMP threads of one fit; None: ``OMP_NUM_THREADS`` if set, else the physical cores. The result does not
        depend on it.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each iteration (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_targets, p)
    intercept_ : float or ndarray of shape (n_targets,)
    sparse_coef_ : sparse matrix of shape (1, p) or (n_targets, p)
    support_ : ndarray
        Features with a non-zero coefficient (for any target).
    dual_gap_ : float or ndarray of shape (n_targets,)
        The certificate: the objective exceeds its minimum by at most this much.
    objective_ : float or ndarray of shape (n_targets,)
    n_iter_ : int or list of int
    n_passes_ : float
        How many times all of X was read.
    converged_ : bool
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    References
    ----------
    .. [1] H. Zou, T. Hastie, "Regularization and variable selection via the elastic net", JRSS B 67, 2005.
    .. [2] J. Nutini, I. Laradji, M. Schmidt, "Let's make block coordinate descent converge faster", JMLR 23, 2022.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = so.ElasticNet(alpha=0.1, l1_ratio=0.9).fit(X, y)
    >>> model.support_.size, bool(model.dual_gap_ <= 1e-6 * y.var() / 2)
    (10, True)
    """

    def __init__(
        self, alpha=1.0, *, l1_ratio=0.5, fit_intercept=True, positive=False, weights=None, tol=1e-6, max_iter=100,
        warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.weights = weights
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.solver = solver
        self.n_threads = n_threads
        self.verbose = verbose

    def _penalty(self):
        check_alpha(self.alpha)
        check_l1_ratio(self.l1_ratio)
        return ElasticNetPenalty(self.alpha, self.l1_ratio, weights=self.weights, positive=self.positive)


class Lasso(_SingleAlpha):
    r"""Linear regression with an L1 penalty, solved to a certificate.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2 + \alpha \sum_j \omega_j |w_j|

    with ``omega = weights`` and ``s = sample_weight``; the same objective as scikit-learn's.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    fit_intercept, positive, weights, tol, max_iter, warm_start, solver, n_threads, verbose
        As in :class:`ElasticNet`.

    Attributes
    ----------
    coef_, intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, n_passes_, converged_
        As in :class:`ElasticNet`.

    References
    ----------
    .. [1] R. Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996.
    .. [2] J. Nutini, I. Laradji, M. Schmidt, "Let's make block coordinate descent converge faster", JMLR 23, 2022.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = so.Lasso(alpha=1.0).fit(X, y)
    >>> list(model.feature_names_in_[model.support_])
    ['bmi', 'bp', 's5']
    """

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, positive=False, weights=None, tol=1e-6, max_iter=100,
        warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.weights = weights
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.solver = solver
        self.n_threads = n_threads
        self.verbose = verbose

    def _penalty(self):
        check_alpha(self.alpha)
        return ElasticNetPenalty(self.alpha, 1.0, weights=self.weights, positive=self.positive)


def check_alpha(alpha):
    """Raise unless alpha is a finite number > 0."""
    if isinstance(alpha, (Real, np.number)) and not isinstance(alpha, bool) and alpha == 0:
        raise ValueError(f"alpha must be > 0, got {alpha}; scikit-learn's LinearRegression fits without penalty")
    check_scalar("alpha", alpha, Real, low=0.0, closed="neither")
