"""Designs on which ordinary methods do well: nothing must be lost there."""

from __future__ import annotations

from numbers import Real

import numpy as np

from ..._validation import check_scalar, check_seed
from ._target import check_sizes, finish


def make_autoregressive(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    rho: float = 0.9,
    random_state=None,
):
    r"""Draw features with correlation rho^|i-j|, and a signal on a random support.

    Independent for ``rho=0``. The Lasso does well: random supports are nearly always far apart, so that nothing
    cancels. For trying that a method for hard designs loses nothing on easy ones.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_nonzero : int, default=6
        Features in the support, which is uniform.
    signal : {"cancel", "sign", "normal"}, default="cancel"
        Coefficients: "cancel", the combination of unit length that is smallest, so that coefficients are as large as
        they can be for a signal of mean square one; "sign", random signs; "normal", standard normal. Scaled to a signal
        of mean square one.
    noise : float, default=0.5
        Standard deviation of the noise.
    rho : float, default=0.9
        Correlation of neighbours, in (-1, 1).
    random_state : int, numpy.random.Generator or None
        Seed; None draws anew each time.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) in Fortran order
        Columns of mean square one.
    y : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features,)
        The truth.

    Examples
    --------
    >>> from sparseopt.datasets import make_autoregressive
    >>> X, y, coef = make_autoregressive(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("rho", rho, Real, low=-1, high=1, closed="neither")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    X = rng.standard_normal((n, d))
    for j in range(1, d):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho * rho) * X[:, j]
    return finish(rng, X, n_nonzero, signal, noise)


def make_near_duplicates(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    gap: float = 1e-6,
    random_state=None,
):
    r"""Draw pairs of features that differ by very little, and a signal on a random support.

    A support that holds both of a pair, with a signal along their difference, needs coefficients of ``1 / gap``, and
    defeats the Lasso and every method that looks at one feature at a time. A random support of k features holds a pair
    with a probability of only about ``k^2 / (2 n_features)``; otherwise the design is easy.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_nonzero : int, default=6
        Features in the support, which is uniform.
    signal : {"cancel", "sign", "normal"}, default="cancel"
        Coefficients: "cancel", the combination of unit length that is smallest, so that coefficients are as large as
        they can be for a signal of mean square one; "sign", random signs; "normal", standard normal. Scaled to a signal
        of mean square one.
    noise : float, default=0.5
        Standard deviation of the noise.
    gap : float, default=1e-6
        Size of the difference, relative to the features.
    random_state : int, numpy.random.Generator or None
        Seed; None draws anew each time.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) in Fortran order
        Columns of mean square one.
    y : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features,)
        The truth.

    Examples
    --------
    >>> from sparseopt.datasets import make_near_duplicates
    >>> X, y, coef = make_near_duplicates(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("gap", gap, Real, low=0.0, closed="neither")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    first = rng.standard_normal((n, (d + 1) // 2))
    X = np.hstack([first, first + gap * rng.standard_normal(first.shape)])
    X = X[:, rng.permutation(X.shape[1])][:, :d]
    return finish(rng, X, n_nonzero, signal, noise)


def make_dependent_triples(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    gap: float = 1e-6,
    random_state=None,
):
    r"""Draw triples of features whose last is nearly the sum of the others.

    Every triple is a sparse vector that X nearly maps to zero, and no pair of features gives it away. A signal along it
    needs coefficients of ``1 / gap``: the Lasso shrinks them to nothing, and greedy methods see no single feature that
    helps. A random support hardly ever holds a whole triple, and then the design is easy; a support of whole triples is
    outside of what random-support theory covers.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_nonzero : int, default=6
        Features in the support, which is uniform.
    signal : {"cancel", "sign", "normal"}, default="cancel"
        Coefficients: "cancel", the combination of unit length that is smallest, so that coefficients are as large as
        they can be for a signal of mean square one; "sign", random signs; "normal", standard normal. Scaled to a signal
        of mean square one.
    noise : float, default=0.5
        Standard deviation of the noise.
    gap : float, default=1e-6
        Size of what the last feature has of its own.
    random_state : int, numpy.random.Generator or None
        Seed; None draws anew each time.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features) in Fortran order
        Columns of mean square one.
    y : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features,)
        The truth.

    Examples
    --------
    >>> from sparseopt.datasets import make_dependent_triples
    >>> X, y, coef = make_dependent_triples(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("gap", gap, Real, low=0.0, closed="neither")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    parts = []
    for _ in range(d // 3):
        pair = rng.standard_normal((n, 2))
        parts += [pair, (pair.sum(axis=1) / np.sqrt(2.0) + gap * rng.standard_normal(n))[:, None]]
    if d % 3:
        parts.append(rng.standard_normal((n, d % 3)))
    X = np.hstack(parts)
    return finish(rng, X, n_nonzero, signal, noise)
