"""Penalties as block coordinate descent sees them: lam_j |x_j| within bounds; a ridge joins the smooth function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...exceptions import IncompatibleError
from ...problem.penalties import Box, ElasticNet


@dataclass(frozen=True)
class Separable:
    """The non-smooth part, one entry a variable.

    Attributes
    ----------
    lam, low, high : ndarray of shape (n_variables,)
    ridge : float
        Curvature that the penalty adds to the smooth function.
    """

    lam: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    ridge: float

    @property
    def smooth(self) -> bool:
        """Whether there is no kink and no bound at all."""
        return not (np.any(self.lam) or np.any(np.isfinite(self.low)) or np.any(np.isfinite(self.high)))

    def value(self, x, block=slice(None)) -> float:
        """Return sum lam |x| over a block whose entries are x."""
        return float(self.lam[block] @ np.abs(x))

    def at_kink(self, x, block=slice(None)):
        """Whether each coordinate sits where its penalty is not differentiable."""
        return ((x == 0.0) & (self.lam[block] > 0.0)) | (x <= self.low[block]) | (x >= self.high[block])

    def clip(self, x, block=slice(None)):
        """Return the nearest feasible point."""
        return np.clip(x, self.low[block], self.high[block])


def as_separable(penalty, n_features: int, n_outputs: int) -> Separable:
    """Return the separable form of a penalty on (n_features, n_outputs) coefficients, flattened by rows.

    Raises
    ------
    IncompatibleError
        For penalties that are not L1, elastic net or bounds.
    """
    lam, ridge = np.zeros(n_features), 0.0
    low, high = np.full(n_features, -np.inf), np.full(n_features, np.inf)
    if isinstance(penalty, ElasticNet):
        omega = penalty.l1_weights()
        lam += penalty.alpha * penalty.l1_ratio * (1.0 if omega is None else omega)
        ridge = penalty.alpha * (1.0 - penalty.l1_ratio)
        if penalty.positive:
            low[:] = 0.0
        excluded = np.isinf(lam)
        lam[excluded] = low[excluded] = high[excluded] = 0.0
    elif isinstance(penalty, Box):
        low, high = penalty.bounds(n_features)
    else:
        raise IncompatibleError(
            f"block_coordinate_descent cannot take penalty {penalty!r}; it takes L1, ElasticNet and Box"
        )
    lam, low, high = (np.repeat(a, n_outputs) for a in (lam, low, high))
    return Separable(lam, low, high, float(ridge))
