"""Sparse regression with structured supports, by Turbo-VBI."""

from __future__ import annotations

import logging
import warnings
from numbers import Integral, Real

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._ranks import current_ranks
from .._threads import resolve_n_threads
from .._validation import check_flag, check_n_jobs, check_option, check_scalar
from ..exceptions import ConvergenceWarning, InvalidProblemError
from ..problem.design import KroneckerDesign
from ..solvers.turbo_vbi import solve_turbo
from ..solvers.turbo_vbi.driver import SOLVERS
from ..solvers.turbo_vbi.evidence import EVIDENCES
from ..solvers.turbo_vbi.refit import refit
from ..solvers.turbo_vbi.supports._base import as_support
from ..solvers.turbo_vbi.systems import linear_system
from ._bayesian_data import BayesianData, check_scales, prepare
from ._kronecker_data import check_noise

logger = logging.getLogger("sparseopt")
ENTRIES = 1 << 21  # of a block of columns in `predict`


class TurboVBIRegressor(BayesianData, MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Linear regression whose non-zero coefficients come in runs, patches or groups, with uncertainty.

    .. math::
        y = X w + b + n, \quad w_j \mid s_j \sim N(0, s_j \sigma_1^2 + (1 - s_j) \sigma_0^2), \quad
        n_i \sim N(0, \sigma^2 / \text{weight}_i)

    with :math:`\sigma_0^2 \ll \sigma_1^2` and a structured prior of the binary support s: a Markov chain, a grid,
    or groups. Two estimators exchange what they know until the mean rests: the Gaussian posterior of w, and message
    passing on the support. Noise, active variance and the support prior are learned. Data may be complex
    (``fit_intercept=False``).

    Parameters
    ----------
    structure : {"chain", "grid", "groups", "iid"} or support prior, default="chain"
        Which coefficients go together: neighbours in a row, neighbours on a grid, members of a group, or none. An
        object of ``sparseopt.supports`` sets its parameters too.
    shape : tuple of int, optional
        Shape of the coefficients in C order: for "grid" (height, width); for "chain" (n_chains, length), None for one.
    groups : array-like, optional
        For "groups": a label for each column, or lists of columns, or the size of consecutive groups.
        None: every column its own group.
    evidence : {"extrinsic", "joint", "mean_field"}, default="extrinsic"
        What the support hears of w: the posterior without the prior, which does not count anything twice; or
        variational Bayes with q(w) q(support, precision), or with all three factorised (the published updates, which
        tend to leave everything active).
    solver : {"auto", "full", "woodbury", "active", "cavi"}, default="auto"
        How the posterior of w is computed: a p x p system, an n x n system, a system of the columns in use, or sweeps
        over single coefficients, for large problems. "auto" goes from n x n or p x p to the columns in use, or takes
        sweeps when an iteration would need more than 2e11 operations.
    learn_structure : bool, default=True
        Whether the parameters of a support prior given by name are learned.
    noise_variance : float, optional
        Variance of the noise. None: learned.
    inactive_ratio : float, optional
        Variance of inactive coefficients over that of active ones. None: 1e-6 (joint evidence 1e-4,
        mean-field 1e-3).
    anneal : bool, optional
        Whether this ratio starts at 0.1 and falls. None: only with joint evidence.
    n_nonzero_coefs : int, optional
        Keep this many coefficients of each target, those with the largest posterior log-odds; all others are exactly 0.
    debias : bool, default=False
        Whether coefficients are least squares on the support in the end, all others exactly 0.
    share_support : bool, default=False
        Whether several targets share their support. If not, they have nothing to do with each other.
    fit_intercept : bool, default=True
        Whether to fit b, which has no prior. Complex data need False.
    max_iter : int, default=150
        Largest number of iterations.
    tol : float, default=1e-5
        The fit ends when the mean of w moves by less than this fraction of the root of E|w|^2, and the noise rests.
    n_jobs : int, optional
        Targets without a common support that are fitted at the same time.
    n_threads : int, optional
        OpenMP threads of the message passing.
    verbose : int, default=0
        0 silent, 2 a log line each iteration (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_targets, p)
        Posterior means. What is likely zero is small, and exactly 0 only with `n_nonzero_coefs` or `debias`.
    intercept_ : float or ndarray of shape (n_targets,)
    coef_std_ : ndarray of the shape of `coef_`
        Posterior standard deviations.
    support_prob_ : ndarray of the shape of `coef_`
        Posterior probabilities of being active.
    support_log_odds_ : ndarray of the shape of `coef_`
        Their log-odds, which still rank where probabilities are 0 or 1.
    support_ : ndarray, or list of one for each target
        Columns with a probability above one half, or those that were kept.
    structure_ : support prior, or list of one for each target
        With what was learned.
    noise_variance_, active_variance_ : float or ndarray of shape (n_targets,)
        The latter in units of coefficients whose column has norm one.
    violation_ : float
        Last change of the mean over the root of E|w|^2, which `tol` is compared with. Extrinsic evidence has no
        objective.
    bound_path_ : ndarray
        Lower bound of the log evidence at each iteration, without constants (joint and mean-field evidence; not for
        grids; of the first target, or of all that share a support). It does not fall while `inactive_ratio` rests.
    n_iter_ : int
    converged_ : bool
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    Notes
    -----
    The published algorithm (mean-field) is an option; the default was derived anew, and reproduces no published table.
    Standard deviations assume that the model is right; those of least squares (`debias`) do not know that the support
    was chosen with the same data.

    References
    ----------
    .. [1] A. Liu, G. Liu, L. Lian, V. Lau, M.-J. Zhao, "Robust recovery of structured sparse signals with uncertain
       sensing matrix: a Turbo-VBI approach", IEEE Trans. Wireless Communications 19(5), 2020.
    .. [2] C. Xia, D. Tsang, V. Lau, "Structured Bayesian compression for deep neural networks based on the Turbo-VBI
       approach", IEEE Trans. Signal Processing 71, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 120))
    >>> w = np.zeros(120)
    >>> w[30:42] = rng.standard_normal(12)  # one run
    >>> y = X @ w + 0.05 * rng.standard_normal(60)
    >>> model = so.TurboVBIRegressor().fit(X, y)
    >>> bool(np.abs(model.coef_ - w).max() < 0.1), model.support_prob_[[20, 35]].round(2).tolist()
    (True, [0.0, 1.0])
    >>> mean, std = model.predict(X[:3], return_std=True)
    """

    _kronecker = True
    _takes_spread_rows = _checks_own_rows = True

    def __init__(
        self, *, structure="chain", shape=None, groups=None, evidence="extrinsic", solver="auto", learn_structure=True,
        noise_variance=None, inactive_ratio=None, anneal=None, n_nonzero_coefs=None, debias=False, share_support=False,
        fit_intercept=True, max_iter=150, tol=1e-5, n_jobs=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        self.structure = structure
        self.shape = shape
        self.groups = groups
        self.evidence = evidence
        self.solver = solver
        self.learn_structure = learn_structure
        self.noise_variance = noise_variance
        self.inactive_ratio = inactive_ratio
        self.anneal = anneal
        self.n_nonzero_coefs = n_nonzero_coefs
        self.debias = debias
        self.share_support = share_support
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.n_threads = n_threads
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, sparse matrix or KroneckerDesign of shape (n, p)
        y : array-like of shape (n,) or (n, n_targets)
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
            When no noise is left: uncertainties are then not to be trusted.
        """
        self._check_parameters()
        X, y = self._check_data(X, y)
        support = as_support(
            self.structure, X.shape[1], shape=self.shape, groups=self.groups, learn=bool(self.learn_structure)
        )
        if self.n_nonzero_coefs is not None and self.n_nonzero_coefs > X.shape[1]:
            raise InvalidProblemError(
                f"n_nonzero_coefs={self.n_nonzero_coefs} is more than the {X.shape[1]} columns of X"
            )
        ranks = current_ranks()
        data = prepare(X, y, sample_weight, self.fit_intercept, ranks)
        if y.dtype.kind == "c" and not isinstance(X, KroneckerDesign):
            data.X = data.X.astype(np.complex128, copy=False)
        system = linear_system(data.X, data.center, data.roots, data.total, ranks)
        fits = self._solve(system, data.Z, support, data.unit)
        self._report(fits, system, data, y.ndim)
        return self

    def _solve(self, system, Z, support, unit):
        """Return for each target: (result, its number there, refit or None, columns kept or None)."""
        options = dict(
            evidence=self.evidence, solver=self.solver, inactive_ratio=self.inactive_ratio, anneal=self.anneal,
            noise_variance=None if self.noise_variance is None else self.noise_variance / unit**2,
            max_iter=int(self.max_iter), tol=self.tol, n_threads=resolve_n_threads(self.n_threads),
            callback=_log if self.verbose >= 2 else None,
        )  # fmt: skip
        live = np.flatnonzero(system.ranks.total(np.count_nonzero(Z, axis=0)))
        results = {}
        if self.share_support and live.size:
            together = solve_turbo(system, Z[:, live], support, **options)
            results = {int(t): (together, k) for k, t in enumerate(live)}
        elif live.size:
            if live.size > 1:  # all will use all of it, and threads must not compute it at the same time
                system.prepare()
            one_by_one = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")(
                joblib.delayed(solve_turbo)(system, Z[:, [t]], support, **options) for t in live
            )
            results = {int(t): (result, 0) for t, result in zip(live, one_by_one, strict=True)}
        fits = []
        for t in range(Z.shape[1]):
            result, k = results.get(t, (None, 0))
            fits.append((support, result, k, *self._refit(system, Z[:, t], result, k)))
        return fits

    def _refit(self, system, z, result, k):
        """Return the columns to keep (None: all) and what they get."""
        if result is None or (self.n_nonzero_coefs is None and not self.debias):
            return None, None
        cols = np.flatnonzero(result.log_odds > 0.0)
        if self.n_nonzero_coefs is not None:
            cols = np.sort(np.argsort(-result.log_odds, kind="stable")[: self.n_nonzero_coefs])
        return cols, refit(
            system, z, cols, active_variance=result.active_variance[k], noise_variance=result.noise_variance[k],
            learn_noise=self.noise_variance is None, debias=self.debias,
        )  # fmt: skip

    def _report(self, fits, system, data, n_dims):
        p, unit = system.n_cols, data.unit
        scale = unit / system.columns.norms
        dtype = np.result_type(system.dtype, data.Z)
        coef = np.zeros((len(fits), p), dtype=dtype)
        std, prob, odds = np.zeros((3, len(fits), p))
        noise, active = np.zeros(len(fits)), np.zeros(len(fits))
        supports, structures, self._spreads = [], [], []
        with np.errstate(over="ignore", under="ignore"):
            for t, (prior, result, k, cols, final) in enumerate(fits):
                if result is None:  # y is zero
                    noise[t] = 0.0 if self.noise_variance is None else self.noise_variance / unit**2
                    prob[t], spread, keep = prior.density, (np.zeros(p), np.zeros((0, 0)), np.arange(0), 1.0), []
                    odds[t] = np.log(prior.density) - np.log1p(-prior.density)
                    structures.append(prior)
                else:
                    prob[t], odds[t] = result.prob, result.log_odds
                    structures.append(result.support)
                    noise[t], active[t] = result.noise_variance[k], result.active_variance[k]
                    if final is None:
                        coef[t], std[t] = result.mean[k], np.sqrt(result.variance[k])
                        spread, keep = result.spread(k), np.flatnonzero(result.log_odds > 0.0)
                    else:
                        coef[t, cols], std[t, cols] = final.coef, np.sqrt(final.variance)
                        noise[t] = final.noise_variance
                        spread, keep = (np.zeros(p), final.root, cols, 1.0), cols
                diagonal, root, at, sign = spread
                self._spreads.append((diagonal * scale**2, root * scale[at] if root.size else root, at, sign))
                supports.append(np.asarray(keep, dtype=np.intp))
            coef *= scale
            std *= scale
        check_scales(coef, scale, np.arange(p))
        intercept = np.zeros(len(fits)) if data.center is None else data.shift - coef @ data.center
        single = n_dims == 1
        self.coef_, self.coef_std_, self.support_prob_, self.support_log_odds_ = (
            values[0] if single else values for values in (coef, std, prob, odds)
        )
        self.intercept_ = 0.0 if data.center is None else float(intercept[0]) if single else intercept
        self.support_, self.structure_ = (supports[0], structures[0]) if single else (supports, structures)
        self.noise_variance_ = float(noise[0] * unit**2) if single else noise * unit**2
        self.active_variance_ = float(active[0] * unit**2) if single else active * unit**2
        self._center, self._total = data.center, data.total
        self._certify([fit[1] for fit in fits if fit[1] is not None])

    def _certify(self, results):
        """Set what the iteration reached, and warn where that is not what was asked."""
        self.n_iter_ = max((r.n_iter for r in results), default=1)
        self.violation_ = max((r.change for r in results), default=0.0)
        self.converged_ = all(r.converged for r in results)
        self.bound_path_ = results[0].bounds if results else np.zeros(0)
        if not self.converged_:
            warnings.warn(
                f"the mean still moved by {self.violation_:.2g} of its norm after max_iter={self.max_iter} iterations, "
                f"tol={self.tol:g} was asked; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=4,
            )
        if any(r.capped for r in results):
            warnings.warn(
                "the noise variance fell to its floor, as if there were no noise: coef_std_ is not to be trusted; "
                "set noise_variance, or use fewer features or more samples",
                UserWarning,
                stacklevel=4,
            )

    def predict(self, X, return_std=False):
        """Predict the target.

        Parameters
        ----------
        X : array-like, sparse matrix or KroneckerDesign of shape (n, p)
        return_std : bool, default=False
            Whether to return the standard deviation of each prediction too: noise and uncertainty of coefficients and
            intercept.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets), and where asked for a second one of the same shape
        """
        check_is_fitted(self)
        check_flag("return_std", return_std)
        X = self._check_prediction_data(X)
        mean = (X.matvec(self.coef_.T) if isinstance(X, KroneckerDesign) else X @ self.coef_.T) + self.intercept_
        if not return_std:
            return mean
        variances = [self._spread_of(X, *spread) for spread in self._spreads]
        extra = np.reshape(self.noise_variance_, -1) * (1.0 if self._center is None else 1.0 + 1.0 / self._total)
        std = np.sqrt(np.maximum(np.stack(variances, axis=1), 0.0) + extra)
        return mean, std[:, 0] if self.coef_.ndim == 1 else std

    def _spread_of(self, X, diagonal, root, cols, sign):
        """Return x^H Sigma x for every row x of X, from blocks of columns."""
        total = np.zeros(X.shape[0])
        product = np.zeros((X.shape[0], len(root)), dtype=np.result_type(root, self.coef_))
        at = np.full(X.shape[1], -1)
        at[cols] = np.arange(len(cols))
        width = max(1, ENTRIES // max(X.shape[0], 1))
        for start in range(0, X.shape[1], width):
            part = np.arange(start, min(start + width, X.shape[1]))
            if isinstance(X, KroneckerDesign):
                block = X.block(part)
            else:
                block = X[:, part]
                block = block.toarray() if sparse.issparse(block) else np.asarray(block)
            if self._center is not None:
                block = block - self._center[part]
            total += (np.abs(block) ** 2) @ diagonal[part]
            inside = at[part] >= 0
            if len(root) and inside.any():
                product += block[:, inside] @ root[:, at[part[inside]]].T
        return total + sign * np.sum(np.abs(product) ** 2, axis=1)

    def _check_parameters(self):
        check_option("evidence", self.evidence, EVIDENCES)
        check_option("solver", self.solver, SOLVERS)
        for name in ("learn_structure", "debias", "share_support", "fit_intercept"):
            check_flag(name, getattr(self, name))
        check_noise(self.noise_variance)
        check_scalar("inactive_ratio", self.inactive_ratio, Real, low=0.0, high=1.0, closed="neither", allow_none=True)
        if self.anneal is not None:
            check_flag("anneal", self.anneal)
        check_scalar("n_nonzero_coefs", self.n_nonzero_coefs, Integral, low=0, allow_none=True)
        check_scalar("max_iter", self.max_iter, Integral, low=1)
        check_scalar("tol", self.tol, Real, low=0.0)
        check_n_jobs(self.n_jobs)
        check_scalar("verbose", self.verbose, Integral, low=0)


def _log(iteration, targets, messages, change):
    logger.info(
        "iteration %d: mean moved by %.2e, %.1f active, noise variance %.3e",
        iteration + 1, change, messages.prob.sum(), 1.0 / targets[0].kappa,
    )  # fmt: skip
    return False
