"""A mobile station, an intelligent reflecting surface (IRS) and a base station: channels, pilots, what is received."""

from __future__ import annotations

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._validation import check_flag, check_option, check_scalar, check_seed
from ..exceptions import InvalidProblemError
from .geometry import angle_grid, steering_vector


def _complex_normal(rng, size):
    return (rng.standard_normal(size) + 1j * rng.standard_normal(size)) / np.sqrt(2.0)


class IRSChannel:
    r"""A random narrowband channel from a mobile station (MS) through an IRS to a base station (BS).

    .. math:: H(\theta) = H_\mathrm{BS}\, \mathrm{diag}(\theta)\, H_\mathrm{MS}

    One angle at the MS, `n_paths` neighbouring angles of arrival at the IRS, one of departure there, `n_paths`
    neighbouring ones at the BS; gains are complex normal.

    Parameters
    ----------
    n_ms, n_bs, n_irs : int, default=6, 16, 256
        Elements of the arrays.
    grid : int, default=18
        Angles lie on a grid of so many cosines; off the grid they are shifted by up to half a step.
    n_paths : int, default=3
        Spread at the IRS and at the BS.
    off_grid : bool, default=False
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    angles : dict
        Cosines: ``aod_ms``, ``aoa_irs``, ``aod_irs``, ``aoa_bs``, and ``irs``, the differences that the surface sees
        (departure minus arrival, between 0 and 2).
    gains : tuple of ndarray
        Of the paths MS to IRS, and IRS to BS.
    support : tuple of ndarray
        Grid positions of the differences, of the MS and of the BS (nearest ones off the grid).

    Examples
    --------
    >>> import sparseopt as so
    >>> channel = so.channel.IRSChannel(random_state=0)
    >>> phases = so.channel.irs_configurations(256, 6, random_state=0)
    >>> channel.response(phases).shape
    (6, 16, 6)
    """

    def __init__(self, n_ms=6, n_bs=16, n_irs=256, *, grid=18, n_paths=3, off_grid=False, random_state=None):
        for name, value in dict(n_ms=n_ms, n_bs=n_bs, n_irs=n_irs, grid=grid).items():
            check_scalar(name, value, Integral, low=1)
        check_scalar("n_paths", n_paths, Integral, low=1, high=grid)
        check_flag("off_grid", off_grid)
        self.n_ms, self.n_bs, self.n_irs, self.grid, self.n_paths = n_ms, n_bs, n_irs, grid, n_paths
        rng = check_random_state(check_seed(random_state))
        first = rng.randint(grid - n_paths + 1, size=2)
        places = dict(
            aod_ms=rng.randint(grid, size=1), aod_irs=rng.randint(grid, size=1),
            aoa_irs=first[0] + np.arange(n_paths), aoa_bs=first[1] + np.arange(n_paths),
        )  # fmt: skip
        omega = angle_grid(grid)
        self.angles = {name: omega[index] for name, index in places.items()}
        if off_grid:
            for name, angle in self.angles.items():
                self.angles[name] = angle + rng.uniform(-0.5, 0.5, angle.shape) * 2.0 / grid
        self.angles["irs"] = np.mod(self.angles["aod_irs"] - self.angles["aoa_irs"], 2.0)
        self.support = (
            np.unique((places["aod_irs"] - places["aoa_irs"]) % grid), places["aod_ms"], np.sort(places["aoa_bs"])
        )  # fmt: skip
        self.gains = (_complex_normal(rng, n_paths), _complex_normal(rng, n_paths))
        a = {name: steering_vector(n, self.angles[name]) for name, n in
             dict(aod_ms=n_ms, aod_irs=n_irs, aoa_irs=n_irs, aoa_bs=n_bs).items()}  # fmt: skip
        self.to_irs = np.sqrt(n_ms * n_irs / n_paths) * np.outer(a["aoa_irs"] @ self.gains[0], a["aod_ms"].conj())
        self.to_bs = np.sqrt(n_bs * n_irs / n_paths) * np.outer(a["aoa_bs"] @ self.gains[1], a["aod_irs"].conj())

    def response(self, phases):
        """Return the channels for given configurations of the surface.

        Parameters
        ----------
        phases : array-like of shape (n_irs, K)

        Returns
        -------
        ndarray of shape (K, n_bs, n_ms)
        """
        phases = np.asarray(phases)
        if phases.ndim != 2 or len(phases) != self.n_irs:
            raise InvalidProblemError(f"phases must have shape ({self.n_irs}, K), got {phases.shape}")
        return np.einsum("bl,lk,lm->kbm", self.to_bs, phases, self.to_irs, optimize=True)


