"""Phase 1 of regression on random supports as a transformer."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._threads import resolve_n_threads, serial_blas
from .._validation import MOST, check_compressed, check_flag, check_sample_weight, check_scalar
from ..solvers.random_support import PeelingRule, certify, peel_levels, unit_columns
from ._tables import validate_data

ROWS = 512  # rows of new data that are made dense together


def check_rule(model) -> PeelingRule:
    """Return the checked parameters of phase 1."""
    check_scalar("eig_factor", model.eig_factor, Real, low=0.0, closed="neither")
    check_scalar("eig_threshold", model.eig_threshold, Real, low=0.0, closed="neither", allow_none=True)
    check_scalar("rho", model.rho, Real, low=0.0, high=1.0, closed="neither")
    check_scalar("min_frac", model.min_frac, Real, low=0.0, high=1.0, closed="right")
    check_scalar("rank_tol", model.rank_tol, Real, low=0.0, high=1.0, closed="left")
    check_scalar("max_rounds", model.max_rounds, Integral, low=0)
    check_scalar("max_dim", model.max_dim, Real, low=0.0, high=1.0)
    return PeelingRule(
        float(model.eig_factor), None if model.eig_threshold is None else float(model.eig_threshold),
        float(model.rho), float(model.min_frac), float(model.rank_tol), int(model.max_rounds), float(model.max_dim),
    )  # fmt: skip


def validate_columns(model, X, **target):
    """Return X (and y) checked: dense or CSC, finite, three rows at least."""
    check_compressed("X", X)
    return validate_data(
        model, X, **target, accept_sparse="csc", dtype=[np.float64, np.float32], copy=False, ensure_min_samples=3
    )


def warn_of_limits(peeling, rule: PeelingRule, n_samples):
    """Warn when peeling ended before the columns were clean."""
    if peeling.stopped_by == "max_dim":
        warnings.warn(
            f"peeling stopped at max_dim: {peeling.basis.shape[1]} directions are out, and the next round would pass "
            f"max_dim={rule.max_dim} of {n_samples:g} samples; the design has more structure than the samples carry: "
            "more samples would help, a larger max_dim or eig_factor may",
            ConvergenceWarning, stacklevel=3,
        )  # fmt: skip
    elif peeling.stopped_by == "max_rounds":
        warnings.warn(
            f"peeling stopped at max_rounds={rule.max_rounds} while columns still lie in a leading subspace; "
            "increase max_rounds",
            ConvergenceWarning, stacklevel=3,
        )  # fmt: skip


def rows_of(X, unit, compute, width):
    """Return `compute` of the scaled rows of X, a few hundred rows at a time."""
    if X.shape[0] <= ROWS:
        return compute(unit.scaled(X))
    if hasattr(X, "tocsr"):
        X = X.tocsr()
    out = np.empty((X.shape[0], width) if width else X.shape[0])
    for start in range(0, X.shape[0], ROWS):
        out[start : start + ROWS] = compute(unit.scaled(X[start : start + ROWS]))
    return out


class SpectralPeeling(TransformerMixin, BaseEstimator):
    r"""Take common directions out of the columns, level by level, so that sparse combinations no longer cancel.

    A round works on unit columns R. It takes the leading principal subspace of R out, when enough columns lie nearly
    inside it, and scales what is left of every column to unit norm again: factors that were hidden below the noise of
    other columns become visible one level later, which a single principal component analysis cannot see. The result is
    a dictionary (U, Z): orthonormal directions U, and residual columns Z, one for each feature, with

    .. math:: (I - U U^\top) X w = Z\,(a \circ s \circ w), \qquad s_j = \|x_j\|,

    so that a sparse w stays sparse with the same support, and coefficients that had to be huge to cancel become of
    order one. See :class:`RandomSupportRegressor` for what it is good for.

    Parameters
    ----------
    eig_factor : float, default=2.0
        A direction is taken out when its eigenvalue is at least this multiple of the largest one that independent
        columns would have (the Marchenko-Pastur edge).
    eig_threshold : float, optional
        A fixed threshold on the eigenvalues of R R'/d instead.
    rho : float, default=0.5
        A column counts as lying in the leading subspace when at most `rho` of its norm is outside.
    min_frac : float, default=0.02
        A round happens while this share of all columns lies in the leading subspace.
    rank_tol : float, default=1e-12
        A column of which less than this is left is dead: zero from then on. Use 1e-6 for data stored in float32.
    max_rounds : int, default=60
    max_dim : float, default=0.5
        Largest number of directions, as a share of the samples.
    center : bool, default=True
        Whether the means of the columns are taken out first.
    n_threads : int, optional
        OpenMP threads; None: ``OMP_NUM_THREADS`` if set, else the physical cores. The result does not depend on it.

    Attributes
    ----------
    n_rounds_ : int
    n_iter_ : int
        Rounds, one at least.
    dims_ : list of int
        Directions that each round took out.
    eigenvalues_ : list of ndarray
        Their eigenvalues.
    fractions_ : list of float
        Share of the columns that lay in the leading subspace of each round.
    residual_norms_ : ndarray of shape (p,)
        What is left of each unit column after the last round.
    dead_ : ndarray of bool, shape (p,)
        Columns of which nothing is left.
    basis_ : ndarray of shape (n, D)
        U on the training rows (times the square roots of weights, without rows of weight zero).
    mean_, scale_ : ndarray of shape (p,)
        Means, and norms of the centred columns; constant columns have scale 1 and stay zero.
    stopped_by_ : str
        "clean", "exhausted", "max_dim" or "max_rounds".
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Columns are copied to dense float64, twice once a round happens. A round costs the Gram matrix of the rows or
    columns, whichever are fewer, its eigenvalues, and four products with the directions.

    Examples
    --------
    >>> import sparseopt as so
    >>> X, y, coef = so.datasets.make_nested_groups(random_state=0)
    >>> peeling = so.SpectralPeeling().fit(X)
    >>> peeling.dims_[0], sum(peeling.dims_), peeling.n_rounds_
    (4, 11, 4)
    >>> peeling.random_support_certificate(8, random_state=0).quantile(0.05) > 0.5
    True
    """

    def __init__(
        self, *, eig_factor=2.0, eig_threshold=None, rho=0.5, min_frac=0.02, rank_tol=1e-12, max_rounds=60,
        max_dim=0.5, center=True, n_threads=None,
    ):  # fmt: skip
        self.eig_factor = eig_factor
        self.eig_threshold = eig_threshold
        self.rho = rho
        self.min_frac = min_frac
        self.rank_tol = rank_tol
        self.max_rounds = max_rounds
        self.max_dim = max_dim
        self.center = center
        self.n_threads = n_threads

    def fit(self, X, y=None, sample_weight=None):
        """Peel.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        y : ignored
        sample_weight : float or array-like of shape (n,), optional
            Non-negative numbers of repetitions: their sum is the number of samples.

        Returns
        -------
        self
        """
        rule = check_rule(self)
        check_flag("center", self.center)
        n_threads = resolve_n_threads(self.n_threads)
        X = validate_columns(self, X)
        weights = check_sample_weight(sample_weight, X.shape[0])
        with serial_blas():
            unit = unit_columns(X, weights, center=self.center)
            for peeling in peel_levels(unit.columns, unit.total, rule, n_threads):  # noqa: B007 (the last one stays)
                pass
        self._keep(peeling, replace(unit, columns=None, root=None, rows=None))
        warn_of_limits(peeling, rule, unit.total)
        return self

    def _keep(self, peeling, unit):
        self.dims_ = peeling.dims
        self.n_rounds_ = len(peeling.rounds)
        self.n_iter_ = max(1, self.n_rounds_)
        self.eigenvalues_ = [one.eigenvalues for one in peeling.rounds]
        self.fractions_ = [one.fraction for one in peeling.rounds]
        self.residual_norms_ = peeling.norms[-1]
        self.dead_ = self.residual_norms_ == 0.0
        self.basis_ = peeling.basis
        self.mean_, self.scale_ = unit.mean, unit.scale
        self.stopped_by_ = peeling.stopped_by
        self._peeling, self._unit = peeling, unit

    def _level(self, level):
        check_scalar("level", level, Integral, low=-1, high=self.n_rounds_)
        return self.n_rounds_ if level == -1 else int(level)

    def transform(self, X, level=-1):
        """Return the coordinates in (U, Z) of rows, the training rows or new ones.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, p)
        level : int, default=-1
            After how many rounds; -1: the last.

        Returns
        -------
        ndarray of shape (n, D + p)
        """
        check_is_fitted(self)
        level = self._level(level)
        check_compressed("X", X)
        X = validate_data(self, X, reset=False, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32])
        width = self._peeling.dim(level) + X.shape[1]
        return rows_of(X, self._unit, lambda rows: np.hstack(self._peeling.transform(rows, level)), width)

    def pull_back(self, coef, level=-1):
        """Return the coefficients on X that give the same predictions as `coef` on (U, Z), up to the intercept.

        Parameters
        ----------
        coef : array-like of shape (D + p,)
        level : int, default=-1

        Returns
        -------
        ndarray of shape (p,)
        """
        check_is_fitted(self)
        level = self._level(level)
        dim = self._peeling.dim(level)
        coef = np.asarray(coef, dtype=np.float64)
        if coef.shape != (dim + self.n_features_in_,):
            raise ValueError(f"coef must have shape ({dim + self.n_features_in_},), got {coef.shape}")
        return self._peeling.pull_back(coef[:dim], coef[dim:], level) / self.scale_

    def random_support_certificate(self, k, n_draws=199, random_state=None):
        r"""Draw random supports and return how well conditioned their residual columns are.

        If the support of the truth is uniform among those of size k and independent of X, then with probability
        ``1 - 1 / (n_draws + 1)`` its smallest singular value is at least the smallest one drawn. It says nothing about
        supports that are not random.

        Parameters
        ----------
        k : int
            Columns in a support.
        n_draws : int, default=199
        random_state : int, RandomState instance or None

        Returns
        -------
        SupportCertificate
            With ``sigma`` (sorted), ``sigma_min``, ``quantile(q)``, ``alpha``, ``failure_probability``.
        """
        check_is_fitted(self)
        check_scalar("k", k, Integral, low=1, high=self.n_features_in_)
        check_scalar("n_draws", n_draws, Integral, low=1, high=MOST)
        if self._peeling.residual is None:
            raise ValueError("this peeler belongs to a regressor, which keeps no columns: use its certificate_, or fit")
        with serial_blas():
            return certify(
                self._peeling.residual, int(k), level=self.n_rounds_, dim=self.basis_.shape[1], n_draws=int(n_draws),
                random_state=random_state,
            )  # fmt: skip

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of `transform`: direction0, ..., then the features' own names.

        Parameters
        ----------
        input_features : array-like of str, optional

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names = input_features
        if names is None:
            names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(self.n_features_in_)])
        elif len(names) != self.n_features_in_:
            raise ValueError(f"input_features should have length equal to number of features, {self.n_features_in_}")
        directions = [f"direction{i}" for i in range(self.basis_.shape[1])]
        return np.array([*directions, *names], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
