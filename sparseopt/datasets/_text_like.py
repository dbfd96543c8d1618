"""Sparse designs that look like text: a few common words, a long tail of rare ones."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy import sparse

from .._validation import check_scalar, check_seed
from ._csc import csc_of
from ._target import linear_target, sparse_coef

_COMMONEST = 0.5  # share of documents that hold the most common word


def make_sparse_design(
    n_samples: int = 1000,
    n_features: int = 5000,
    *,
    density: float = 0.01,
    exponent: float = 1.0,
    n_nonzero: int = 20,
    snr: float = 3.0,
    random_state=None,
):
    """Draw a CSC design whose column counts follow Zipf's law, and a sparse linear model.

    Rows are documents, columns are words. The share of documents that hold the r-th most common
    word falls like ``r ** -exponent``; entries are log counts times inverse document frequency and
    rows have unit norm (tf-idf). Real sparse problems are hard because columns differ so much,
    which uniformly scattered entries (`make_correlated` with ``density < 1``) do not show.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    density : float, default=0.01
        Share of entries that are stored, about.
    exponent : float, default=1.0
        Zipf's exponent; 0 makes all columns alike.
    n_nonzero : int, default=20
        Words with a non-zero coefficient, common words more likely.
    snr : float, default=3.0
        Signal-to-noise ratio, as in `make_correlated`.
    random_state : int, numpy.random.Generator or None
        Seed; None draws anew each time.

    Returns
    -------
    X : csc_array of shape (n_samples, n_features)
        Columns in random order; a row may be empty, no column is.
    y : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features,)
        The truth.

    Examples
    --------
    >>> from sparseopt.datasets import make_sparse_design
    >>> X, y, coef = make_sparse_design(200, 1000, density=0.02, random_state=0)
    >>> X.shape, X.format, round(X.nnz / (200 * 1000), 2)
    ((200, 1000), 'csc', 0.02)
    """
    check_scalar("n_samples", n_samples, Integral, low=2)
    check_scalar("n_features", n_features, Integral, low=1)
    check_scalar("density", density, Real, low=0, high=_COMMONEST, closed="right")
    check_scalar("exponent", exponent, Real, low=0)
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    share = _word_shares(n_samples, n_features, density, exponent)
    share = share[rng.permutation(n_features)]
    X = _tf_idf(_counts(rng, n_samples, share))
    coef = sparse_coef(rng, n_features, n_nonzero, weights=share / share.sum())
    return X, linear_target(rng, X, coef, snr), coef


def _word_shares(n: int, p: int, density: float, exponent: float) -> np.ndarray:
    """Share of documents by word: c * rank^-exponent, capped, with c chosen to meet the density."""
    zipf = np.arange(1, p + 1) ** -float(exponent)

    def shares(c: float) -> np.ndarray:
        return np.clip(c * zipf, 1 / n, _COMMONEST)

    low, high = 0.0, _COMMONEST / zipf[-1]
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if shares(middle).mean() < density else (low, middle)
    return shares(high)


def _counts(rng: np.random.Generator, n: int, share: np.ndarray):
    """Word counts; rows are drawn with replacement, so often that the share comes out right."""
    draws = np.maximum(1, np.round(np.log1p(-share) / np.log1p(-1 / n))).astype(np.int64)
    rows = rng.integers(n, size=int(draws.sum()))
    cols = np.repeat(np.arange(share.size), draws)
    counts = sparse.coo_array((np.ones(rows.size), (rows, cols)), shape=(n, share.size)).tocsc()
    counts.sum_duplicates()
    return counts


def _tf_idf(counts):
    n = counts.shape[0]
    seen = np.diff(counts.indptr)
    values = (1 + np.log(counts.data)) * np.repeat(1 + np.log(n / seen), seen)
    norms = np.sqrt(np.bincount(counts.indices, weights=values**2, minlength=n))
    values /= norms[counts.indices]
    return csc_of(values, counts.indices, counts.indptr, counts.shape)