def pilot_symbols(n_ms, n_slots, *, random_state=None):
    """Return random quadrature phase-shift keying pilots of unit power.

    Parameters
    ----------
    n_ms, n_slots : int
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ndarray of complex, shape (n_ms, n_slots)

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> np.linalg.norm(so.channel.pilot_symbols(6, 3, random_state=0), axis=0).round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    check_scalar("n_ms", n_ms, Integral, low=1)
    check_scalar("n_slots", n_slots, Integral, low=1)
    rng = check_random_state(check_seed(random_state))
    signs = 2.0 * rng.randint(2, size=(2, n_ms, n_slots)) - 1.0
    return (signs[0] + 1j * signs[1]) / np.sqrt(2.0 * n_ms)


def irs_configurations(n_irs, n_configurations, *, kind="binary", random_state=None):
    """Return random configurations of the surface, each of unit norm.

    Parameters
    ----------
    n_irs, n_configurations : int
    kind : {"binary", "phase"}, default="binary"
        Entries plus or minus one, or of any phase.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ndarray of shape (n_irs, n_configurations)
        Float for "binary", else complex.

    Examples
    --------
    >>> import sparseopt as so
    >>> so.channel.irs_configurations(4, 2, random_state=0).shape
    (4, 2)
    """
    check_scalar("n_irs", n_irs, Integral, low=1)
    check_scalar("n_configurations", n_configurations, Integral, low=1)
    check_option("kind", kind, ("binary", "phase"))
    rng = check_random_state(check_seed(random_state))
    size = (n_irs, n_configurations)
    if kind == "binary":
        return (2.0 * rng.randint(2, size=size) - 1.0) / np.sqrt(n_irs)
    return np.exp(2j * np.pi * rng.uniform(size=size)) / np.sqrt(n_irs)


class Pilots(NamedTuple):
    """What a base station knows after the pilots: received signals, pilots, configurations (and the noise, if it does).

    Parameters
    ----------
    Y : ndarray of shape (n_configurations, n_slots, n_bs)
    pilots : ndarray of shape (n_ms, n_slots)
    phases : ndarray of shape (n_irs, n_configurations)
    noise_variance : float
    """

    Y: np.ndarray
    pilots: np.ndarray
    phases: np.ndarray
    noise_variance: float


def simulate_pilots(
    channel, n_slots=3, n_configurations=6, *, snr_db=12.0, pilots=None, phases=None, kind="binary", random_state=None
):
    """Send pilots over a channel under several configurations of the surface.

    Parameters
    ----------
    channel : IRSChannel
    n_slots : int, default=3
        Pilots for each configuration.
    n_configurations : int, default=6
    snr_db : float, default=12.0
        Mean power of what is received over that of the noise.
    pilots : array-like of shape (n_ms, n_slots), optional
        None: random ones (:func:`pilot_symbols`).
    phases : array-like of shape (n_irs, n_configurations), optional
        None: random ones (:func:`irs_configurations`).
    kind : {"binary", "phase"}, default="binary"
        Of random configurations.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    Pilots

    Examples
    --------
    >>> import sparseopt as so
    >>> channel = so.channel.IRSChannel(random_state=0)
    >>> Y, pilots, phases, noise_variance = so.channel.simulate_pilots(channel, random_state=1)
    >>> Y.shape, pilots.shape, phases.shape
    ((6, 3, 16), (6, 3), (256, 6))
    """
    if not isinstance(channel, IRSChannel):
        raise TypeError(f"channel must be an IRSChannel, got {type(channel).__name__}")
    check_scalar("snr_db", snr_db, Real)
    rng = check_random_state(check_seed(random_state))
    if pilots is None:
        pilots = pilot_symbols(channel.n_ms, n_slots, random_state=rng)
    if phases is None:
        phases = irs_configurations(channel.n_irs, n_configurations, kind=kind, random_state=rng)
    pilots, phases = np.asarray(pilots), np.asarray(phases)
    if pilots.ndim != 2 or len(pilots) != channel.n_ms:
        raise InvalidProblemError(f"pilots must have shape ({channel.n_ms}, n_slots), got {pilots.shape}")
    for name, values in (("pilots", pilots), ("phases", phases)):
        if not np.all(np.isfinite(values)):
            raise InvalidProblemError(f"{name} must be finite")
    clean = np.swapaxes(channel.response(phases) @ pilots, 1, 2)
    noise_variance = float(np.mean(np.abs(clean) ** 2) / 10 ** (snr_db / 10))
    Y = clean + np.sqrt(noise_variance) * _complex_normal(rng, clean.shape)
    return Pilots(Y, pilots, phases, noise_variance)
