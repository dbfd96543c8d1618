"""Sparse regression on random supports."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._ranks import ALONE, current_ranks
from .._threads import resolve_n_threads, serial_blas
from .._validation import (
    MOST,
    check_coef,
    check_compressed,
    check_flag,
    check_folds,
    check_n_jobs,
    check_option,
    check_sample_weight,
    check_scalar,
    check_seed,
    short,
)
from ..exceptions import IncompatibleError, InvalidProblemError
from ..solvers.random_support import BASES, REFITS, Settings, solve_random_support
from ._linear import LinearRegressor
from ._path_cv import check_pairs
from ._spectral_peeling import SpectralPeeling, check_rule, rows_of, validate_columns, warn_of_limits
from ._tables import validate_data

NEARLY_DEPENDENT = 1e-3  # singular value of unit columns below which their combinations are lost in noise


class RandomSupportRegressor(LinearRegressor):
    r"""Sparse linear regression that survives strongly dependent columns, when the support is like a random one.

    On columns that share factors of several sizes (nested groups, trees, random walks) a signal of size one may need
    coefficients of 10^6 that cancel; the Lasso, matching pursuit and exchange heuristics then predict no better than
    zero. If which columns matter has nothing to do with how they depend on each other (a random support), the
    dependence can be taken out first. Two phases:

    1. spectral peeling (:class:`SpectralPeeling`) takes common directions U out, level by level; residual columns Z of
       unit size are left, and the signal has the same support in them, without the cancellation;
    2. at every level, level 0 being the columns as they are, columns are selected greedily or by the Lasso; every
       prefix is a candidate, refitted on the original columns (sparse) or on (U, Z) (dictionary). The best of all
       levels, kinds and sizes is chosen by EBIC or cross-validation, sparse models after exact exchanges.

    On ordinary columns no round happens and this is forward selection with exchanges and EBIC. The method is in the
    spirit of, but is not, the algorithm of [1]_; its own guarantee and limits are in the user guide.

    Parameters
    ----------
    max_support : int, optional
        Most columns considered; default: a quarter of the samples, at most 50.
    n_nonzero_coefs : int, optional
        Exactly this many columns, if a level has them; default: chosen by the criterion.
    criterion : {"ebic", "cv"}, default="ebic"
        How level, kind and size are chosen. "cv" runs both phases anew in every fold: slower, and not better in our
        measurements.
    ebic_gamma : float, default=1.0
        Weight of the number of supports of a size; smaller values select more columns, and worse.
    cv : int, cross-validation generator or iterable, optional
        For ``criterion="cv"``; None: five folds, shuffled by `random_state`.
    base : {"ols", "omp", "lasso"}, default="ols"
        Selection at a level: orthogonal least squares (forward stepwise), orthogonal matching pursuit, or the order in
        which columns enter the Lasso path.
    refit : {"auto", "sparse", "dictionary", "none"}, default="auto"
        "sparse": least squares on the original columns; "dictionary": on the directions taken out and the residual
        columns, which gives dense `coef_`; "auto": whichever is better; "none" (with ``base="lasso"``): the directions
        without penalty and the Lasso's own coefficients.
    polish : bool, default=True
        Whether the best sparse models are improved by exchanges and deletions (EBIC only).
    average : bool, default=False
        Predict with all good models instead of the best one, each weighted by exp(-EBIC / 2) as in Bayesian model
        averaging [3]_: usually smaller errors where several models explain y nearly as well (factors of several
        scales, random walks), `coef_` on the columns of all of them. Needs ``criterion="ebic"`` and a refit.
    null_tol : float, default=0.1
        Pairs and triples of columns that are dependent up to this much (on unit columns of the last level) may be
        selected together; 0: never. All columns are searched when that is cheap, else a random part of them. Not used
        with ``criterion="cv"`` or ``refit="none"``.
    n_draws : int, default=199
        Random supports drawn for the certificate; 0: none.
    eig_factor, eig_threshold, rho, min_frac, rank_tol, max_rounds, max_dim
        Phase 1, as in :class:`SpectralPeeling`. ``max_rounds=0`` turns it off, ``max_rounds=1`` is one-shot factor
        adjustment.
    fit_intercept : bool, default=True
    random_state : int, RandomState instance or None
        Of the certificate's draws and the default folds.
    n_jobs : int, optional
        Folds at the same time, in threads.
    n_threads : int, optional
        OpenMP threads; None: ``OMP_NUM_THREADS`` if set, else the physical cores. The result does not depend on it.
    verbose : int, default=0
        0 silent, 1 progress bar over levels, 2 a log line for each level (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
        Sparse, or the dense equivalent of a dictionary model.
    intercept_ : float
    support_ : ndarray of int
        Columns selected; in a dictionary model those whose residual columns are used. With ``average=True`` this, the
        kind, the level, the criterion and the certificate are those of the best model.
    kind_ : str
        "sparse", "dictionary" or "lasso".
    level_, n_levels_ : int
        Level chosen, and how many there are, level 0 included.
    dims_ : list of int
        Directions that each round of peeling took out.
    peeler_ : SpectralPeeling
        Phase 1, fitted, without the residual columns.
    criterion_ : float
    criterion_path_ : structured ndarray
        Fields level, size, kind, criterion, weight: every candidate. The weight is 1 for the model chosen, or its
        share with ``average=True``.
    noise_variance_ : float
        Residual sum of squares over (samples - parameters).
    certificate_ : SupportCertificate or None
        How well conditioned random supports of the chosen size are at the last level; print it.
    support_sigma_ : float
        The same number for the support chosen.
    null_sets_ : list of tuple of int
        Pairs and triples of columns found to be dependent up to `null_tol`, closest first. A signal along one of them
        is out of reach of the guarantee.
    objective_ : float
        Half the mean squared residual.
    violation_ : float
        Largest product of the residual with a fitted unit column or direction, over the norm of y.
    n_iter_ : int
        Levels.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Warns
    -----
    ConvergenceWarning
        When peeling met `max_dim` or `max_rounds`.
    UserWarning
        When random supports are nearly dependent even after peeling, or the support chosen is.

    Notes
    -----
    Weights are numbers of repetitions: their sum is the number of samples in the criterion. X is copied to dense
    float64, twice when a round happens.

    References
    ----------
    .. [1] G. Chandrasekaran, R. Meka, K. Stavropoulos, "Sparse linear regression is easy on random supports",
       arXiv:2511.06211, 2025.
    .. [2] J. Chen, Z. Chen, "Extended Bayesian information criteria for model selection with large model spaces",
       Biometrika 95, 2008.
    .. [3] A. E. Raftery, "Bayesian model selection in social research", Sociological Methodology 25, 1995.

    Examples
    --------
    >>> import sparseopt as so
    >>> X, y, coef = so.datasets.make_nested_groups(random_state=1)
    >>> model = so.RandomSupportRegressor(random_state=0).fit(X, y)
    >>> float(((model.predict(X) - X @ coef) ** 2).mean() / (X @ coef).var()) < 0.1
    True
    >>> model.dims_[0], model.n_levels_
    (4, 5)
    """

    _takes_spread_columns = _checks_own_rows = True

    def __init__(
        self, *, max_support=None, n_nonzero_coefs=None, criterion="ebic", ebic_gamma=1.0, cv=None, base="ols",
        refit="auto", polish=True, average=False, null_tol=0.1, n_draws=199, eig_factor=2.0, eig_threshold=None,
        rho=0.5, min_frac=0.02, rank_tol=1e-12, max_rounds=60, max_dim=0.5, fit_intercept=True, random_state=None,
        n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.max_support = max_support
        self.n_nonzero_coefs = n_nonzero_coefs
        self.criterion = criterion
        self.ebic_gamma = ebic_gamma
        self.cv = cv
        self.base = base
        self.refit = refit
        self.polish = polish
        self.average = average
        self.null_tol = null_tol
        self.n_draws = n_draws
        self.eig_factor = eig_factor
        self.eig_threshold = eig_threshold
        self.rho = rho
        self.min_frac = min_frac
        self.rank_tol = rank_tol
        self.max_rounds = max_rounds
        self.max_dim = max_dim
        self.fit_intercept = fit_intercept
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : array-like of shape (n,)
        sample_weight : float or array-like of shape (n,), optional
            Non-negative numbers of repetitions.

        Returns
        -------
        self
        """
        rule, settings = check_rule(self), self._settings()
        X, y = validate_columns(self, X, y=y, y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        weights = check_sample_weight(sample_weight, X.shape[0])
        ranks = current_ranks()
        _, self.n_features_in_ = ranks.place_columns(X.shape[1])
        self._check_sizes(self.n_features_in_, X.shape[0] if weights is None else np.count_nonzero(weights))
        if ranks.size > 1 and self.criterion == "cv":
            raise IncompatibleError("criterion='cv' cannot take columns on several MPI ranks; use 'ebic'")
        folds = self._folds(X, y) if self.criterion == "cv" else None
        with serial_blas():
            outcome = solve_random_support(
                X, y, weights, center=self.fit_intercept, rule=rule, settings=settings, folds=folds,
                random_state=self.random_state,
            )  # fmt: skip
        self._keep(outcome)
        warn_of_limits(outcome.peeling, rule, outcome.unit.total)
        self._warn_of_dependence()
        return self

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)

        Returns
        -------
        ndarray of shape (n,)
            A dictionary model sends rows through the rounds of peeling, which is more accurate than ``X @ coef_`` when
            columns nearly cancel.
        """
        check_is_fitted(self)
        if self._model.peeling is None:
            return super().predict(X)
        check_compressed("X", X)
        X = validate_data(self, X, reset=False, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
        return rows_of(X, self._unit, lambda rows: self._model(rows), 0) * self._scale + self._mean

    def _settings(self):
        for name in ("fit_intercept", "polish", "average"):
            check_flag(name, getattr(self, name))
        check_option("criterion", self.criterion, ("ebic", "cv"))
        check_option("base", self.base, BASES)
        check_option("refit", self.refit, REFITS)
        if self.refit == "none" and self.base != "lasso":
            raise ValueError(f"refit='none' keeps the Lasso's coefficients and needs base='lasso', got {self.base!r}")
        if self.refit == "none" and self.n_nonzero_coefs is not None:
            raise ValueError(f"n_nonzero_coefs must be None when refit='none', got {self.n_nonzero_coefs!r}")
        if self.average and (self.criterion != "ebic" or self.refit == "none"):
            raise ValueError(
                "average=True weighs models by EBIC and needs criterion='ebic' and a refit other than 'none', got "
                f"criterion={self.criterion!r}, refit={self.refit!r}"
            )
        check_scalar("ebic_gamma", self.ebic_gamma, Real, low=0.0)
        for name in ("max_support", "n_nonzero_coefs"):
            check_scalar(name, getattr(self, name), Integral, low=1, allow_none=True)
        check_scalar("null_tol", self.null_tol, Real, low=0.0, high=1.0, closed="left")
        check_scalar("n_draws", self.n_draws, Integral, low=0, high=MOST)
        check_seed(self.random_state, generator=True)
        check_scalar("verbose", self.verbose, Integral, low=0)
        check_n_jobs(self.n_jobs)
        check_folds(self.cv)
        return Settings(
            base=self.base, refit=self.refit, gamma=float(self.ebic_gamma),
            max_support=None if self.max_support is None else int(self.max_support),
            n_nonzero=None if self.n_nonzero_coefs is None else int(self.n_nonzero_coefs),
            polish=bool(self.polish), average=bool(self.average), null_tol=float(self.null_tol),
            n_draws=int(self.n_draws), n_threads=resolve_n_threads(self.n_threads),
            n_jobs=self.n_jobs, verbose=int(self.verbose),
        )  # fmt: skip

    def _check_sizes(self, n_features, n_samples):
        if n_samples < 3:
            raise InvalidProblemError(f"at least 3 samples of positive weight are needed, got {n_samples}")
        most = min(n_samples - 1, n_features)
        for name in ("max_support", "n_nonzero_coefs"):
            value = getattr(self, name)
            if value is not None and value > most:
                raise ValueError(
                    f"{name} must be at most {most} for {n_samples} samples and {n_features} features, got {value}"
                )

    def _folds(self, X, y):
        from sklearn.model_selection import KFold, check_cv  # slow to import, and needed here only

        rows = np.arange(X.shape[0])
        seed = self.random_state
        splitter = KFold(min(5, rows.size), shuffle=True, random_state=seed if _is_seed(seed) else 0)
        try:
            splitter = splitter if self.cv is None else check_cv(self.cv)
            folds = [(rows[train], rows[test]) for train, test in splitter.split(rows[:, None], y)]
            check_pairs(folds)
        except (ValueError, IndexError, TypeError) as error:
            raise ValueError(f"cv={short(self.cv)} does not fit the data: {error}") from error
        if not folds:
            raise ValueError(f"cv must give at least one fold, got {short(self.cv)}")
        return folds

    def _keep(self, outcome):
        unit, peeling, chosen = outcome.unit, outcome.peeling, outcome.chosen
        peeling.complete()
        self.coef_ = check_coef(outcome.coef)
        self.intercept_ = outcome.mean - float(unit.mean @ self.coef_)
        self.support_ = np.array(sorted(chosen.support), dtype=np.intp)
        self.kind_, self.level_, self.criterion_ = chosen.kind, chosen.level, chosen.criterion
        self.n_iter_ = self.n_levels_ = len(peeling.rounds) + 1
        self.null_sets_ = outcome.null.sets
        self.criterion_path_ = np.array(
            [
                (one.level, one.size, one.kind, one.criterion, weight)
                for one, weight in zip(outcome.candidates, outcome.weights, strict=True)
            ],
            dtype=[
                ("level", np.intp), ("size", np.intp), ("kind", "U10"), ("criterion", np.float64),
                ("weight", np.float64),
            ],
        )  # fmt: skip
        self.noise_variance_ = outcome.noise_variance
        with np.errstate(over="ignore"):  # the square of a huge target is infinite, its coefficients are not
            self.objective_ = float(0.5 * outcome.model.rss / unit.total * np.square(outcome.scale))
        self.violation_ = outcome.model.violation
        self.certificate_, self.support_sigma_ = outcome.certificate, outcome.support_sigma
        # neither the columns nor what is left of them: a fitted model does not carry the data
        peeling.residual = None
        unit = replace(unit, columns=None, root=None, rows=None, ranks=ALONE)
        names = ("eig_factor", "eig_threshold", "rho", "min_frac", "rank_tol", "max_rounds", "max_dim")
        peeler = SpectralPeeling(center=self.fit_intercept, **{name: getattr(self, name) for name in names})
        peeler.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            peeler.feature_names_in_ = self.feature_names_in_
        peeler._keep(peeling, unit)
        self.peeler_, self.dims_ = peeler, peeler.dims_
        self._model, self._unit, self._scale, self._mean = outcome.model, unit, outcome.scale, outcome.mean

    def _warn_of_dependence(self):
        certificate = self.certificate_
        if certificate is None or certificate.size > certificate.n_alive:
            return
        if certificate.quantile(0.05) < NEARLY_DEPENDENT:
            warnings.warn(
                f"the design defeats the method: after {len(self.dims_)} rounds of peeling one random support of "
                f"{certificate.size} columns in twenty still has a smallest singular value below "
                f"{certificate.quantile(0.05):.1g}; a signal along such a combination cannot be found",
                UserWarning, stacklevel=3,
            )  # fmt: skip
        elif self.support_sigma_ < min(NEARLY_DEPENDENT, certificate.quantile(0.05)):
            warnings.warn(
                f"the support chosen is not like a random one: its columns nearly cancel (smallest singular value "
                f"{self.support_sigma_:.1g}, while 95% of random supports have at least "
                f"{certificate.quantile(0.05):.1g}); the guarantee does not cover it",
                UserWarning, stacklevel=3,
            )  # fmt: skip


def _is_seed(value):
    return value is None or isinstance(value, (Integral, np.random.RandomState))
