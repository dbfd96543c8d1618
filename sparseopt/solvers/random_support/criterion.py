"""How models of different sizes are compared."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

ROUNDING = 1e-28  # residual sums of squares below this share of y'y are rounding: the smaller model is preferred


def ebic(rss, total: float, n_features: int, size, n_dense: int = 0, gamma: float = 1.0):
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
    """
    size = np.asarray(size, dtype=float)
    choices = gammaln(n_features + 1) - gammaln(size + 1) - gammaln(n_features - size + 1)
    rss = np.maximum(rss, np.finfo(float).tiny)
    return total * np.log(rss / total) + (size + n_dense) * np.log(total) + 2.0 * gamma * choices
