"""A growing set of columns with its Gram matrix, on which any alpha is solved without reading X."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._ext import _gram_lasso
from ._quadratic import Quadratic

MAX_SUPPORT = 4000  # largest support solved by one Cholesky factorization
SWEEPS_PER_CALL = 200  # bounded work, so that Ctrl-C and callbacks get their turn


class GramSet:
    """Columns seen so far, in order of arrival, with G = X'SX and the gradient at zero X'Sy.

    Attributes
    ----------
    cols : ndarray of intp
        The columns.
    sweeps, factorizations : int
        Work done on the Gram matrix.
    """

    def __init__(self, quadratic: Quadratic) -> None:
        self.quadratic = quadratic
        self.cols: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.member = np.zeros(quadratic.curvature.size, dtype=bool)
        self._gram = np.empty((0, 0))
        self.at_zero = np.empty(0)
        self.sweeps = 0
        self.factorizations = 0

    def __len__(self) -> int:
        return self.cols.size

    def add(self, new: NDArray[np.intp]) -> None:
        """Append columns that are not members yet; constant columns are left out."""
        q = self.quadratic
        new = new[~self.member[new] & (q.curvature[new] > 0.0)]
        if new.size == 0:
            return
        old = self.cols.size
        self.cols = np.concatenate([self.cols, np.sort(new)])
        total = self.cols.size
        if total > self._gram.shape[0]:
            capacity = min(max(total, int(1.5 * old) + 64), q.curvature.size)
            grown = np.empty((capacity, capacity))
            grown[:old, :old] = self._gram[:old, :old]
            self._gram = grown
        q.columns.extend_gram(self.cols, old, q.s, self._gram, n_threads=q.n_threads)
        q.count(self.cols)
        self.member[new] = True
        self.at_zero = q.gradient[self.cols]

    def gradient(self, w):
        """Return X'S(y - X w) on the set."""
        support = np.flatnonzero(w)
        if support.size == 0:
            return self.at_zero.copy()
        k = self.cols.size
        return self.at_zero - w[support] @ self._gram[support, :k]

    def solve(self, w, lam, mu: float, positive: bool, tol: float, max_sweeps: int = 10_000):
        """Minimise over the set from w (changed in place); return (gap, gradient, r'Sr).

        `lam` is one level or one per member; `tol` is absolute, in units of the summed loss.
        """
        levels = np.full(w.size, float(lam)) if np.ndim(lam) == 0 else np.ascontiguousarray(lam[self.cols])
        q = self.gradient(w)
        rr = 2.0 * self.quadratic.null - float(w @ (q + self.at_zero))
        gap, left = np.inf, max_sweeps
        while left > 0:
            rr, gap, sweeps, factorizations = _gram_lasso.solve(
                self._gram, w, q, levels, mu, positive, rr, tol, min(SWEEPS_PER_CALL, left), MAX_SUPPORT
            )
            self.sweeps += sweeps
            self.factorizations += factorizations
            left -= sweeps
            if gap <= tol or sweeps < SWEEPS_PER_CALL:
                break
        return gap, q, rr
