"""Designs with structure at many scales: factors of factors, trees, walks, decaying spectra."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from ..._validation import check_scalar, check_seed
from ._target import check_scales, check_sizes, finish


def make_multiscale(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 8,
    signal: str = "cancel",
    noise: float = 0.5,
    scales=(1.0, 1e-3, 1e-6, 1e-9),
    floor: float = 1e-10,
    random_state=None,
):
    r"""Draw features that share one factor at each of many scales.

    Every feature is ``sum_i scale_i f_i b_ij`` plus noise at `floor`. Cancelling all factors takes coefficients of
    ``1 / floor``, condition numbers of supports reach 10^10: the Lasso gives zero whatever alpha, greedy methods pick
    features for factors that the signal does not have.

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
        One factor for each.
    floor : float, default=1e-10
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
    >>> from sparseopt.datasets import make_multiscale
    >>> X, y, coef = make_multiscale(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scales(scales)
    check_scalar("floor", floor, Real, low=0.0, closed="neither")
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    X = floor * rng.standard_normal((n, d))
    for scale in scales:
        X += scale * rng.standard_normal((n, 1)) @ rng.standard_normal((1, d))
    return finish(rng, X, n_nonzero, signal, noise)


def make_tree_factors(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    ratio: float = 0.05,
    arity: int = 4,
    random_state=None,
):
    r"""Draw features that are the leaves of a tree; every inner node is a factor of those below it.

    A node at depth l contributes ``ratio^l``. Two leaves are as close as their last common ancestor is deep, so that
    features of a random support are close at many different scales; the Lasso penalises differences of siblings
    ``1 / ratio`` times as much for every level. With probability of about ``k^2 / arity^3`` two features of a support
    are near siblings, which no method sorts out.

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
    ratio : float, default=0.05
        Size of a node relative to its parent.
    arity : int, default=4
        Children of a node.
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
    >>> from sparseopt.datasets import make_tree_factors
    >>> X, y, coef = make_tree_factors(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("ratio", ratio, Real, low=0.0, closed="neither")
    check_scalar("arity", arity, Integral, low=2)
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    depth = int(np.ceil(np.log(d) / np.log(arity))) if d > 1 else 1
    leaves = np.arange(d)
    X = np.zeros((n, d))
    for level in range(depth + 1):
        node = (leaves * arity**level) // d if level < depth else leaves
        X += ratio**level * rng.standard_normal((n, node.max() + 1))[:, node]
    return finish(rng, X, n_nonzero, signal, noise)


def make_random_walk(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    random_state=None,
):
    r"""Draw features as the steps of random walks: x_j = x_(j-1) + noise.

    Neighbours are strongly correlated and the correlation reaches far: the spectrum decays polynomially, with no gap.
    The Lasso is not lost here, but it spreads one step over many features, and its error is several times larger.

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
    >>> from sparseopt.datasets import make_random_walk
    >>> X, y, coef = make_random_walk(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    X = np.cumsum(rng.standard_normal((n, d)), axis=1)
    return finish(rng, X, n_nonzero, signal, noise)


def make_decaying_spectrum(
    n_samples: int = 200,
    n_features: int = 500,
    *,
    n_nonzero: int = 6,
    signal: str = "cancel",
    noise: float = 0.5,
    rank: int | None = 60,
    decades: float = 12.0,
    random_state=None,
):
    r"""Draw features with singular values that fall exponentially over many decades.

    Features span `rank` directions of sizes ``10^(-decades i / rank)`` in a random basis. All features use all
    directions, so that random supports are less badly conditioned than X; the Lasso does well while `rank` is far below
    the samples, and loses the small directions otherwise.

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
    rank : int or None, default=60
        Directions, at most the smaller side of X, which None means.
    decades : float, default=12.0
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
    >>> from sparseopt.datasets import make_decaying_spectrum
    >>> X, y, coef = make_decaying_spectrum(50, 60, n_nonzero=4, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((50, 60), (50,), 4)
    """
    check_sizes(n_samples, n_features, n_nonzero, signal, noise)
    check_scalar("rank", rank, Integral, low=1, allow_none=True)
    check_scalar("decades", decades, Real, low=0.0)
    rng = np.random.default_rng(check_seed(random_state, generator=True))
    n, d = n_samples, n_features
    m = min(n, d) if rank is None else min(rank, n, d)
    Q = np.linalg.qr(rng.standard_normal((d, m)))[0]
    X = rng.standard_normal((n, m)) @ (Q * 10.0 ** (-decades * np.arange(m) / m)).T * np.sqrt(d)
    return finish(rng, X, n_nonzero, signal, noise)
