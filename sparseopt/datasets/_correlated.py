"""Regression with neighbouring features correlated, and a sparse truth."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from .._validation import check_scalar, check_seed
from ._csc import csc_of
from ._target import linear_target, sparse_coef


def make_correlated(
    n_samples: int = 100,
    n_features: int = 200,
    *,
    rho: float = 0.5,
    n_nonzero: int = 10,
    snr: float = 3.0,
    density: float = 1.0,
    random_state=None,
):
    r"""Draw Gaussian features i and j with correlation rho^|i-j|, and a sparse linear model.

    The standard trial for sparse regression: `rho` says how hard it is to tell neighbours apart,
    `snr` how much of y can be explained at all.

    .. math:: y = X w + \varepsilon, \qquad \mathrm{corr}(x_i, x_j) = \rho^{|i-j|}

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    rho : float, default=0.5
        Correlation of neighbouring features, in (-1, 1).
    n_nonzero : int, default=10
        Features with a non-zero coefficient, drawn at random; the values are standard normal.
    snr : float, default=3.0
        Signal-to-noise ratio, the sum of squares of Xw (centred) over that of the noise; the true
        coefficients then explain about the share ``snr / (1 + snr)`` of y. ``inf``: no noise.
    density : float, default=1.0
        Below 1, each entry is kept with this probability and X is sparse; this multiplies the
        correlation of different features by `density`.
    random_state : int, numpy.random.Generator or None
        Seed; None draws anew each time.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) in Fortran order, or csc_array when density < 1
    y : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features,)
        The truth.

    Examples
    --------
    >>> from sparseopt.datasets import make_correlated
    >>> X, y, coef = make_correlated(50, 300, rho=0.9, n_nonzero=5, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 300), (50,), 5)
    """
    check_scalar("n_samples", n_samples, Integral, low=1)
    check_scalar("n_features", n_features, Integral, low=1)
    check_scalar("rho", rho, Real, low=-1, high=1, closed="neither")
    check_scalar("density", density, Real, low=0, high=1, closed="right")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    columns = _autoregressive(rng, n_samples, n_features, rho)
    if density < 1:
        X = _thinned(rng, columns, n_samples, n_features, density)
    else:
        X = np.empty((n_samples, n_features), order="F")
        for j, column in enumerate(columns):
            X[:, j] = column
    coef = sparse_coef(rng, n_features, n_nonzero)
    return X, linear_target(rng, X, coef, snr), coef


def _autoregressive(rng: np.random.Generator, n: int, p: int, rho: float):
    """Yield columns of unit variance, each rho times the last one plus something new."""
    column = rng.standard_normal(n)
    fresh = np.sqrt(1 - rho**2)
    for _ in range(p):
        yield column
        column = rho * column + fresh * rng.standard_normal(n)


def _thinned(rng: np.random.Generator, columns, n: int, p: int, density: float):
    """Keep each entry with the given probability, never holding more than one dense column."""
    indptr = np.zeros(p + 1, dtype=np.int64)
    rows, values = [], []
    for j, column in enumerate(columns):
        kept = np.flatnonzero(rng.random(n) < density)
        rows.append(kept)
        values.append(column[kept])
        indptr[j + 1] = indptr[j] + kept.size
    return csc_of(np.concatenate(values), np.concatenate(rows), indptr, (n, p))
