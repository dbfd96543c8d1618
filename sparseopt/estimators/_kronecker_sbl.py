"""Kronecker-structured sparse Bayesian learning: one problem, or a coder for many users."""

from __future__ import annotations

import logging
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._validation import check_scalar, check_seed
from ..exceptions import ConvergenceWarning
from ..solvers.sbl import solve_kronecker
from ..solvers.sbl.factors import mode_products
from ._kronecker_data import FactorData, check_lengths, check_options, check_target

logger = logging.getLogger("sparseopt")
LARGEST_DENSE = 10_000_000
MOST_SWEEPS = 1_000_000  # there is room for the cost of each from the start


class KroneckerSBL(FactorData, RegressorMixin, BaseEstimator):
    r"""Sparse Bayesian learning with a Kronecker-structured dictionary and support.

    .. math:: y = (H_1 \otimes \dots \otimes H_I)\, x + n, \quad
              x \sim N(0, \mathrm{diag}(\gamma_1 \otimes \dots \otimes \gamma_I)), \quad n \sim N(0, \sigma^2 I)

    Variances, support and noise are found by maximising the evidence; the coefficients are the posterior mean. Neither
    the Kronecker matrix nor a covariance is formed, so that dictionaries with 10^8 columns are no burden. Data may be
    real or complex; snapshots share the support.

    Parameters
    ----------
    solver : {"mm", "decompose", "am", "ksbl", "svd", "pc"}, default="mm"
        "mm": majorise-minimise; the cost never rises. "decompose": for x that is itself a Kronecker product of vectors,
        such as a channel with a single path at one end, and one snapshot: each factor by itself, with the noise read
        from what a rank-one fit leaves; falls back to "mm", with a warning, where y does not look like it. The others
        are published algorithms, for comparison: alternating minimisation, its one-cycle variant, rank-one projection,
        and pattern coupling.
    noise_variance : float, optional
        Variance of the noise in an entry of y (complex: of real and imaginary part together); snapshots share it.
        None: learned.
    max_iter : int, default=200
        Largest number of sweeps.
    tol : float, default=1e-4
        The fit ends when no normalised variance moves by more than this in a sweep (or the cost stands still).
    prune : float or tuple of float, optional
        Variances below this fraction of the largest of their factor may be dropped; "mm" drops them only where the
        evidence does not fall. None: 1e-3 ("mm", "svd") or 1e-2.
    coupling : float or tuple, optional
        Neighbouring variances share this much (block sparsity), for each factor; None: no coupling. Only for "mm"
        and "pc".
    normalize : bool, default=True
        Whether to work with columns and data of unit size. Results are then independent of units.
    refine_support : bool, default=True
        Whether to drop entries one by one at the end while the evidence allows ("mm" only), and then, if the
        coefficients are themselves a product of vectors as far as noise can tell, to read the variances from these,
        which are known better than averages over slices. If not, variances below the pruning fraction are dropped.
    evidence_threshold : float or "auto", default="auto"
        How much the cost may rise for an entry less. "auto": 12 for real and 6 for complex data, whose cost is minus
        twice and minus once the logarithm of the evidence: noise alone keeps an entry in about one fit of a hundred.
    init : {"auto", "energy", "ones"}, default="auto"
        Start of the published algorithms: all variances one ("auto", "ones"), or scaled to the energy of y. "mm"
        always uses the latter.
    n_init : int or "auto", default="auto"
        Number of starts ("mm" only), the smallest cost wins: with few measurements for many active entries there are
        poor local maxima of the evidence. "auto": one start, and up to ten more only while a short factor (more columns
        than rows) uses more than half as many atoms as it has rows. The first of these begins with more noise, the
        others are random, as are all but the first of a number.
    noise_floor : float, default=1e-10
        Smallest noise variance, as a fraction of the mean of \|y\|^2.
    n_threads : int, optional
        See :class:`sparseopt.ElasticNet`. Only several problems or starts use more than one.
    random_state : int, RandomState instance or None, default=None
        Of random starts; not used without any. None: the same ones every time for ``n_init="auto"``.
    verbose : int, default=0
        0 silent, 2 a log line (logger "sparseopt").

    Attributes
    ----------
    coef_ : ndarray of shape (N,) or (L, N)
        Posterior mean, with N the product of the numbers of columns; refused beyond 10^7 entries.
    coef_block_ : ndarray of shape (n_1, ..., n_I) or (L, n_1, ..., n_I)
        The same on the support only.
    variance_block_ : ndarray of shape (n_1, ..., n_I)
        Posterior variances there.
    support_ : tuple of ndarray
        Columns in use, one array a factor.
    gamma_ : list of ndarray of shape (N_i,)
        Prior variances; all but the last have unit norm.
    noise_variance_ : float
    cost_ : float
        ``L log|S| + sum_l y_l^H S^-1 y_l``, S the covariance of y: minus twice (real) or once (complex) the logarithm
        of the evidence, up to a constant.
    cost_path_ : ndarray of shape (n_iter,)
        The cost after each of the `n_iter_` sweeps, before the support is refined.
    n_iter_ : int
    converged_ : bool
    n_features_in_ : int
        N.
    factor_shapes_ : list of tuple
        (M_i, N_i).

    References
    ----------
    .. [1] Y. He, G. Joseph, "Bayesian algorithms for Kronecker-structured sparse vector recovery with application to
       IRS-MIMO channel estimation", IEEE Trans. Signal Processing, 2024.
    .. [2] D. Wipf, S. Nagarajan, "A new view of automatic relevance determination", NIPS 2007.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> H = [rng.standard_normal((8, 15)), rng.standard_normal((10, 20))]
    >>> x = np.zeros((15, 20))
    >>> x[np.ix_([2, 7], [4, 5, 11])] = rng.standard_normal((2, 3))
    >>> y = H[0] @ x @ H[1].T + 0.01 * rng.standard_normal((8, 10))
    >>> model = so.KroneckerSBL().fit(H, y)
    >>> [s.tolist() for s in model.support_]
    [[2, 7], [4, 5, 11]]
    >>> bool(np.abs(model.coef_.reshape(15, 20) - x).max() < 0.02)
    True
    """

    def __init__(
        self, *, solver="mm", noise_variance=None, max_iter=200, tol=1e-4, prune=None, coupling=None, normalize=True,
        refine_support=True, evidence_threshold="auto", init="auto", n_init="auto", noise_floor=1e-10, n_threads=None,
        random_state=None, verbose=0,
    ):  # fmt: skip
        self.solver = solver
        self.noise_variance = noise_variance
        self.max_iter = max_iter
        self.tol = tol
        self.prune = prune
        self.coupling = coupling
        self.normalize = normalize
        self.refine_support = refine_support
        self.evidence_threshold = evidence_threshold
        self.init = init
        self.n_init = n_init
        self.noise_floor = noise_floor
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y):
        """Fit the model.

        Parameters
        ----------
        X : sequence of array-like of shape (M_i, N_i), or array-like of shape (M, N)
            The dictionaries H_1, ..., H_I, or one real matrix, the only factor. Cross-validation cannot slice a list;
            pipelines use :class:`KroneckerSBLCoder`.
        y : array-like
            (prod M_i,) or (M_1, ..., M_I), with a last axis for snapshots if there are several. The last factor runs
            fastest, as in ``np.kron``.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data are not what they should be; the message names the factor.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        check_options(self)
        check_scalar("verbose", self.verbose, Integral, low=0)
        factors, y = self._check_factors_and_target(X, y)
        check_lengths(self, len(factors))
        Y, several = check_target(y, factors)
        if self.solver == "decompose" and len(Y) > 1:
            raise ValueError(f"solver='decompose' takes one snapshot, got {len(Y)}; use solver='mm'")
        if not np.any(Y):
            warnings.warn("y is zero: all coefficients are zero", UserWarning, stacklevel=2)
        result = solve_kronecker(factors, Y[None], **solver_options(self))[0]
        report_convergence([result], self)
        self._several = several
        self.coef_block_ = result.mean if several else result.mean[0]
        self.variance_block_ = result.variance
        self.support_ = result.support
        self.gamma_ = result.gamma
        self.noise_variance_ = result.noise_variance
        self.cost_ = result.cost
        self.cost_path_ = result.cost_path
        self.n_iter_ = result.n_iter
        self.converged_ = result.converged
        self.factor_shapes_ = [H.shape for H in factors]
        if self.verbose >= 2:
            logger.info("%d sweeps, cost %.8g, noise variance %.4g, kept %s", result.n_iter, result.cost,
                        result.noise_variance, [s.size for s in result.support])  # fmt: skip
        return self

    @property
    def coef_(self):
        """Posterior mean of all coefficients, dense."""
        check_is_fitted(self, "coef_block_")
        lead = self.coef_block_.shape[:1] if self._several else ()
        if self.n_features_in_ * int(np.prod(lead)) > LARGEST_DENSE:
            raise MemoryError(
                f"coef_ would have {self.n_features_in_} entries a snapshot; use coef_block_ and support_ instead"
            )
        shape = (*lead, *(n for _, n in self.factor_shapes_))
        coef = np.zeros(shape, dtype=self.coef_block_.dtype)
        coef[np.ix_(*(range(n) for n in lead), *self.support_)] = self.coef_block_
        return coef.reshape(*lead, -1)

    def predict(self, X):
        """Return (H_1 x ... x H_I) x, for the dictionaries of the fit or others with the same columns.

        Parameters
        ----------
        X : sequence of array-like of shape (M_i, N_i), or array-like of shape (M, N)

        Returns
        -------
        ndarray of shape (prod M_i,) or (prod M_i, L)
        """
        check_is_fitted(self, "coef_block_")
        factors = self._check_factors_again(X)
        columns = [H[:, s] for H, s in zip(factors, self.support_, strict=True)]
        block = self.coef_block_ if self._several else self.coef_block_[None]
        out = mode_products(block, columns, first=1).reshape(len(block), -1)
        return out.T if self._several else out[0]

    def score(self, X, y):
        r"""Return the share of the variation of y that is explained.

        It is :math:`1 - \|y - \hat y\|^2 / \|y - \bar y\|^2`, with the sizes of complex numbers.

        Parameters
        ----------
        X : sequence of array-like of shape (M_i, N_i), or array-like of shape (M, N)
        y : array-like
            As in `fit`.

        Returns
        -------
        float
        """
        check_is_fitted(self, "coef_block_")
        Y, _ = check_target(y, self._check_factors_again(X))
        residual = np.sum(np.abs(Y - self.predict(X).reshape(Y.shape[1], -1).T) ** 2)
        spread = np.sum(np.abs(Y - Y.mean(axis=1, keepdims=True)) ** 2)
        return float(1.0 - residual / spread) if spread > 0 else float(residual == 0)


def solver_options(model):
    """Options of an estimator as the solver takes them."""
    names = (
        "solver", "noise_variance", "max_iter", "tol", "prune", "coupling", "normalize", "refine_support",
        "evidence_threshold", "init", "n_init", "noise_floor", "n_threads",
    )  # fmt: skip
    repeat = model.n_init == "auto" and model.random_state is None  # ranks and calls agree on what the default does
    state = None if repeat else check_random_state(check_seed(model.random_state))
    options = dict({name: getattr(model, name) for name in names}, random_state=state)
    options["max_iter"] = min(int(model.max_iter), MOST_SWEEPS)
    if isinstance(model.noise_variance, Real):
        options["noise_variance"] = float(model.noise_variance)
    return options


def report_convergence(results, model, stacklevel=3):
    """Warn about problems that did not converge, or whose cost rose."""
    late = sum(not r.converged for r in results)
    which = "" if len(results) == 1 else f"{late} of {len(results)} problems: "
    if late:
        warnings.warn(
            f"{which}the variances still moved by more than tol={model.tol:g} after max_iter={model.max_iter} sweeps; "
            "raise max_iter or tol",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
    if any(r.cost_rose for r in results):
        warnings.warn(
            "the cost rose by more than rounding explains; raise noise_variance or noise_floor",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
