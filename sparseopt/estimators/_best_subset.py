"""Best subset regression."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from .._validation import check_coef, check_folds, check_option, check_sample_weight, check_scalar
from ..problem import Problem
from ..problem.design import as_design
from ..solvers.best_subset import spread
from ..solvers.registry import warn_not_converged
from ..solvers.subset_path import criterion_values, largest_size, solve_subset
from ._linear import LinearRegressor
from ._path_cv import split_folds


class BestSubsetRegressor(LinearRegressor):
    r"""Least squares with at most k coefficients that are not zero.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2 + \tfrac12 \rho \|w\|_2^2
              \quad \text{subject to} \quad \|w\|_0 \le k

    with ``rho = ridge`` and ``s = sample_weight``. Columns are added one by one, with the best exchange of a chosen
    column for another after each, and members are forced out to get away from local minima. The result is proved to
    be optimal among all supports that differ in one column; on small problems it nearly always is the best of all.

    Parameters
    ----------
    n_nonzero_coefs : int, optional
        The bound k, from 0 to the smaller of the numbers of features and samples. None: chosen by `criterion`.
    criterion : {"ebic", "bic", "aic", "cv"}, default="ebic"
        Chooses the size: the extended Bayesian, the Bayesian or Akaike's information criterion, or the mean squared
        error in cross-validation. The sum of the sample weights counts as the number of samples.
    max_nonzero_coefs : int, optional
        The largest size considered; None: ``n / (log p log log n)``, at most n / 2 and p.
    ridge : float, default=0.0
        Strength of a ridge penalty, which steadies the coefficients of correlated columns; >= 0.
    fit_intercept : bool, default=True
        Whether to fit b, which is never penalised and not counted.
    cv : int, cross-validation generator or iterable, optional
        As in scikit-learn; None: 5 folds. For ``criterion="cv"``.
    tol : float, default=1e-6
        The fit ends when no exchange of one column for another gains more than `tol` times the objective at zero.
    max_iter : int, default=100
        Largest number of rounds, each of which reads X once.
    n_jobs : int, optional
        Folds fitted at a time, in threads.
    n_threads : int, optional
        OpenMP threads of one fit; None: ``OMP_NUM_THREADS`` if set, else the physical cores.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each iteration (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
    intercept_ : float
    sparse_coef_ : sparse matrix of shape (1, p)
    support_ : ndarray
        Features with a non-zero coefficient.
    n_nonzero_coefs_ : int
        The bound that was given or chosen.
    sizes_ : ndarray of shape (n_sizes,)
        When the size was chosen: the sizes considered.
    score_path_ : ndarray of shape (n_sizes,)
        The criterion for each; the smallest won. With "cv" the mean squared error.
    path_coefs_ : ndarray of shape (n_sizes, p)
        Coefficients of each size.
    exchange_gain_ : float
        The certificate: what the best exchange of one column would still gain, in units of the objective.
    violation_ : float
        Largest gradient of the objective in a coefficient in use.
    objective_ : float
    n_iter_ : int
    n_passes_ : float
        How many times all of X was read.
    converged_ : bool
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    References
    ----------
    .. [1] H. Hazimeh, R. Mazumder, "Fast best subset selection: coordinate descent and local combinatorial optimization
       algorithms", Operations Research 68, 2020.
    .. [2] J. Zhu et al., "A polynomial algorithm for best-subset selection problem", PNAS 117, 2020.
    .. [3] J. Chen, Z. Chen, "Extended Bayesian information criteria for model selection with large model spaces",
       Biometrika 95, 2008.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = so.BestSubsetRegressor(3).fit(X, y)
    >>> list(model.feature_names_in_[model.support_])
    ['bmi', 'bp', 's5']
    >>> so.BestSubsetRegressor(criterion="bic").fit(X, y).n_nonzero_coefs_
    5
    """

    def __init__(
        self, n_nonzero_coefs=None, *, criterion="ebic", max_nonzero_coefs=None, ridge=0.0, fit_intercept=True, cv=None,
        tol=1e-6, max_iter=100, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.n_nonzero_coefs = n_nonzero_coefs
        self.criterion = criterion
        self.max_nonzero_coefs = max_nonzero_coefs
        self.ridge = ridge
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
            Dense Fortran-ordered float64 or float32 and CSC are used where they lie; so is dense C order.
        y : array-like of shape (n,)
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
            When `max_iter` was reached first.
        """
        self._check_common()
        check_option("criterion", self.criterion, ("aic", "bic", "ebic", "cv"))
        check_scalar("ridge", self.ridge, Real, low=0.0)
        check_folds(self.cv)
        for name in ("n_nonzero_coefs", "max_nonzero_coefs"):
            check_scalar(name, getattr(self, name), Integral, low=0, allow_none=True)
        X, y = self._validate(X, y, multi_output=False)
        weights = check_sample_weight(sample_weight, X.shape[0])
        y, unit = _in_units(y)
        design = as_design(X)
        n, p = design.shape
        for name in ("n_nonzero_coefs", "max_nonzero_coefs"):
            if (getattr(self, name) or 0) > min(n, p):
                raise ValueError(
                    f"{name}={getattr(self, name)} is too large: X has {p} features and {n} samples, "
                    f"so at most {min(n, p)} coefficients can be told apart"
                )
        for name in ("sizes_", "score_path_", "path_coefs_"):
            if hasattr(self, name):  # of an earlier fit
                delattr(self, name)
        settings = dict(ridge=float(self.ridge), tol=self.tol, max_iter=int(self.max_iter), verbose=self.verbose)
        problem = Problem(design, y, sample_weight=weights, fit_intercept=self.fit_intercept)
        n_counted = float(n if weights is None else weights.sum())
        if self.n_nonzero_coefs is not None:
            result, _ = solve_subset(problem, int(self.n_nonzero_coefs), n_threads=self.n_threads, **settings)
            self.n_nonzero_coefs_ = int(self.n_nonzero_coefs)
            passes = 0.0
        else:
            result, passes = self._choose(problem, X, y, weights, n_counted, settings)
        self.coef_ = check_coef(result.coef * unit)
        self.intercept_ = result.intercept * unit
        self.support_ = np.flatnonzero(result.coef)
        self.objective_ = result.objective * unit**2
        self.violation_ = result.violation * unit
        self.exchange_gain_ = result.relative_violation * result.null_objective * unit**2
        if self.n_nonzero_coefs is None:
            self.path_coefs_ *= unit
            if self.criterion == "cv":
                self.score_path_ *= unit**2
            elif result.null_objective > 0.0:  # n log(mean square) is their first part
                self.score_path_ += 2.0 * n_counted * np.log(unit)
        self.n_iter_ = result.n_iter
        self.n_passes_ = result.n_passes + passes
        self.converged_ = result.converged
        if not result.converged:
            warn_not_converged(result.relative_violation, self.tol, int(self.max_iter), what="exchange")
        return self

    def _choose(self, problem, X, y, weights, n_counted, settings):
        """Fit a path over sizes and the size that the criterion picks; return the result and the passes of folds."""
        n, p = problem.design.shape
        most = largest_size(n_counted, p) if self.max_nonzero_coefs is None else int(self.max_nonzero_coefs)
        scores = []
        fold_scores, passes = None, 0.0
        if self.criterion == "cv":
            fold_scores, passes = self._cross_validate(problem, X, y, weights, most, settings)

        def choose(losses):
            if fold_scores is not None:
                scores[:] = fold_scores[: len(losses)]
            else:
                scores[:] = criterion_values(self.criterion, losses, losses[0], n_counted, p)
            return int(np.argmin(scores))

        result, path = solve_subset(problem, most, choose=choose, n_threads=self.n_threads, **settings)
        self.score_path_ = np.array(scores)
        self.sizes_ = np.arange(self.score_path_.size)
        self.path_coefs_ = np.array([spread(subset, p) for subset in path[: self.sizes_.size]])
        self.n_nonzero_coefs_ = int(np.argmin(self.score_path_))
        return result, passes

    def _cross_validate(self, problem, X, y, weights, most, settings):
        """Return the mean squared error of every size over the folds, and the passes over X."""
        folds = split_folds(self.cv, X, y)
        n_jobs = effective_n_jobs(self.n_jobs)
        n_threads = self.n_threads if n_jobs == 1 else 1
        done = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._score_fold)(problem.design, y, weights, most, train, test, n_threads, settings)
            for train, test in folds
        )
        shortest = min(errors.size for errors, _ in done)
        return np.mean([errors[:shortest] for errors, _ in done], axis=0), sum(passes for _, passes in done)

    def _score_fold(self, design, y, weights, most, train, test, n_threads, settings):
        each = np.ones(design.n_samples) if weights is None else weights
        training = each * np.bincount(train, minlength=design.n_samples)
        if not np.any(training > 0.0) or not np.any(each[test] > 0.0):
            raise ValueError("a fold has no training rows or no test rows of positive weight; use fewer folds (cv)")
        problem = Problem(design, y, sample_weight=training, fit_intercept=self.fit_intercept)
        most = min(most, max(int(np.count_nonzero(training)) - 1, 0))
        result, path = solve_subset(problem, most, choose=lambda losses: 0, n_threads=n_threads, **settings)
        errors = np.empty(len(path))
        for i, subset in enumerate(path):
            w = spread(subset, design.n_features)
            eta = design.matvec(w)
            errors[i] = np.average((y[test] - eta[test] - problem.intercept(w)) ** 2, weights=each[test])
        return errors, result.n_passes


def _in_units(y):
    """Return y over a power of two near its largest size, and that power: the search squares products of X with y.

    Nothing is rounded by that. Sizes whose squares overflow are left for the problem to refuse.
    """
    largest = float(np.abs(y).max(initial=0.0))
    if not 0.0 < largest < 1e150:
        return y, 1.0
    exponent = max(int(np.frexp(largest)[1]), -1000)
    return np.ldexp(y, -exponent), float(np.ldexp(1.0, exponent))
