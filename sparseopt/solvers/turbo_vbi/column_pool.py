"""Inner products of the columns that are in use: what an active set reads of the design.

`choose(on)` says which columns these are; `start(center)` begins a call with prior means, an exact one or one of those
between. All else is about both.
"""

from __future__ import annotations

import numpy as np

from ..sbl.columns import adjoint_product


class GramPool:
    """From rows of the Gram matrix: for designs that are not kept as a dense matrix, or with more rows than columns."""

    def __init__(self, system, y, adjoint):
        self.system, self.y, self._all = system, y, adjoint

    def choose(self, on):
        """Take these columns; return their Gram matrix."""
        self.on, self.rows = on, self.system.gram_rows(on)
        return self.rows[:, on]

    def start(self, center, exact=True):
        """Return A_S^H r with r = y - A center."""
        self._adjoint, self._center = self._all, center
        if center is not None:
            self._adjoint = self._all - self.system.adjoint(self.system.forward(center))
        return self._adjoint[self.on]

    def rest(self, mean_on):
        """Return A^H (r - A_S mean_on)."""
        return self._adjoint - adjoint_product(self.rows, mean_on)

    def residual2(self, mean):
        """Return |r - A mean|^2, nan without y."""
        if self.y is None:
            return np.nan
        mean = mean if self._center is None else mean + self._center
        return self.system.norm2(self.y - self.system.forward(mean))

    def cross(self):
        """Return A_S^H A in single precision, to be overwritten."""
        return self.rows.astype(np.complex64 if self.rows.dtype.kind == "c" else np.float32)


class DensePool:
    """From the dense matrix itself: no more of the Gram matrix in double precision than the columns in use.

    Columns that were once in use stay known; with the others they meet in single precision only, which is enough for
    what is approximate anyway.
    """

    def __init__(self, system, y):
        self.system, self.y = system, y
        self.at = np.full(system.n_cols, -1)  # where columns are in the pool
        self._gram = np.zeros((0, 0), dtype=system.dtype)
        self._known = np.zeros((0, system.n_rows), dtype=system.dtype)
        self._cross: list = []
        self._back, self._others = _Product(system, adjoint=True), _Product(system, adjoint=False)

    def choose(self, on):
        """Take these columns; return their Gram matrix."""
        new = on[self.at[on] < 0]
        if new.size:
            self._join(new)
        self.on, self._here = on, self.at[on]
        self.rows = self._known[self._here]
        return self._gram[np.ix_(self._here, self._here)]

    def _join(self, new):
        k, more = len(self._gram), len(new)
        rows = self.system.whole.T[new]
        rows = rows.conj() if rows.dtype.kind == "c" else rows
        grown = np.empty((k + more, k + more), dtype=self.system.dtype)
        grown[:k, :k] = self._gram
        grown[k:, :k] = rows @ self._known.conj().T
        grown[:k, k:] = grown[k:, :k].conj().T
        grown[k:, k:] = rows @ rows.conj().T
        self._gram, self._known = grown, np.concatenate([self._known, rows])
        self.at[new] = np.arange(k, k + more)

    def start(self, center, exact=True):
        """Return A_S^H r with r = y - A center."""
        self._exact = exact
        self._residual = self.y if center is None else self.y - self.system.forward(center)  # which can be far off
        return self.rows @ self._residual

    def rest(self, mean_on):
        """Return A^H (r - A_S mean_on)."""
        self._left = self._residual - adjoint_product(self.rows, mean_on)
        return self._back(self._left, self._exact)

    def residual2(self, mean):
        """Return |r - A mean|^2 for the mean of `rest` and any of the other columns."""
        others = mean.copy()
        others[self.on] = 0.0
        return self.system.norm2(self._left - self._others(others, self._exact))

    def cross(self):
        """Return A_S^H A in single precision, to be overwritten."""
        whole = self.system.single
        missing = len(self._known) - sum(map(len, self._cross))
        if missing:
            self._cross.append(self._known[-missing:].astype(whole.dtype) @ whole)
        if len(self._cross) > 1:
            self._cross = [np.concatenate(self._cross)]
        return self._cross[0][self._here]


class _Product:
    """Products of the design with a vector that changes from call to call.

    Between exact ones only the change meets the design, in single precision: that takes a part of the time, since it
    fits into a cache, and errors are small beside the change.
    """

    def __init__(self, system, adjoint):
        self._system, self._adjoint, self._last = system, adjoint, None

    def __call__(self, v, exact):
        if exact or self._last is None:
            product = self._system.adjoint(v) if self._adjoint else self._system.forward(v)
        else:
            last, known = self._last
            single = self._system.single
            moved = (v - last).astype(single.dtype)
            product = known + (adjoint_product(single, moved) if self._adjoint else single @ moved)
        self._last = v, product
        return product
