"""Classic sparse Bayesian learning."""

from __future__ import annotations

import logging
import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._threads import blas_of_order
from .._validation import check_flag, check_option, check_scalar
from ..exceptions import ConvergenceWarning
from ..solvers.sbl.classic import UPDATES, solve_classic
from ..solvers.sbl.columns import Columns
from ._bayesian_data import BayesianData, check_scales, prepare
from ._kronecker_data import check_noise

logger = logging.getLogger("sparseopt")
SHARE = 0.5  # of the samples: columns that take more degrees of freedom leave no honest noise


class SBLRegressor(BayesianData, MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Linear regression by sparse Bayesian learning: a variance for every coefficient, most of them zero.

    .. math:: y = X w + b + n, \quad w_j \sim N(0, \gamma_j), \quad n_i \sim N(0, \sigma^2 / s_i)

    Variances and noise maximise the evidence; the coefficients are the posterior mean. Several targets are snapshots:
    they share variances, support and noise. Data may be complex (with ``fit_intercept=False``). No matrix is larger
    than n x n, or k x k for k columns in use.

    Parameters
    ----------
    update : {"mm", "mackay", "em", "fast"}, default="mm"
        How variances change: "mm" (majorise-minimise) and "em" never raise the cost, "mackay" converges faster but
        without a proof; "fast" adds, changes and deletes one column at a time, starting from none.
    noise_variance : float, optional
        Variance of the noise. None: learned.
    max_iter : int, default=300
        Largest number of iterations.
    tol : float, default=1e-4
        The fit ends when no variance moves by more than this fraction of the largest ("fast": when no step is worth
        more than this in logarithm of the evidence), and neither does the noise.
    prune : float, default=1e-4
        Columns (scaled to unit norm) whose variance is below this fraction of the largest are dropped, which may raise
        the cost; 0 drops none.
    fit_intercept : bool, default=True
        Whether to fit b, which has no prior. Complex data need False.
    noise_floor : float, default=1e-10
        Smallest noise variance, as a fraction of the mean of y^2.
    verbose : int, default=0
        0 silent, 2 a log line (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_targets, p)
        Posterior means.
    intercept_ : float or ndarray of shape (n_targets,)
    gamma_ : ndarray of shape (p,)
        Prior variances, 0 for columns that were dropped.
    coef_std_ : ndarray of shape (p,)
        Posterior standard deviations.
    support_ : ndarray
        Columns that were kept.
    noise_variance_ : float
    cost_path_ : ndarray
        ``L log|C| + sum_l y_l^H C^-1 y_l`` for each iteration, C the covariance of y (centred).
    violation_ : float
        The certificate: no derivative of the cost by the logarithm of a variance is larger, per target.
    n_iter_ : int
    converged_ : bool
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    References
    ----------
    .. [1] M. E. Tipping, "Sparse Bayesian learning and the relevance vector machine", JMLR 1, 2001.
    .. [2] M. E. Tipping, A. Faul, "Fast marginal likelihood maximisation for sparse Bayesian models", AISTATS 2003.
    .. [3] D. Wipf, S. Nagarajan, "A new view of automatic relevance determination", NIPS 2007.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((40, 200))
    >>> y = 3 * X[:, 5] - 2 * X[:, 17] + 0.1 * rng.standard_normal(40)
    >>> model = so.SBLRegressor(update="fast", noise_variance=0.01).fit(X, y)
    >>> np.argsort(-np.abs(model.coef_))[:2].tolist(), model.coef_[[5, 17]].round(1).tolist()
    ([5, 17], [3.0, -2.0])
    >>> mean, std = model.predict(X[:3], return_std=True)
    """

    def __init__(
        self, *, update="mm", noise_variance=None, max_iter=300, tol=1e-4, prune=1e-4, fit_intercept=True,
        noise_floor=1e-10, verbose=0,
    ):  # fmt: skip
        self.update = update
        self.noise_variance = noise_variance
        self.max_iter = max_iter
        self.tol = tol
        self.prune = prune
        self.fit_intercept = fit_intercept
        self.noise_floor = noise_floor
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : array-like of shape (n,) or (n, n_targets)
            Several targets share their support.
        sample_weight : float or array-like of shape (n,), optional
            The noise variance of sample i is divided by it, and an integer weight is as good as repeating the row.
            Weights with a mean below one are scaled up to that.

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
        UserWarning
            When the noise is learned, and columns take more than half of the degrees of freedom: the evidence cannot
            tell the two apart, and standard deviations are too small.
        """
        self._check_parameters()
        X, y = self._check_data(X, y)
        data = prepare(X, y, sample_weight, self.fit_intercept)
        unit = data.unit
        columns = Columns(data.X, data.center, data.roots)
        noise = None if self.noise_variance is None else self.noise_variance / unit**2
        with blas_of_order(min(columns.shape)):
            result = solve_classic(
                columns, data.Z, update=self.update, noise_variance=noise, max_iter=int(self.max_iter), tol=self.tol,
                prune=self.prune, floor=self.noise_floor, total=data.total,
            )  # fmt: skip
        self._report(result, columns, unit, data.center, data.shift, y.ndim, data.total)
        return self

    def _report(self, result, columns, unit, center, shift, n_dims, total):
        p, norms = columns.shape[1], columns.norms[result.support]
        scale = unit / norms
        coef = np.zeros((result.mean.shape[1], p), dtype=result.mean.dtype)
        with np.errstate(over="ignore", under="ignore"):
            coef[:, result.support] = (result.mean * scale[:, None]).T
        check_scales(coef, scale, result.support)
        intercept = shift - coef @ center if center is not None else np.zeros(len(coef))
        self.coef_ = coef[0] if n_dims == 1 else coef
        self.intercept_ = (float(intercept[0]) if n_dims == 1 else intercept) if center is not None else 0.0
        self.support_ = result.support
        self.gamma_, self.coef_std_ = np.zeros(p), np.zeros(p)
        self.gamma_[result.support] = result.gamma * scale**2
        self.coef_std_[result.support] = np.sqrt(result.variance) * scale
        self.noise_variance_ = result.noise_variance * unit**2
        self.cost_path_ = result.cost_path + total * len(coef) * 2.0 * np.log(unit)
        self.violation_ = result.violation
        self.n_iter_ = max(result.n_iter, 1)
        self.converged_ = result.converged
        self._root = result.root * scale
        self._center = None if center is None else center[result.support]
        if self.verbose >= 2:
            logger.info("%d iterations, cost %.8g, noise variance %.4g, %d columns", self.n_iter_,
                        self.cost_path_[-1], self.noise_variance_, result.support.size)  # fmt: skip
        if self.noise_variance is None and result.degrees > SHARE * total and np.any(result.mean):
            warnings.warn(
                f"the columns take {result.degrees:.3g} of {total:.3g} degrees of freedom, so that evidence cannot "
                "tell noise from coefficients: noise_variance_ and coef_std_ are too small; set noise_variance, or "
                "use more samples or fewer features",
                UserWarning,
                stacklevel=3,
            )
        if not result.converged:
            warnings.warn(
                f"the variances still moved by more than tol={self.tol:g} after max_iter={self.max_iter} iterations; "
                "raise max_iter or tol, or use update='mackay' or 'fast'",
                ConvergenceWarning,
                stacklevel=3,
            )

    def predict(self, X, return_std=False):
        """Predict the target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        return_std : bool, default=False
            Whether to return the standard deviation of each prediction too: noise and uncertainty of the coefficients.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets), and where asked for one of shape (n,)
        """
        check_is_fitted(self)
        check_flag("return_std", return_std)
        X = self._check_prediction_data(X)
        active = X[:, self.support_]
        coef = self.coef_[..., self.support_]
        mean = active @ coef.T + self.intercept_
        if not return_std:
            return mean
        active = active.toarray() if sparse.issparse(active) else np.asarray(active)
        if self._center is not None:
            active = active - self._center
        variance = (np.abs(active) ** 2) @ self.gamma_[self.support_]
        variance = variance - np.sum(np.abs(active @ self._root.conj().T) ** 2, axis=1)
        return mean, np.sqrt(np.maximum(variance, 0.0) + self.noise_variance_)

    def _check_parameters(self):
        check_option("update", self.update, UPDATES)
        check_noise(self.noise_variance)
        check_scalar("max_iter", self.max_iter, Integral, low=1)
        check_scalar("tol", self.tol, Real, low=0.0)
        check_scalar("prune", self.prune, Real, low=0.0, high=1.0, closed="left")
        check_flag("fit_intercept", self.fit_intercept)
        check_scalar("noise_floor", self.noise_floor, Real, low=1e-14, high=1.0)
        check_scalar("verbose", self.verbose, Integral, low=0)
