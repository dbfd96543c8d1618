"""MCP and SCAD regression."""

from __future__ import annotations

from numbers import Real

import numpy as np

from .._validation import check_scalar
from ..problem.penalties import MCP, SCAD
from ._elastic_net import _SingleAlpha, check_alpha


class _NonConvex(_SingleAlpha):
    """Certified by stationarity in every coordinate instead of a duality gap."""

    _takes_spread_rows = False

    def _certify(self, results):
        violations = np.array([r.violation for r in results])
        self.violation_ = float(violations[0]) if violations.size == 1 else violations


class MCPRegressor(_NonConvex):
    r"""Linear regression with the minimax concave penalty: as sparse as the lasso, large coefficients not shrunk.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2
              + \sum_j \int_0^{|w_j|} \left(\alpha \omega_j - \frac{t}{\gamma}\right)_+ dt

    The problem is not convex. The fit descends from the lasso solution of the same alpha, from zero, and, where these
    end in different minima, through larger alphas. It returns the best end, at which every coefficient is a global
    minimiser given the others; the same data always give the same point.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    gamma : float, default=3.0
        Coefficients beyond ``gamma * alpha`` are not shrunk; > 0, large: the lasso. Meant for standardised columns,
        where values above 1 keep the problem of a single coefficient convex.
    fit_intercept : bool, default=True
        Whether to fit b, which is never penalised.
    positive : bool, default=False
        Whether coefficients must not be negative.
    weights : array-like of shape (p,), optional
        Non-negative weights omega: 0 leaves a coefficient unpenalised, inf excludes the feature.
    tol : float, default=1e-6
        The fit ends when no change of one coefficient would gain more than ``tol ** 2`` of the objective at zero.
    max_iter : int, default=100
        Largest number of working sets.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the last one alone.
    solver : str, default="auto"
        See :func:`sparseopt.solve`.
    n_threads : int, optional
        OpenMP threads of one fit; None: ``OMP_NUM_THREADS`` if set, else the physical cores.
    verbose : int, default=0
        0 silent, 1 progress bar, 2 a log line for each iteration (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_targets, p)
    intercept_ : float or ndarray of shape (n_targets,)
    sparse_coef_ : sparse matrix of shape (1, p) or (n_targets, p)
    support_ : ndarray
        Features with a non-zero coefficient (for any target).
    violation_ : float or ndarray of shape (n_targets,)
        The certificate: the largest ``sqrt(2 L_j gain_j)``, with gain_j what changing coefficient j alone could gain
        and L_j the mean square of its (centred) column. For convex penalties, the largest subgradient.
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
    .. [1] C.-H. Zhang, "Nearly unbiased variable selection under minimax concave penalty", Annals of Statistics 38,
       2010.
    .. [2] P. Breheny, J. Huang, "Coordinate descent algorithms for nonconvex penalized regression", Annals of Applied
       Statistics 5, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 500))
    >>> y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(100)
    >>> so.MCPRegressor(alpha=0.2).fit(X, y).coef_[:3].round(2)
    array([ 1.01, -1.01,  0.  ])
    >>> so.Lasso(alpha=0.2).fit(X, y).coef_[:3].round(2)
    array([ 0.76, -0.8 ,  0.  ])
    """

    def __init__(
        self, alpha=1.0, *, gamma=3.0, fit_intercept=True, positive=False, weights=None, tol=1e-6, max_iter=100,
        warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.gamma = gamma
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
        check_scalar("gamma", self.gamma, Real, low=0.0, closed="neither")
        return MCP(self.alpha, self.gamma, weights=self.weights, positive=self.positive)


class SCADRegressor(_NonConvex):
    r"""Linear regression with the smoothly clipped absolute deviation penalty.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2
              + \sum_j \int_0^{|w_j|} \min\left(\lambda_j, \frac{(\gamma \lambda_j - t)_+}{\gamma - 1}\right) dt,
              \qquad \lambda_j = \alpha \omega_j

    Solved and certified like :class:`MCPRegressor`.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    gamma : float, default=3.7
        Coefficients beyond ``gamma * alpha`` are not shrunk; > 2.
    fit_intercept, positive, weights, tol, max_iter, warm_start, solver, n_threads, verbose
        As in :class:`MCPRegressor`.

    Attributes
    ----------
    coef_, intercept_, sparse_coef_, support_, violation_, objective_, n_iter_, n_passes_, converged_
        As in :class:`MCPRegressor`.

    References
    ----------
    .. [1] J. Fan, R. Li, "Variable selection via nonconcave penalized likelihood and its oracle properties",
       JASA 96, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 500))
    >>> y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(100)
    >>> so.SCADRegressor(alpha=0.2).fit(X, y).support_
    array([0, 1])
    """

    def __init__(
        self, alpha=1.0, *, gamma=3.7, fit_intercept=True, positive=False, weights=None, tol=1e-6, max_iter=100,
        warm_start=False, solver="auto", n_threads=None, verbose=0,
    ):  # fmt: skip
        self.alpha = alpha
        self.gamma = gamma
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
        check_scalar("gamma", self.gamma, Real, low=2.0, closed="neither")
        return SCAD(self.alpha, self.gamma, weights=self.weights, positive=self.positive)
