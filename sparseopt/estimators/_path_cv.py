"""Lasso and elastic net with alpha chosen by cross-validation."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from .._ranks import current_ranks
from .._validation import MOST, check_alphas, check_folds, check_option, check_sample_weight, check_scalar, short
from ..problem import Problem
from ..problem.design import as_design
from ..problem.penalties import ElasticNet as ElasticNetPenalty
from ..solvers import solve, solve_path
from ..solvers.grid import alpha_grid
from ._linear import LinearRegressor, check_l1_ratio

CHUNK = 10  # alphas scored together, so that the working memory is 10 n numbers


def split_folds(cv, X, y):
    """Return the folds as pairs of row numbers (train, test)."""
    from sklearn.model_selection import check_cv  # slow to import, and needed here only

    try:
        folds = local_folds(check_cv(cv), X, y)
    except (ValueError, IndexError, TypeError) as error:
        raise ValueError(f"cv={short(cv)} does not fit the data: {error}") from error
    if not folds:
        raise ValueError(f"cv must give at least one fold, got {short(cv)}")
    return folds


def local_folds(splitter, X, y):
    """Return the folds of all samples as numbers of the rows that are here."""
    ranks = current_ranks()
    first, total = ranks.place(X.shape[0])
    rows = np.arange(total)
    if type(splitter).__module__.startswith("sklearn."):
        X = rows[:, None]  # these only count rows, but would convert a sparse X to CSR for it
    elif ranks.several:
        raise ValueError("splitters that look at X cannot see the rows of other ranks")
    last = first + len(y)
    folds = [(rows[train], rows[test]) for train, test in splitter.split(X, ranks.gathered(y))]
    check_pairs(folds)
    if not ranks.several:
        return folds
    return [tuple(part[(part >= first) & (part < last)] - first for part in fold) for fold in folds]


def check_pairs(folds) -> None:
    """Raise ValueError unless folds hold one-dimensional arrays of rows."""
    for i, fold in enumerate(folds):
        if any(np.ndim(part) != 1 for part in fold):
            raise ValueError(f"fold {i} is no pair of one-dimensional arrays of rows")


class _PathCV(LinearRegressor):
    """Cross-validated path. A fold is the whole design with zero weights on its held-out rows: X is never copied."""

    _takes_spread_rows = _takes_spread_columns = True

    def fit(self, X, y, sample_weight=None):
        """Choose alpha by cross-validation and fit with it on all rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : array-like of shape (n,)
        sample_weight : float or array-like of shape (n,), optional
            Non-negative; used in the grid of alphas, the fits and the scores.

        Returns
        -------
        self
        """
        self._check_common()
        ratios = self._check_ratios()
        check_option("selection_rule", self.selection_rule, ("min", "1se"))
        check_folds(self.cv)
        grid = check_alphas(self.alphas)
        check_scalar("n_alphas", self.n_alphas, Integral, low=1, high=MOST)
        check_scalar("eps", self.eps, Real, low=0.0, high=1.0, closed="neither", allow_none=True)
        X, y = self._validate_target(X, y)
        weights = check_sample_weight(sample_weight, X.shape[0])
        design = as_design(X)
        self._penalty(1.0, ratios[0]).check(design.n_features)
        folds = split_folds(self.cv, X, y)
        n, p = design.n_total, design.n_features
        problems = [self._problem(design, y, weights, rho) for rho in ratios]
        if grid is None:
            eps = (1e-2 if n < p else 1e-3) if self.eps is None else self.eps
            highest = (problems[0].alpha_max() or problems[0].alpha_max(two_sided=True)) * ratios[0]
            grids = [alpha_grid(highest / rho, self.n_alphas, eps) for rho in ratios]
        else:
            grids = [grid] * len(ratios)
        jobs = effective_n_jobs(self.n_jobs)
        n_threads = self.n_threads if jobs == 1 else 1
        scored = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._score_fold)(design, y, weights, rho, alphas, train, test, n_threads)
            for rho, alphas in zip(ratios, grids, strict=True)
            for train, test in folds
        )
        self.n_passes_ = 1.0 + sum(passes for _, passes in scored)
        mse = np.array([errors for errors, _ in scored]).reshape(len(ratios), len(folds), -1).swapaxes(1, 2)
        mean = mse.mean(axis=2)
        unit = mse.max() or 1.0  # the squares of the standard error must not overflow
        error = unit * (mse / unit).std(axis=2, ddof=1) / len(folds) ** 0.5 if len(folds) > 1 else np.zeros_like(mean)
        which, index = np.unravel_index(np.argmin(mean), mean.shape)
        if self.selection_rule == "1se":  # the strongest penalty whose error is within one standard error of the least
            index = int(np.argmax(mean[which] <= mean[which, index] + error[which, index]))
        self.alpha_, self.l1_ratio_ = float(grids[which][index]), float(ratios[which])
        several = len(ratios) > 1
        self.alphas_ = np.array(grids) if several and grid is None else grids[0]
        self.mse_path_ = mse if several else mse[0]
        self.mse_se_ = error if several else error[0]
        self._fit_final(self._problem(design, y, weights, self.l1_ratio_, self.alpha_))
        return self

    def _fit_final(self, problem):
        result = solve(problem, tol=self.tol, max_iter=int(self.max_iter), n_threads=self.n_threads)
        self.coef_, self.intercept_ = result.coef.T, result.intercept
        self.n_iter_, self.dual_gap_, self.objective_ = result.n_iter, result.gap, result.objective
        self.support_ = np.flatnonzero(np.any(result.coef.reshape(len(result.coef), -1) != 0.0, axis=1))
        self.converged_ = result.converged
        self.n_passes_ += result.n_passes

    def _validate_target(self, X, y):
        return self._validate(X, y, multi_output=False)

    def _problem(self, design, y, weights, rho, alpha=1.0):
        return Problem(design, y, "squared", self._penalty(alpha, rho), weights, self.fit_intercept)

    def _penalty(self, alpha, rho):
        return ElasticNetPenalty(alpha, rho, weights=self.weights, positive=self.positive)

    def _score_fold(self, design, y, weights, rho, alphas, train, test, n_threads):
        """Return the weighted mean squared error on the held-out rows for every alpha, and the passes over X."""
        ranks = design.ranks
        each = np.ones(design.n_samples) if weights is None else weights
        training = each * np.bincount(train, minlength=design.n_samples)  # a row drawn twice counts twice
        held_out = each[test]
        if not (ranks.any(np.any(training > 0.0)) and ranks.any(np.any(held_out > 0.0))):
            raise ValueError("a fold has no training rows or no test rows of positive weight; use fewer folds (cv)")
        problem = self._problem(design, y, training, rho)
        path = solve_path(problem, alphas, tol=self.tol, max_iter=int(self.max_iter), n_threads=n_threads)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        coefs = path.coefs.reshape(alphas.size, design.n_features, n_outputs)
        intercepts = path.intercepts.reshape(alphas.size, n_outputs)
        used = np.flatnonzero(np.any(coefs != 0.0, axis=(0, 2)))
        kernel = design.columns()
        errors = np.empty(alphas.size)
        chunk = max(1, CHUNK // n_outputs)
        for first in range(0, alphas.size, chunk):
            part = slice(first, first + chunk)
            R = y.reshape(-1, 1, n_outputs) - intercepts[None, part]
            R = np.array(R.reshape(len(y), R.shape[1] * n_outputs), order=kernel.block_order)
            W = coefs[part][:, used].swapaxes(1, 2)
            kernel.subtract(used, np.ascontiguousarray(W.reshape(R.shape[1], used.size)), R)
            each = ranks.mean(R[test] ** 2, held_out)
            errors[part] = each.reshape(-1, n_outputs).mean(axis=1)
        return errors, path.n_passes

    def _check_ratios(self):
        ratios = np.atleast_1d(self.l1_ratio)
        if ratios.ndim != 1 or ratios.size == 0:
            raise ValueError(f"l1_ratio must be a number or a non-empty list, got {short(self.l1_ratio)}")
        for rho in ratios.tolist():
            check_l1_ratio(rho)
        return ratios.astype(np.float64)


class ElasticNetCV(_PathCV):
    r"""Elastic net with alpha, and if asked l1_ratio, chosen by cross-validation.

    Every alpha of every fold is certified like a fit of :class:`ElasticNet`. X is not copied for the folds.

    Parameters
    ----------
    l1_ratio : float or list of float, default=0.5
        Share of the L1 part, in (0, 1]; of a list, the best is chosen.
    eps : float, optional
        Smallest alpha over largest; default 1e-2 when n < p, else 1e-3.
    n_alphas : int, default=100
    alphas : array-like, optional
        Decreasing grid; default `n_alphas` values from the smallest alpha with zero coefficients downwards.
    cv : int, cross-validation generator or iterable, optional
        As in scikit-learn; None: 5 folds.
    selection_rule : {"min", "1se"}, default="min"
        The alpha of the smallest error, or the largest alpha within one standard error of it.
    fit_intercept, positive, weights, tol, max_iter, n_threads, verbose
        As in :class:`ElasticNet`.
    n_jobs : int, optional
        Folds fitted at a time, in threads.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        The chosen ones.
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratio, n_alphas)
    mse_path_ : ndarray of shape (n_alphas, n_folds) or (n_l1_ratio, n_alphas, n_folds)
    mse_se_ : ndarray of shape (n_alphas,) or (n_l1_ratio, n_alphas)
        Standard error over folds.
    coef_, intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, converged_
        Of the final fit, as in :class:`ElasticNet`.
    n_passes_ : float
        How many times all of X was read, over all folds.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = so.ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0]).fit(X, y)
    >>> model.l1_ratio_, model.mse_path_.shape
    (1.0, (3, 100, 5))
    """

    def __init__(
        self, *, l1_ratio=0.5, eps=None, n_alphas=100, alphas=None, cv=None, selection_rule="min", fit_intercept=True,
        positive=False, weights=None, tol=1e-6, max_iter=100, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.n_alphas = n_alphas
        self.alphas = alphas
        self.cv = cv
        self.selection_rule = selection_rule
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.weights = weights
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose


class LassoCV(_PathCV):
    r"""Lasso with alpha chosen by cross-validation.

    Every alpha of every fold is certified like a fit of :class:`Lasso`. X is not copied for the folds.

    Parameters
    ----------
    eps, n_alphas, alphas, cv, selection_rule, n_jobs
        As in :class:`ElasticNetCV`.
    fit_intercept, positive, weights, tol, max_iter, n_threads, verbose
        As in :class:`Lasso`.

    Attributes
    ----------
    alpha_, alphas_, mse_path_, mse_se_, n_passes_
        As in :class:`ElasticNetCV`.
    coef_, intercept_, sparse_coef_, support_, dual_gap_, objective_, n_iter_, converged_
        Of the final fit, as in :class:`Lasso`.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = so.LassoCV(selection_rule="1se").fit(X, y)
    >>> model.support_
    array([1, 2, 3, 6, 8, 9])
    """

    l1_ratio = 1.0

    def __init__(
        self, *, eps=None, n_alphas=100, alphas=None, cv=None, selection_rule="min", fit_intercept=True,
        positive=False, weights=None, tol=1e-6, max_iter=100, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.eps = eps
        self.n_alphas = n_alphas
        self.alphas = alphas
        self.cv = cv
        self.selection_rule = selection_rule
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.weights = weights
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose
