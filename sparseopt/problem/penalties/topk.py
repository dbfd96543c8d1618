"""A bound on the number of coefficients that are not zero."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator

from ...exceptions import InvalidProblemError


class TopK(BaseEstimator):
    r"""Cardinality constraint: zero where at most k coefficients are not zero, infinite elsewhere.

    Parameters
    ----------
    n_nonzero_coefs : int, default=1
        The bound k, from 0 to the number of features.

    Notes
    -----
    :class:`sparseopt.BestSubsetRegressor` solves least squares under this constraint much better than proximal-gradient
    steps with this map (iterative hard thresholding) do.

    References
    ----------
    .. [1] T. Blumensath, M. Davies, "Iterative hard thresholding for compressed sensing", ACHA 27, 2009.

    Examples
    --------
    >>> from sparseopt.penalties import TopK
    >>> TopK(2).prox([1.0, -3.0, 0.5, 1.0], step=1.0)
    array([ 1., -3.,  0.,  0.])
    """

    convex = False
    separable = None

    def __init__(self, n_nonzero_coefs=1):
        self.n_nonzero_coefs = n_nonzero_coefs

    def check(self, n_features: int) -> None:
        """Raise InvalidProblemError when the bound is out of its range."""
        k = self.n_nonzero_coefs
        if not isinstance(k, Integral) or isinstance(k, (bool, np.bool_)) or not 0 <= int(k) <= n_features:
            raise InvalidProblemError(f"n_nonzero_coefs must be an integer from 0 to {n_features}, got {k!r}")

    def value(self, w) -> float:
        """Return 0 or inf."""
        return 0.0 if np.count_nonzero(w) <= self.n_nonzero_coefs else np.inf

    def prox(self, w, step=1.0):
        """Return w with all but the k largest sizes set to zero; of equal sizes the first stay. `step` is ignored."""
        w = np.asarray(w, dtype=np.float64)
        kept = np.argsort(-np.abs(w), axis=None, kind="stable")[: self.n_nonzero_coefs]
        out = np.zeros_like(w)
        out.flat[kept] = w.flat[kept]
        return out

    def distance(self, w, gradient):
        """Return the distance of ``-gradient`` to the limiting normal cone, for every coordinate.

        Coefficients in use must have a zero gradient; with fewer than k in use so must the missing number of others,
        for which those with the smallest gradients are taken.
        """
        w = np.asarray(w, dtype=np.float64)
        size = np.abs(np.asarray(gradient, dtype=np.float64))
        out = np.where(w != 0, size, 0.0)
        missing = self.n_nonzero_coefs - np.count_nonzero(w)
        if missing > 0:
            unused = np.flatnonzero(w == 0)
            smallest = unused[np.argsort(size.flat[unused], kind="stable")[:missing]]
            out.flat[smallest] = size.flat[smallest]
        return out
