"""How good an estimate is: errors of channels, supports, symbols, and what the channel would carry."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from .._validation import check_flag, check_scalar, check_seed
from ..exceptions import InvalidProblemError


def _pair(estimate, truth):
    estimate, truth = np.asarray(estimate), np.asarray(truth)
    if estimate.shape != truth.shape:
        raise InvalidProblemError(f"shapes differ: estimate {estimate.shape}, truth {truth.shape}")
    return estimate, truth


def nmse(estimate, truth, *, aggregated=True):
    """Return the squared error over the squared norm.

    Parameters
    ----------
    estimate, truth : array-like of the same shape
    aggregated : bool, default=True
        True: of everything together. False: one for each entry of the first axis (a configuration), whose mean is
        ruled by configurations with next to no channel.

    Returns
    -------
    float or ndarray

    Examples
    --------
    >>> import sparseopt as so
    >>> so.channel.nmse([1.0, 2.0], [1.0, 1.0])
    0.5
    """
    check_flag("aggregated", aggregated)
    estimate, truth = _pair(estimate, truth)
    axes = None if aggregated else tuple(range(1, truth.ndim))
    error, energy = np.sum(np.abs(estimate - truth) ** 2, axis=axes), np.sum(np.abs(truth) ** 2, axis=axes)
    ratio = np.where(energy > 0, error / np.where(energy > 0, energy, 1.0), np.where(error > 0, np.inf, 0.0))
    return float(ratio) if aggregated else ratio


def support_recovery_rate(estimate, truth, *, threshold=1e-3):
    """Return the size of the intersection of the supports over that of their union.

    Parameters
    ----------
    estimate, truth : array-like of the same shape
    threshold : float, default=1e-3
        Entries of the estimate above this fraction of its largest are its support.

    Returns
    -------
    float

    Examples
    --------
    >>> import sparseopt as so
    >>> so.channel.support_recovery_rate([1.0, 0.5, 0.0], [2.0, 0.0, 0.0])
    0.5
    """
    check_scalar("threshold", threshold, Real, low=0.0, high=1.0)
    estimate, truth = _pair(estimate, truth)
    found = np.abs(estimate) > threshold * np.abs(estimate).max(initial=0.0)
    true = truth != 0
    union = np.count_nonzero(found | true)
    return float(np.count_nonzero(found & true) / union) if union else 1.0


def _beams(H):
    """Return the leading left and right singular vectors of a stack of matrices."""
    u, _, vh = np.linalg.svd(H)
    return u[..., :, 0], vh[..., 0, :].conj()


def symbol_error_rate(estimate, truth, *, snr_db, n_symbols=10_000, order=4, random_state=None):
    """Return the rate of wrong symbols when beams and detection rely on the estimated channel.

    Precoder and combiner are the leading singular vectors of the estimate; detection is by the nearest symbol given the
    estimated scalar channel; the noise is `snr_db` below the power received.

    Parameters
    ----------
    estimate, truth : array-like of shape (..., n_bs, n_ms)
    snr_db : float
    n_symbols : int, default=10000
        For each channel of the stack.
    order : int, default=4
        Points of the phase-shift keying.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> so.channel.symbol_error_rate(np.eye(2), np.eye(2), snr_db=30.0, random_state=0)
    0.0
    """
    check_scalar("snr_db", snr_db, Real)
    check_scalar("n_symbols", n_symbols, Integral, low=1)
    check_scalar("order", order, Integral, low=2)
    rng = check_random_state(check_seed(random_state))
    estimate, truth = _pair(estimate, truth)
    estimate, truth = (H.reshape(-1, *H.shape[-2:]) for H in (estimate, truth))
    points = np.exp(2j * np.pi * np.arange(order) / order)
    left, right = _beams(estimate)
    wrong = 0
    for H, G, u, v in zip(truth, estimate, left, right, strict=True):
        gain, believed = u.conj() @ H @ v, u.conj() @ G @ v
        sent = rng.randint(order, size=n_symbols)
        noise = np.sqrt(np.abs(gain) ** 2 / 10 ** (snr_db / 10) / 2)
        received = gain * points[sent] + noise * (rng.standard_normal(n_symbols) + 1j * rng.standard_normal(n_symbols))
        wrong += np.count_nonzero(np.abs(received[:, None] - believed * points).argmin(axis=1) != sent)
    return float(wrong / (n_symbols * len(truth)))


def spectral_efficiency(estimate, truth, *, snr_db):
    r"""Return the mean spectral efficiency of the beams of an estimate, in bits per second and hertz.

    It is the mean of :math:`\log_2(1 + \mathrm{SNR}\, |u^H H v|^2)` with H the true channel and u, v the leading
    singular vectors of the estimate.

    Parameters
    ----------
    estimate, truth : array-like of shape (..., n_bs, n_ms)
    snr_db : float
        Transmit power over noise, for channels scaled to unit mean power of their entries.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> round(so.channel.spectral_efficiency(np.ones((2, 2)), np.ones((2, 2)), snr_db=0.0), 2)
    2.32
    """
    check_scalar("snr_db", snr_db, Real)
    estimate, truth = _pair(estimate, truth)
    power = np.mean(np.abs(truth) ** 2)
    left, right = _beams(estimate)
    gain = np.einsum("...i,...ij,...j->...", left.conj(), truth, right)
    snr = 10 ** (snr_db / 10) / (power if power > 0 else 1.0)
    return float(np.mean(np.log2(1.0 + snr * np.abs(gain) ** 2)))
