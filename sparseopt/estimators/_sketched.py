"""Ordinary least squares and ridge regression of tall tables by sketching their rows."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import sparse, stats
from scipy.linalg import LinAlgWarning
from sklearn.base import MultiOutputMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._ranks import current_ranks
from .._threads import resolve_n_threads
from .._validation import check_coef, check_compressed, check_flag, check_sample_weight, check_scalar
from ..solvers.sketch import Rows, solve_rows
from ..solvers.sketch._options import as_targets, check_options, contiguous, draw_seed
from ..solvers.sketch.lstsq import not_converged
from ._linear import LinearRegressor, validate_rows
from ._tables import validate_data


class SketchedRegressor(MultiOutputMixin, LinearRegressor):
    r"""Least squares for tall tables, with a bound of the error of every coefficient.

    .. math:: \min_{w, b} \frac{1}{2 \sum_i s_i} \sum_i s_i (y_i - x_i^\top w - b)^2 + \frac{\alpha}{2} \|w\|_2^2

    A random sketch of the rows, made in one pass, is solved exactly. Its answer is off by many standard errors of the
    regression (the square root of ``n / m`` of them), so that by default a few more passes refine it until every
    coefficient is certified to lie within a twentieth of its standard error of the exact one.

    Parameters
    ----------
    solver : {"auto", "sketch_solve", "heavy_ball", "spir", "fossils", "csne", "lapack"}
        "sketch_solve": one pass, an answer with intervals. "heavy_ball", "spir", "fossils":
        refine. "csne": normal equations with refinement. "lapack": singular value decomposition. "auto": the fastest
        for the shape at hand that reaches `tol`; small tables and few columns need no sketch.
    tol : {"statistical", "machine"} or float, default="statistical"
        "machine": backward stable, as good as QR. A number: excess of the objective, relative to that at zero.
    sketch : {"blocksum", "srht", "gaussian", "sjlt", "countsketch"}
        See :class:`RowSketch`. Sparse X is sketched by "sjlt".
    m : "auto" or int
        Rows of the sketch. A sketch of more than a quarter (to refine: half) of the rows is not made; the solver is
        "lapack" then.
    eps, delta : float
        For ``m="auto"`` of "sketch_solve", see :func:`sketch_size`; `delta` is the probability that bounds fail.
    alpha : float, default=0.0
        Ridge penalty; scikit-learn's ``Ridge(alpha * n)``.
    fit_intercept : bool, default=True
        The intercept is a column of ones that exists nowhere; X is not centred.
    max_iter : int, default=100
        Most iterations, one pass each.
    random_state : int, RandomState or None
    n_threads : int, optional
        As in :class:`Lasso`. The result does not depend on it.

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_targets, p)
    intercept_ : float or ndarray of shape (n_targets,)
    coef_error_bound_ : ndarray of shape (p,) or (n_targets, p)
        The exact coefficients are no further away, with probability ``1 - delta``; infinite when columns are
        dependent.
    stderr_ : ndarray of shape (p,) or (n_targets, p)
        Standard errors of ordinary least squares.
    backward_error_ : float or ndarray of shape (n_targets,)
        Relative change of the data for which `coef_` is exact; NaN for "sketch_solve".
    dual_gap_ : float or ndarray of shape (n_targets,)
        Excess of the objective at most.
    rank_ : int
        Of X and the intercept.
    cond_est_ : float
    n_iter_ : int
    n_passes_ : int
    solver_ : str
        The solver that was used.
    sketch_size_ : int
        0 without a sketch.
    converged_ : bool
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        When X had names.

    References
    ----------
    .. [1] Z. Song, M. Ye, J. Yin, L. Zhang, "A nearly-optimal bound for fast regression with l_inf guarantee",
       ICML 2023.
    .. [2] E. Epperly, M. Meier, Y. Nakatsukasa, "Fast randomized least-squares solvers can be just as accurate and
       stable as classical direct solvers", 2024.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((20_000, 20))
    >>> y = X @ np.arange(20.0) + rng.standard_normal(20_000)
    >>> model = so.SketchedRegressor(solver="heavy_ball", random_state=0).fit(X, y)
    >>> bool(np.all(model.coef_error_bound_ <= 0.05 * model.stderr_))
    True
    >>> model.sketch_confint().shape
    (20, 2)
    """

    _takes_spread_rows = True

    def __init__(
        self, *, solver="auto", tol="statistical", sketch="blocksum", m="auto", eps=0.5, delta=0.01, alpha=0.0,
        fit_intercept=True, max_iter=100, random_state=None, n_threads=None,
    ):  # fmt: skip
        self.solver = solver
        self.tol = tol
        self.sketch = sketch
        self.m = m
        self.eps = eps
        self.delta = delta
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
            Dense float32 or float64 of either order is read where it lies, in memory or mapped from a file.
        y : array-like of shape (n,) or (n, n_targets)
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
        LinAlgWarning
            When columns are linearly dependent: the shortest solution is returned, without a bound.
        UserWarning
            When the sketch cannot carry the guarantee.
        """
        check_options(self.solver, self.tol, self.sketch, self.m, self.eps, self.delta, self.alpha, self.max_iter)
        check_flag("fit_intercept", self.fit_intercept)
        threads = resolve_n_threads(self.n_threads)
        check_compressed("X", X)
        X, y = validate_rows(
            self, X, y,
            accept_sparse="csr", dtype=[np.float64, np.float32], order=None, copy=False,
            ensure_all_finite=False, multi_output=True, y_numeric=True,
        )  # fmt: skip
        targets = as_targets(y, X.shape[0])
        weights = check_sample_weight(sample_weight, X.shape[0])
        ranks = current_ranks()
        rows = Rows(
            contiguous(X), targets, weights, intercept=bool(self.fit_intercept), n_threads=threads, comm=ranks.comm
        )
        rows.ridge[: rows.d] = self.alpha * rows.total_weight
        if self.sketch == "countsketch" and self.solver == "sketch_solve":
            warnings.warn(
                "sketch='countsketch' has no guarantee for single coefficients, whatever m; 'sjlt' has one with about "
                "sqrt(m) entries a column, 'blocksum' always",
                UserWarning, stacklevel=2,
            )  # fmt: skip
        result = solve_rows(
            rows, solver=self.solver, tol=self.tol, sketch=self.sketch, m=self.m, eps=self.eps, delta=self.delta,
            seed=ranks.same(draw_seed(self.random_state)), max_iter=int(self.max_iter),
        )  # fmt: skip
        self._report(result, rows, y.ndim)
        if not result.converged:
            warnings.warn(not_converged(result, self.tol, self.max_iter), ConvergenceWarning, stacklevel=2)
        if result.rank < rows.p:
            warnings.warn(
                f"the columns are linearly dependent: rank {result.rank} of {rows.p}"
                f"{' with the intercept' if rows.intercept else ''}; the shortest solution is returned, and no "
                "guarantee holds for single coefficients",
                LinAlgWarning, stacklevel=2,
            )  # fmt: skip
        return self

    def _report(self, result, rows, n_dims):
        d = rows.d
        one = n_dims == 1

        def shaped(array):
            return array[:d, 0].copy() if one else np.ascontiguousarray(array[:d].T)

        self.coef_ = check_coef(shaped(result.x))
        intercept = result.x[d] if rows.intercept else np.zeros(rows.k)
        self.intercept_ = float(intercept[0]) if one else intercept.copy()
        self.coef_error_bound_ = shaped(result.bound)
        self.stderr_ = shaped(result.stderr)
        self.backward_error_ = float(result.backward_error[0]) if one else result.backward_error
        self.dual_gap_ = float(result.gap[0]) if one else result.gap
        self.rank_, self.cond_est_, self.n_iter_ = result.rank, float(result.cond), result.n_iter
        self.n_passes_, self.solver_, self.sketch_size_ = result.n_passes, result.solver, result.sketch_size
        self.converged_ = result.converged
        if result.sketched is None:
            self._interval = (self.coef_, self.coef_error_bound_, None)
        else:
            self._interval = (shaped(result.sketched), shaped(result.half_width), result.degrees)
        self._factor, self._shift, self._spread, self._one = result.factor, result.shift, result.spread, one

    def sketch_confint(self, alpha=0.05, simultaneous=True):
        """Return confidence intervals of the coefficients that a fit to all rows has, from the sketch alone.

        The data are fixed here, and the sketch is random: with probability ``1 - alpha`` the intervals hold the exact
        least-squares coefficients. Where no sketch was made they are `coef_` plus and minus `coef_error_bound_`.

        Parameters
        ----------
        alpha : float, default=0.05
            Probability of an error.
        simultaneous : bool, default=True
            Whether it is the probability that any interval fails (Bonferroni), or that a given one does.

        Returns
        -------
        ndarray of shape (p, 2) or (n_targets, p, 2)
        """
        check_is_fitted(self)
        check_scalar("alpha", alpha, low=0.0, high=1.0, closed="neither")
        check_flag("simultaneous", simultaneous)
        centre, width, degrees = self._interval
        if degrees is not None:
            width = width * stats.t.ppf(1.0 - alpha / (2 * (centre.size if simultaneous else 1)), degrees)
        return np.stack([centre - width, centre + width], axis=-1)

    def predict_error_bound(self, X):
        """Return bounds of the differences between `predict` and the predictions of the exact solution.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
            Points that do not depend on the sketch.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)
            Hold with probability ``1 - delta`` each; infinite when columns are dependent.
        """
        check_is_fitted(self)
        check_compressed("X", X)
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32])
        Z = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
        if self.fit_intercept:
            Z = np.column_stack([Z, np.ones(len(Z))])
        along = np.linalg.norm(self._factor.T(Z.T), axis=0)
        bound = np.abs(Z @ self._shift) + along[:, None] * self._spread
        return bound[:, 0] if self._one else bound
