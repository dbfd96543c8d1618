"""Uniform linear arrays: steering vectors, grids of angles, and dictionaries that depend on angles."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from .._validation import check_numbers, check_scalar


def steering_vector(n_elements, omega, *, spacing=0.5):
    r"""Return unit-norm steering vectors of a uniform linear array.

    Parameters
    ----------
    n_elements : int
    omega : float or array-like of shape (k,)
        Cosines of the angles.
    spacing : float, default=0.5
        Distance of the elements in wavelengths.

    Returns
    -------
    ndarray of shape (n_elements,) or (n_elements, k)
        Entry n is :math:`\exp(2 \pi i\, n\, \mathrm{spacing}\, \omega) / \sqrt{n_\mathrm{elements}}`.

    Examples
    --------
    >>> import sparseopt as so
    >>> so.channel.steering_vector(2, 0.5).round(2)
    array([0.71+0.j  , 0.  +0.71j])
    """
    check_scalar("n_elements", n_elements, Integral, low=1)
    check_scalar("spacing", spacing, Real, low=0.0, closed="neither")
    omega = check_numbers("omega", omega)
    if not np.all(np.isfinite(omega)):
        raise ValueError(f"omega must be finite, got {omega[~np.isfinite(omega)][0]}")
    phase = 2j * np.pi * spacing * np.multiply.outer(np.arange(n_elements), omega)
    return np.exp(phase) / np.sqrt(n_elements)


def angle_grid(n):
    """Return n cosines from -1 on, evenly spaced, without the end (which is the start again for half a wavelength).

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import sparseopt as so
    >>> so.channel.angle_grid(4).tolist()
    [-1.0, -0.5, 0.0, 0.5]
    """
    check_scalar("n", n, Integral, low=1)
    return -1.0 + 2.0 * np.arange(n) / n


@dataclass(frozen=True)
class Manifold:
    """Atoms h(w) = linear @ exp(2 pi i sign spacing w n) scale: a dictionary for any angles.

    Attributes
    ----------
    linear : ndarray of shape (M, D)
    sign : {1, -1}
    spacing : float
    scale : float
    """

    linear: np.ndarray
    sign: int
    spacing: float
    scale: float

    def atoms(self, angles):
        """Return the dictionary (M, k) for k angles."""
        return self.linear @ self._waves(angles)

    def derivatives(self, angles):
        """Return its derivatives by the angles (M, k)."""
        n = np.arange(self.linear.shape[1])[:, None]
        return self.linear @ (2j * np.pi * self.sign * self.spacing * n * self._waves(angles))

    def _waves(self, angles):
        n = np.arange(self.linear.shape[1])
        return self.scale * np.exp(2j * np.pi * self.sign * self.spacing * np.multiply.outer(n, np.asarray(angles)))
