"""Designs with common factors: features are nearly combinations of a few directions."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from ..._validation import check_scalar, check_seed
from ._target import check_scales, check_sizes, finish


def make_latent_factors(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 8,
    signal: str = "cancel",
    noise: float = 0.5,
    n_factors: int = 5,
    own=1e-4,
    random_state=None,
):
    r"""Draw features that are combinations of a few hidden factors, plus noise of their own.

    The signal of a cancelling combination lies in what the features have of their own, `own` or, when `own` is a pair,
    10 to a uniform power between its logarithms, one size for each feature. Coefficients are then of order ``1 / own``,
    and the Lasso, whose penalty is their sum, prefers zero. With one size an exact Lasso with a very small alpha still
    works, coordinate descent does not get there; with sizes over many decades no alpha suits all features.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_nonzero : int, default=8
        Features in the support, which is uniform.
    signal : {"cancel", "sign", "normal"}, default="cancel"
        Coefficients: "cancel", the combination of unit length that is smallest, so that coefficients are as large as
        they can be for a signal of mean square one; "sign", random signs; "normal", standard normal. Scaled to a signal
        of mean square one.
    noise : float, default=0.5
        Standard deviation of the noise.
    n_factors : int, default=5
    own : float or (float, float), default=1e-4
        Size of what each feature has of its own, or the range of sizes.
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
    >>> from sparseopt.datasets import make_latent_factors
    >>> X, y, coef = make_latent_factors(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("n_factors", n_factors, Integral, low=1)
    low, high = own if isinstance(own, tuple) else (own, own)
    check_scalar("own", low, Real, low=0.0, closed="neither")
    check_scalar("own", high, Real, low=low)
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    factors, loadings = rng.standard_normal((n, n_factors)), rng.standard_normal((n_factors, d))
    sizes = 10.0 ** rng.uniform(np.log10(low), np.log10(high), d) if low < high else low
    X = factors @ loadings + rng.standard_normal((n, d)) * sizes
    return finish(rng, X, n_nonzero, signal, noise)


def make_common_factor(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    own: float = 1e-3,
    random_state=None,
):
    r"""Draw features that are one common direction plus a little of their own.

    All features are nearly equal. A signal that cancels the common direction needs coefficients of order ``1 / own``;
    the Lasso's penalty on them exceeds the signal unless alpha is tiny, where coordinate descent takes for ever.

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
    own : float, default=1e-3
        Size of what each feature has of its own.
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
    >>> from sparseopt.datasets import make_common_factor
    >>> X, y, coef = make_common_factor(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("own", own, Real, low=0.0, closed="neither")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    X = rng.standard_normal(n)[:, None] + own * rng.standard_normal((n, d))
    return finish(rng, X, n_nonzero, signal, noise)


def make_nested_groups(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 8,
    signal: str = "cancel",
    noise: float = 0.5,
    scales=(1e-1, 1e-2, 1e-4, 1e-6),
    inner: float = 1e-2,
    random_state=None,
):
    r"""Draw groups of features with a factor inside a factor, at a different scale in each group.

    Features of group g are ``u_g + scale_g (h_j v_g + inner * noise)``: a common direction, a second one below it, and
    noise below that. The second direction of one group lies below the noise of another, so that a principal component
    analysis of all features cannot see it. Coefficients that cancel both are of order ``1 / (scale_g * inner)``: the
    Lasso, matching pursuit and best-subset heuristics predict no better than zero.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_nonzero : int, default=8
        Features in the support, which is uniform.
    signal : {"cancel", "sign", "normal"}, default="cancel"
        Coefficients: "cancel", the combination of unit length that is smallest, so that coefficients are as large as
        they can be for a signal of mean square one; "sign", random signs; "normal", standard normal. Scaled to a signal
        of mean square one.
    noise : float, default=0.5
        Standard deviation of the noise.
    scales : sequence of float
        One number for each group.
    inner : float, default=1e-2
        Size of the noise below the second direction.
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
    >>> from sparseopt.datasets import make_nested_groups
    >>> X, y, coef = make_nested_groups(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scales(scales)
    check_scalar("inner", inner, Real, low=0.0, closed="neither")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    X = np.zeros((n, d))
    label = np.arange(d) % len(scales)
    for g, scale in enumerate(scales):
        group = np.flatnonzero(label == g)
        u, v = rng.standard_normal(n), rng.standard_normal(n)
        h = rng.standard_normal(group.size)
        X[:, group] = u[:, None] + scale * (v[:, None] * h + inner * rng.standard_normal((n, group.size)))
    return finish(rng, X, n_nonzero, signal, noise)
