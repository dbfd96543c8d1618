"""Phase 2, greedy: forward selection on the columns of one level."""

from __future__ import annotations

import numpy as np

from ..._ext import _greedy
from ..._ranks import ALONE

GUARD = 1e-3  # a squared norm that fell by this factor since it was exact is computed anew
SPANNED = 1e-20  # a column with a smaller share of its squared norm left lies in the span of the chosen ones


def forward_selection(Z, y, max_size: int, *, normalise: bool = True, n_threads: int = 1, place=None, ranks=ALONE):
    """Return columns in the order in which they join.

    Parameters
    ----------
    Z : ndarray of shape (m, d), Fortran order
    y : ndarray of shape (m,)
    max_size : int
    normalise : bool
        True: orthogonal least squares, the column that lowers the residual sum of squares most joins.
        False: orthogonal matching pursuit, the column with the largest product with the residual joins.
    n_threads : int
    place : tuple of int, optional
        Number of the first column of Z, and how many columns all ranks hold.
    ranks : Ranks
        Where other columns are.

    Returns
    -------
    ndarray of int
        At most `max_size`; shorter when the residual is zero or the columns left are spanned by the chosen ones.
    """
    m, d = Z.shape
    begin, total = (0, d) if place is None else place
    max_size = min(max_size, m, total)
    order: list[int] = []
    if max_size < 1:
        return np.empty(0, dtype=np.intp)
    first, slopes = np.empty(d), np.empty((d, 1), order="F")
    _greedy.square_norms(Z, first, n_threads)
    _greedy.products(Z, np.asfortranarray(y[:, None]), slopes, n_threads)
    slopes = slopes[:, 0]
    norms, base = first.copy(), first.copy()
    alive = (first > 0.0).astype(np.uint8)
    stale = np.zeros(d, dtype=np.uint8)
    Q = np.empty((m, max_size), order="F")
    r = y.copy()
    for s in range(max_size):
        best = _greedy.best(alive, norms, slopes, first, norms if normalise else first, SPANNED)
        j, score = ranks.best_column(*best)
        if j < 0 or score <= 0.0:
            break
        z = ranks.take_columns(Z, [j])[:, 0]
        q = z - Q[:, :s] @ (Q[:, :s].T @ z)
        q -= Q[:, :s] @ (Q[:, :s].T @ q)
        q /= np.linalg.norm(q)
        t = float(q @ r)
        r -= t * q
        Q[:, s] = q
        order.append(j)
        if begin <= j < begin + d:
            alive[j - begin] = 0
        if s + 1 < max_size and _greedy.step(Z, q, t, GUARD, alive, norms, slopes, base, stale, n_threads):
            cols = np.flatnonzero(stale)
            _greedy.refresh(Z, Q[:, : s + 1], r, cols, norms, slopes, n_threads)
            base[cols] = np.maximum(norms[cols], np.finfo(float).tiny)
    return np.array(order, dtype=np.intp)
