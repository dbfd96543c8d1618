"""Group lasso, sparse-group lasso, and the group lasso with alpha chosen by cross-validation."""

from __future__ import annotations

from numbers import Real

import numpy as np

from .._validation import check_scalar
from ..problem.penalties import Group, SparseGroup
from ._elastic_net import _SingleAlpha, check_alpha
from ._linear import check_l1_ratio
from ._path_cv import _PathCV


class _Grouped:
    """What a model with groups reports beyond its coefficients."""

    positive = False

    def _report_groups(self):
        groups = Group(groups=self.groups).partition(self.coef_.shape[-1])
        self.active_groups_ = np.unique(groups.of[self.support_])


class _SingleAlphaGroups(_Grouped, _SingleAlpha):
    def _report(self, results, n_dims):
        super()._report(results, n_dims)
        self._report_groups()


class GroupLasso(_SingleAlphaGroups):
    r"""Linear regression in which groups of features are used as a whole or not at all, solved to a certificate.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2
              + \alpha \rho \sum_g \omega_g \|w_g\|_2 + \tfrac12 \alpha (1 - \rho) \|w\|_2^2

    with ``rho = l1_ratio``, ``omega = weights`` and ``s = sample_weight``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    groups : None, int, array-like of shape (p,) or list of lists of int, default=None
        None: every feature its own group (the Lasso). An integer: consecutive groups of that size. An array: one label
        (number or string) for each feature, groups in the order of the sorted labels. Lists: the column numbers of each
        group. Every feature must be in exactly one group.
    weights : array-like of shape (n_groups,), optional
        Non-negative weights of the groups; default the square roots of their sizes. 0 leaves a group without the
        group part of the penalty, inf excludes it.
    l1_ratio : float, default=1.0
        Share of the sum of norms, in (0, 1]; the rest is ridge.
    fit_intercept : bool, default=True
        Whether to fit b, which is never penalised.
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
        Several targets are fitted one by one; :class:`MultiTaskLasso` fits them together.
    active_groups_ : ndarray of int
        Groups with a non-zero coefficient (for any target).
    intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, n_passes_, converged_
        As in :class:`ElasticNet`.

    References
    ----------
    .. [1] M. Yuan, Y. Lin, "Model selection and estimation in regression with grouped variables", JRSS B 68, 2006.
    .. [2] J. Nutini, I. Laradji, M. Schmidt, "Let's make block coordinate descent converge faster", JMLR 23, 2022.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> groups = ["person"] * 2 + ["body"] * 2 + ["blood"] * 6
    >>> model = so.GroupLasso(alpha=1.0, groups=groups).fit(X, y)
    >>> model.active_groups_, model.support_
    (array([1]), array([2, 3]))
    """

    def __init__(
        self, alpha=1.0, *, groups=None, weights=None, l1_ratio=1.0, fit_intercept=True, tol=1e-6, max_iter=100,
        warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.groups = groups
        self.weights = weights
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.solver = solver
        self.n_threads = n_threads
        self.verbose = verbose

    def _penalty(self):
        check_alpha(self.alpha)
        check_l1_ratio(self.l1_ratio)
        return Group(self.alpha, self.groups, weights=self.weights, l1_ratio=self.l1_ratio)


class SparseGroupLasso(_SingleAlphaGroups):
    r"""Linear regression with few groups of features and few features inside them, solved to a certificate.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2
              + \alpha \rho \|w\|_1 + \alpha (1 - \rho) \sum_g \omega_g \|w_g\|_2

    with ``rho = l1_ratio``, ``omega = weights`` and ``s = sample_weight``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    l1_ratio : float, default=0.5
        Share of the L1 norm, in [0, 1]; 0 is the group lasso, 1 the Lasso.
    groups, weights, fit_intercept, tol, max_iter, warm_start, solver, n_threads, verbose
        As in :class:`GroupLasso`.

    Attributes
    ----------
    coef_, active_groups_, intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, n_passes_, converged_
        As in :class:`GroupLasso`.

    References
    ----------
    .. [1] N. Simon, J. Friedman, T. Hastie, R. Tibshirani, "A sparse-group lasso", JCGS 22, 2013.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> groups = ["person"] * 2 + ["body"] * 2 + ["blood"] * 6
    >>> so.SparseGroupLasso(alpha=0.5, groups=groups).fit(X, y).support_
    array([2, 3, 6, 7, 8, 9])
    """

    def __init__(
        self, alpha=1.0, *, l1_ratio=0.5, groups=None, weights=None, fit_intercept=True, tol=1e-6, max_iter=100,
        warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.groups = groups
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.solver = solver
        self.n_threads = n_threads
        self.verbose = verbose

    def _penalty(self):
        check_alpha(self.alpha)
        check_scalar("l1_ratio", self.l1_ratio, Real, low=0.0, high=1.0)
        return SparseGroup(self.alpha, self.l1_ratio, self.groups, weights=self.weights)


class GroupLassoCV(_Grouped, _PathCV):
    r"""Group lasso with alpha chosen by cross-validation.

    Every alpha of every fold is certified like a fit of :class:`GroupLasso`. X is not copied for the folds.

    Parameters
    ----------
    groups, weights, fit_intercept, tol, max_iter, n_threads, verbose
        As in :class:`GroupLasso`.
    eps, n_alphas, alphas, cv, selection_rule, n_jobs
        As in :class:`ElasticNetCV`.

    Attributes
    ----------
    alpha_, alphas_, mse_path_, mse_se_, n_passes_
        As in :class:`ElasticNetCV`.
    coef_, active_groups_, intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, converged_
        Of the final fit, as in :class:`GroupLasso`.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> groups = ["person"] * 2 + ["body"] * 2 + ["blood"] * 6
    >>> so.GroupLassoCV(groups=groups, selection_rule="1se").fit(X, y).active_groups_
    array([0, 1, 2])
    """

    l1_ratio = 1.0

    def __init__(
        self, *, groups=None, weights=None, eps=None, n_alphas=100, alphas=None, cv=None, selection_rule="min",
        fit_intercept=True, tol=1e-6, max_iter=100, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.groups = groups
        self.weights = weights
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
        return Group(alpha, self.groups, weights=self.weights, l1_ratio=rho)

    def _fit_final(self, problem):
        super()._fit_final(problem)
        self._report_groups()
