"""How models of different sizes are compared."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

ROUNDING = 1e-28  # residual sums of squares below this share of y'y are rounding: the smaller model is preferred


def ebic(rss, total: float, n_features: int, size, n_dense: int = 0, gamma: float = 1.0, *, ordered: bool = False):
    r"""Return the extended Bayesian information criterion of least-squares fits.

    .. math:: N \ln(RSS / N) + (s + D) \ln N + 2 \gamma \ln \binom{d}{s}

    Parameters
    ----------
    rss : float or ndarray
        Residual sums of squares.
    total : float
        Number of samples N.
    n_features : int
        Number d of columns that were searched.
    size : int or ndarray
        Columns chosen, s.
    n_dense : int
        Further parameters D that were not searched for.
    gamma : float
        0: the Bayesian criterion; 1: every size is as likely beforehand as every other.
    ordered : bool
        Whether columns were chosen one after the other, each as the best of those left. There are d! / (d - s)! ways to
        do so, which takes the place of the binomial coefficient. Without it a column of noise joins s right ones with
        probability about 0.2 (s + 1) / sqrt(N) at gamma 1 (the best of d - s squared normals against
        ln N + 2 ln((d - s) / (s + 1))), with it 0.2 / sqrt(N).
    """
    size = np.asarray(size, dtype=float)
    choices = gammaln(n_features + 1) - gammaln(n_features - size + 1)
    if not ordered:
        choices = choices - gammaln(size + 1)
    rss = np.maximum(rss, np.finfo(float).tiny)
    return total * np.log(rss / total) + (size + n_dense) * np.log(total) + 2.0 * gamma * choices
