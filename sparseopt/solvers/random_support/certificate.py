"""The Monte-Carlo certificate: is a random support well conditioned after peeling?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._ranks import ALONE

BATCH = 2_000_000  # numbers gathered at once


@dataclass(frozen=True)
class SupportCertificate:
    r"""Smallest singular values of the residual columns of random supports.

    If the true support S is uniform among supports of its size and independent of X, it is exchangeable with the
    drawn ones, so that

    .. math:: P(\sigma_{\min}(Z_S) < \min_i \sigma_i) \le 1 / (n_{draws} + 1)

    without constants and without an assumption on X. With :math:`\alpha = \sqrt{D} + \sqrt{k} / \sigma`, every Xw with
    support S has coordinates in (U, Z) whose sum of absolute values is at most :math:`\alpha \|Xw\|`.

    Attributes
    ----------
    size : int
        Columns in a support, k.
    level, dim : int
        Level of peeling, and directions taken out before it.
    sigma : ndarray of shape (n_draws,)
        Smallest singular values, increasing; columns with nothing left do not take part.
    n_alive : int
        Columns with something left.
    """

    size: int
    level: int
    dim: int
    sigma: NDArray[np.float64]
    n_alive: int

    @property
    def failure_probability(self) -> float:
        """Return the bound on the probability that a random support is worse than every drawn one."""
        return 1.0 / (self.sigma.size + 1)

    @property
    def sigma_min(self) -> float:
        """Return the smallest value drawn."""
        return float(self.sigma[0])

    @property
    def alpha(self) -> float:
        """Return the bound on the sum of absolute coordinates over the norm, for the worst draw."""
        return float(np.sqrt(self.dim) + np.sqrt(self.size) / self.sigma_min) if self.sigma_min > 0.0 else np.inf

    def quantile(self, q):
        """Return a quantile of the smallest singular values."""
        return float(np.quantile(self.sigma, q))

    def __str__(self) -> str:
        return (
            f"{self.sigma.size} random supports of {self.size} columns at level {self.level}: smallest singular value "
            f"{self.sigma_min:.2g} at least, {self.quantile(0.05):.2g} for 95%, {self.quantile(0.5):.2g} for half; "
            f"a random support is below {self.sigma_min:.2g} with probability at most {self.failure_probability:.2g}"
        )


def certify(
    Z, size: int, *, level: int, dim: int, n_draws: int = 199, random_state=None, ranks=ALONE
) -> SupportCertificate:
    """Draw supports uniformly and compute the smallest singular value of each.

    Parameters
    ----------
    Z : ndarray of shape (m, d)
        Residual columns of a level, unit or zero.
    size : int
    level, dim : int
        Reported.
    n_draws : int
    random_state : int, numpy.random.Generator, RandomState or None
    ranks : Ranks
        Where other columns are.
    """
    _, d = ranks.place_columns(Z.shape[1])
    alive = ranks.of_all_columns(np.einsum("ij,ij->j", Z, Z)) > 0.25
    rng = as_generator(random_state)
    size = min(size, d)
    draws = [rng.choice(d, size, replace=False) for _ in range(n_draws)]
    return SupportCertificate(
        size, level, dim, np.sort(smallest_singular_values(Z, draws, alive, ranks)), int(np.count_nonzero(alive))
    )


def smallest_singular_values(Z, supports, alive, ranks=ALONE):
    """Return the smallest singular value of the living columns of every support (1 when none lives)."""
    values = np.ones(len(supports))
    living = [np.asarray(S)[alive[S]] for S in supports]
    counts = np.array([S.size for S in living])
    for size in np.unique(counts[counts > 0]):
        same = np.flatnonzero(counts == size)
        step = max(1, BATCH // max(1, Z.shape[0] * size))
        for start in range(0, same.size, step):
            part = same[start : start + step]
            columns = ranks.take_columns(Z, np.concatenate([living[i] for i in part]))
            blocks = np.ascontiguousarray(columns.reshape(-1, len(part), size).swapaxes(0, 1))
            if size <= Z.shape[0]:  # a QR first: its triangle is small, and its singular values are exact
                blocks = np.linalg.qr(blocks, mode="r")
                values[part] = np.linalg.svd(blocks, compute_uv=False)[:, -1]
            else:
                values[part] = 0.0
    return values


def as_generator(random_state) -> np.random.Generator:
    """Return a generator for a seed, a generator or a RandomState."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(0, 2**31 - 1))
    return np.random.default_rng(random_state)
