"""Sparse logistic regression with alpha chosen by cross-validation."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from .._validation import MOST, check_alphas, check_folds, check_option, check_scalar, short
from ..exceptions import InvalidProblemError
from ..problem.design import as_design
from ..problem.losses import Logistic, Multinomial
from ..solvers import solve, solve_path
from ..solvers.path import alpha_grid
from ._classifier import LinearClassifier
from ._logistic import make_penalty
from ._path_cv import local_folds


class SparseLogisticRegressionCV(LinearClassifier):
    r"""Sparse logistic regression with alpha chosen by stratified cross-validation.

    Every alpha of every fold is certified like a fit of :class:`SparseLogisticRegression`. X is not copied for the
    folds: a fold is the whole design with zero weights on its held-out rows.

    Parameters
    ----------
    alphas : array-like, optional
        Decreasing grid; default `n_alphas` values from the smallest alpha with zero coefficients downwards.
    n_alphas : int, default=50
    eps : float, optional
        Smallest alpha over largest; default 1e-2 (separable classes make still smaller ones ill-conditioned).
    cv : int, cross-validation generator or iterable, optional
        As in scikit-learn, stratified by class; None: 5 folds.
    scoring : {"neg_log_loss", "accuracy"}, default="neg_log_loss"
        What is averaged over the folds; the largest wins.
    selection_rule : {"min", "1se"}, default="min"
        The alpha of the best score, or the largest alpha within one standard error of it.
    penalty, l1_ratio, weights, positive, class_weight, fit_intercept, tol, max_iter, n_threads, verbose
        As in :class:`SparseLogisticRegression`.
    n_jobs : int, optional
        Folds fitted at a time, in threads.

    Attributes
    ----------
    alpha_ : float
        The chosen one.
    alphas_ : ndarray of shape (n_alphas,)
    score_path_ : ndarray of shape (n_alphas, n_folds)
    score_se_ : ndarray of shape (n_alphas,)
        Standard error over folds.
    classes_, coef_, intercept_, sparse_coef_, support_, dual_gap_, violation_, objective_, n_iter_, converged_
        Of the final fit, as in :class:`SparseLogisticRegression`.
    n_passes_ : float
        How many times all of X was read, over all folds.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = so.SparseLogisticRegressionCV(n_alphas=20, selection_rule="1se").fit(scale(X), y)
    >>> model.score_path_.shape, model.score(scale(X), y) > 0.95
    ((20, 5), True)
    """

    warm_start = False
    _takes_spread_rows = _takes_spread_columns = True

    def __init__(
        self, *, alphas=None, n_alphas=50, eps=None, cv=None, scoring="neg_log_loss", selection_rule="min",
        penalty="l1", l1_ratio=0.5, weights=None, positive=False, class_weight=None, fit_intercept=True, tol=1e-6,
        max_iter=100, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alphas = alphas
        self.n_alphas = n_alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection_rule = selection_rule
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.weights = weights
        self.positive = positive
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Choose alpha by cross-validation and fit with it on all rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : array-like of shape (n,)
            Labels of any kind, of two classes at least.
        sample_weight : float or array-like of shape (n,), optional
            Non-negative; used in the grid of alphas, the fits and the scores.

        Returns
        -------
        self
        """
        self._check_common()
        check_option("selection_rule", self.selection_rule, ("min", "1se"))
        check_folds(self.cv)
        check_option("scoring", self.scoring, ("neg_log_loss", "accuracy"))
        alphas = check_alphas(self.alphas)
        check_scalar("n_alphas", self.n_alphas, Integral, low=1, high=MOST)
        check_scalar("eps", self.eps, Real, low=0.0, high=1.0, closed="neither", allow_none=True)
        make_penalty(self.penalty, 1.0, self.l1_ratio, self.weights, self.positive)
        X, codes, weights = self._validate(X, y, sample_weight)
        codes = codes.astype(np.float64)
        design = as_design(X)
        penalty = self._penalty(1.0)
        penalty.check(design.n_features)
        folds = self._folds(X, codes)
        if alphas is None:
            problem = self._problem(design, codes, None, penalty, weights)
            alphas = alpha_grid(problem.alpha_max(), self.n_alphas, 1e-2 if self.eps is None else self.eps)
        n_threads = self.n_threads if effective_n_jobs(self.n_jobs) == 1 else 1
        scored = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._score_fold)(design, codes, weights, alphas, train, test, n_threads) for train, test in folds
        )
        scores = np.column_stack([each for each, _ in scored])
        mean = scores.mean(axis=1)
        error = scores.std(axis=1, ddof=1) / np.sqrt(len(folds)) if len(folds) > 1 else np.zeros_like(mean)
        index = int(np.argmax(mean))
        if self.selection_rule == "1se":
            index = int(np.argmax(mean >= mean[index] - error[index]))
        self.alpha_, self.alphas_ = float(alphas[index]), alphas
        self.score_path_, self.score_se_ = scores, error
        problem = self._problem(design, codes, None, self._penalty(self.alpha_), weights)
        self._report(solve(problem, tol=self.tol, max_iter=int(self.max_iter), n_threads=self.n_threads))
        self.n_passes_ += 1.0 + sum(passes for _, passes in scored)
        return self

    def _penalty(self, alpha):
        return make_penalty(self.penalty, alpha, self.l1_ratio, self.weights, self.positive)

    def _folds(self, X, codes):
        """Return the folds as pairs of row numbers (train, test)."""
        from sklearn.model_selection import check_cv  # slow to import, and needed here only

        kinds = np.arange(self.classes_.size)  # of all ranks: a splitter is chosen by what y is
        try:
            folds = local_folds(check_cv(self.cv, kinds, classifier=True), X, codes)
        except (ValueError, IndexError, TypeError) as error:
            raise ValueError(f"cv={short(self.cv)} does not fit the data: {error}") from error
        if not folds:
            raise ValueError(f"cv must give at least one fold, got {short(self.cv)}")
        return folds

    def _score_fold(self, design, codes, weights, alphas, train, test, n_threads):
        """Return the score on the held-out rows for every alpha, and the passes over X."""
        ranks = design.ranks
        each = np.ones(design.n_samples) if weights is None else weights
        training = each * np.bincount(train, minlength=design.n_samples)  # a row drawn twice counts twice
        held_out = each[test]
        if not (ranks.any(np.any(training > 0.0)) and ranks.any(np.any(held_out > 0.0))):
            raise ValueError("a fold has no training rows or no test rows of positive weight; use fewer folds (cv)")
        try:
            problem = self._problem(design, codes, None, self._penalty(1.0), training)
        except InvalidProblemError as error:
            raise ValueError(f"the training rows of a fold lack a class; use fewer folds (cv): {error}") from error
        path = solve_path(problem, alphas, tol=self.tol, max_iter=int(self.max_iter), n_threads=n_threads)
        scores = np.empty(alphas.size)
        y = codes[test]
        for i in range(alphas.size):
            eta = (design.matvec(path.coefs[i]) + path.intercepts[i])[test]
            if self.scoring == "accuracy":
                right = ((eta > 0.0) if eta.ndim == 1 else np.argmax(eta, axis=1)) == y
                scores[i] = ranks.mean(right, held_out)
            else:
                loss, target = (Logistic(), 2.0 * y - 1.0) if eta.ndim == 1 else (Multinomial(eta.shape[1]), y)
                scores[i] = -ranks.mean(loss.values(target, eta), held_out)
        return scores, path.n_passes
