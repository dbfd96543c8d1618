"""Codes of many independent users on one Kronecker dictionary, and the greedy baseline."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._validation import check_flag, check_scalar
from ..exceptions import InvalidProblemError
from ..solvers.sbl import solve_kronecker
from ..solvers.sbl.factors import check_reach
from ..solvers.sbl.greedy import atom_pursuit, block_pursuit
from ._kronecker_data import (
    FactorData,
    check_factors,
    check_lengths,
    check_noise,
    check_numeric,
    check_options,
    check_target,
    refuse_complex,
)  # fmt: skip
from ._kronecker_sbl import LARGEST_DENSE, KroneckerSBL, report_convergence, solver_options
from ._tables import validate_data


class KroneckerSBLCoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Transform data of many users into sparse codes on one Kronecker dictionary.

    Every user is a problem of its own, as in :class:`KroneckerSBL`; all are solved in one call, several at a time. The
    transformer is stateless: `fit` only checks sizes.

    Parameters
    ----------
    dictionaries : sequence of array-like of shape (M_i, N_i), optional
        H_1, ..., H_I. None: the identity, so that codes are the data without their noise.
    sparse_output : bool, default=False
        Whether codes are a CSR matrix instead of a dense array.
    noise_variance : float or array-like of shape (n_users,), optional
        Of all users, or of each (then with as many rows in every call). None: learned, for each user by itself.
    solver, max_iter, tol, prune, coupling, normalize
        See :class:`KroneckerSBL`.
    refine_support, evidence_threshold, init, n_init, noise_floor, n_threads, random_state
        See :class:`KroneckerSBL`. Results do not depend on the number of threads.

    Attributes
    ----------
    n_features_in_ : int
        Product of the M_i.
    n_iter_ : int
        1: there is nothing to repeat in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> H = [rng.standard_normal((8, 12)), rng.standard_normal((9, 12))]
    >>> X = np.zeros((5, 12, 12))
    >>> X[:, 3, 4], X[:, 7, 4] = 1.0, -0.5
    >>> Y = np.einsum("ij,njk,lk->nil", H[0], X, H[1]).reshape(5, -1) + 0.01 * rng.standard_normal((5, 72))
    >>> codes = so.KroneckerSBLCoder(H).fit_transform(Y)
    >>> codes.shape, bool(np.abs(codes - X.reshape(5, -1)).max() < 0.05)
    ((5, 144), True)
    """

    _transforms_spread_rows = True

    def __init__(
        self, dictionaries=None, *, sparse_output=False, solver="mm", noise_variance=None, max_iter=200, tol=1e-4,
        prune=None, coupling=None, normalize=True, refine_support=True, evidence_threshold="auto", init="auto",
        n_init="auto", noise_floor=1e-10, n_threads=None, random_state=None,
    ):  # fmt: skip
        self.dictionaries = dictionaries
        self.sparse_output = sparse_output
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

    def fit(self, X, y=None):
        """Check sizes; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_users, prod M_i)
        y : None

        Returns
        -------
        self
        """
        _, factors = self._check(X, reset=True)
        self._n_features_out = int(np.prod([int(H.shape[1]) for H in factors], dtype=object))
        self.n_iter_ = 1
        return self

    def transform(self, X):
        """Return the codes.

        Parameters
        ----------
        X : array-like of shape (n_users, prod M_i)

        Returns
        -------
        ndarray or CSR matrix of shape (n_users, prod N_i)
        """
        check_is_fitted(self, "n_features_in_")
        results, factors = self._solve(X)
        shape = (len(results), self._n_features_out)
        if not self.sparse_output and shape[0] * shape[1] > LARGEST_DENSE:
            raise MemoryError(f"codes would have {shape[0] * shape[1]} entries; use sparse_output=True, or solve()")
        sizes = tuple(H.shape[1] for H in factors)
        where = [np.ravel_multi_index(np.ix_(*r.support), sizes).ravel() for r in results]
        values = [r.mean.ravel() for r in results]
        counts = np.array([len(v) for v in values])
        dtype = np.result_type(np.float64, *(v.dtype for v in values))
        if self.sparse_output:
            ends = np.concatenate([[0], np.cumsum(counts)])
            data = np.concatenate([np.zeros(0, dtype), *values])
            return sparse.csr_matrix((data, np.concatenate([np.zeros(0, np.int64), *where]), ends), shape=shape)
        codes = np.zeros(shape, dtype=dtype)
        for row, at, v in zip(codes, where, values, strict=True):
            row[at] = v
        return codes

    def solve(self, X):
        """Return the whole posterior of each user.

        Parameters
        ----------
        X : array-like of shape (n_users, prod M_i)

        Returns
        -------
        list of KroneckerResult
            With ``mean`` (on the block of kept entries), ``support``, ``variance``, ``noise_variance``, ``cost``.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol` for some user.
        """
        return self._solve(X)[0]

    def _solve(self, X):
        Y, factors = self._check(X, reset=False)
        results = solve_kronecker(factors, Y[:, None, :], **solver_options(self))
        report_convergence(results, self, stacklevel=4)
        return results, factors

    def _check(self, X, reset):
        """Return the data of the users, and the dictionaries."""
        check_flag("sparse_output", self.sparse_output)
        if self.dictionaries is None:
            refuse_complex(X, "pass dictionaries")
            Y = validate_data(self, X, reset=reset, dtype=np.float64)
            factors = [np.eye(Y.shape[1])]
        else:
            factors = check_factors(self.dictionaries, "dictionaries")
            Y = check_numeric("X", X)
            size = int(np.prod([len(H) for H in factors]))
            if Y.ndim != 2 or Y.shape[1] != size or len(Y) == 0:
                raise InvalidProblemError(f"X must have shape (n_users, {size}), one row a user, got {Y.shape}")
            validate_data(self, X, reset=reset, skip_check_array=True)  # names of features
        check_options(self, len(Y))
        check_lengths(self, len(factors))
        return Y, factors


