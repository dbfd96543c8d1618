"""Final coefficients on a chosen support, everything else exactly zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .posterior import norm2
from .triangles import factor, solve_inverse, square_sums


@dataclass
class Refit:
    """Coefficients of one target on chosen columns.

    Attributes
    ----------
    coef : ndarray of shape (k,)
    root : ndarray of shape (r, k)
        The covariance is ``root^H root``.
    noise_variance : float
    """

    coef: NDArray
    root: NDArray
    noise_variance: float

    @property
    def variance(self):
        """Variances of the coefficients."""
        return square_sums(self.root) if self.root.size else np.zeros(self.coef.size)


def refit(system, y, cols, *, active_variance, noise_variance, learn_noise, debias) -> Refit:
    """Return the posterior mean on the columns, or least squares.

    Parameters
    ----------
    system : LinearSystem
    y : ndarray of shape (m,)
    cols : ndarray of shape (k,)
    active_variance, noise_variance : float
    learn_noise : bool
        Whether least squares also give the noise: residual sum of squares over total - k.
    debias : bool
        Least squares instead of the posterior mean.
    """
    A = system.take(cols)
    if not cols.size:
        if debias and learn_noise:
            noise_variance = max(system.norm2(y) / system.total, 1e-8 * noise_variance)
        return Refit(np.zeros(0, dtype=A.dtype), np.zeros((0, 0)), noise_variance)
    A, y = system.compressed(A, y)
    if not debias:
        root = np.full(cols.size, np.sqrt(active_variance / noise_variance))
        _, inverse = factor(A.conj().T @ A, root)
        coef, _ = solve_inverse(inverse, root, A.conj().T @ y)
        return Refit(coef, inverse * np.sqrt(active_variance), noise_variance)
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    kept = s > s.max(initial=0.0) * max(A.shape) * np.finfo(float).eps
    U, s, Vh = U[:, kept], s[kept], Vh[kept]
    coef = Vh.conj().T @ ((U.conj().T @ y) / s)
    free = system.total - kept.sum()
    if learn_noise and free > 0.0:
        noise_variance = max(norm2(y - A @ coef) / free, 1e-8 * noise_variance)
    return Refit(coef, (Vh / s[:, None]) * np.sqrt(noise_variance), noise_variance)