class KroneckerOMP(FactorData, RegressorMixin, BaseEstimator):
    """Orthogonal matching pursuit on a Kronecker dictionary: the greedy baseline.

    Parameters
    ----------
    blocks : bool, default=True
        True: an atom's index joins the index sets of all factors, and coefficients on their product are fitted by least
        squares, factor by factor. False: plain pursuit, atom by atom; the Kronecker matrix is not formed.
    noise_variance : float, optional
        The pursuit ends at a residual of 1.02 times the norm of such noise. None: at `tol`.
    tol : float, default=1e-2
        Norm of the residual over that of y at which to end, without a noise variance.
    max_atoms : int, default=10
        Most entries of an index set, or most atoms.

    Attributes
    ----------
    coef_, coef_block_, support_, n_iter_, n_features_in_, factor_shapes_
        As in :class:`KroneckerSBL`. Plain pursuit stores the smallest block that holds its atoms.
    residual_norm_ : float
    converged_ : bool
        Whether the residual is as small as was asked.

    References
    ----------
    .. [1] C. F. Caiafa, A. Cichocki, "Computing sparse representations of multidimensional signals using Kronecker
       bases", Neural Computation 25, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> H = [rng.standard_normal((20, 15)), rng.standard_normal((20, 20))]
    >>> y = np.kron(H[0][:, 2] - 0.5 * H[0][:, 7], H[1][:, 4])
    >>> [s.tolist() for s in so.KroneckerOMP().fit(H, y).support_]
    [[2, 7], [4]]
    """

    def __init__(self, *, blocks=True, noise_variance=None, tol=1e-2, max_atoms=10):
        self.blocks = blocks
        self.noise_variance = noise_variance
        self.tol = tol
        self.max_atoms = max_atoms

    def fit(self, X, y):
        """Fit the model.

        Parameters
        ----------
        X : sequence of array-like of shape (M_i, N_i), or array-like of shape (M, N)
        y : array-like
            As in :meth:`KroneckerSBL.fit`.

        Returns
        -------
        self
        """
        check_flag("blocks", self.blocks)
        check_noise(self.noise_variance)
        check_scalar("tol", self.tol, Real, low=0.0)
        check_scalar("max_atoms", self.max_atoms, Integral, low=1)
        factors, y = self._check_factors_and_target(X, y)
        Y, self._several = check_target(y, factors)
        check_reach(factors)
        with np.errstate(over="ignore"):
            scale = np.linalg.norm(Y)
        if not np.isfinite(scale):
            largest = np.abs(Y).max()
            raise InvalidProblemError(f"squares of y (up to {largest:.3g}) leave the range of numbers: rescale y")
        known = self.noise_variance is not None
        stop = 1.02 * np.sqrt(float(self.noise_variance) * Y.size) if known else self.tol * scale
        tensor = Y.reshape(len(Y), *(len(H) for H in factors)).astype(np.result_type(Y, *factors), copy=False)
        self.factor_shapes_ = [H.shape for H in factors]
        if self.blocks:
            support, block, n_iter, residual = block_pursuit(factors, tensor, stop, self.max_atoms)
        else:
            places, coef, n_iter, residual = atom_pursuit(factors, tensor, stop, self.max_atoms)
            support = [np.unique(places[:, i]) for i in range(len(factors))]
            block = np.zeros((len(Y), *map(len, support)), dtype=tensor.dtype)
            at = [np.searchsorted(s, places[:, i]) for i, s in enumerate(support)]
            block[(slice(None), *at)] = coef
        self.support_ = tuple(support)
        self.coef_block_ = block if self._several else block[0]
        self.n_iter_ = n_iter
        self.residual_norm_ = residual
        self.converged_ = bool(residual <= stop)
        return self

    coef_ = KroneckerSBL.coef_
    predict = KroneckerSBL.predict
    score = KroneckerSBL.score
