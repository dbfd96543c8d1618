"""Local search on a support: exact exchanges of one column, and deletions."""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr

from ..._ext import _greedy
from ..._ranks import ALONE
from .forward import GUARD
from .refit import least_squares

SPANNED = 1e-24  # squared norm of unit columns off the others, below which they do not take part


def swap(columns, y, support, *, max_sweeps: int = 5, rtol: float = 1e-9, n_threads: int = 1, ranks=ALONE):
    """Exchange columns one for one as long as the residual sum of squares falls.

    Parameters
    ----------
    columns : ndarray of shape (m, d), Fortran order, unit columns
    y : ndarray of shape (m,)
    support : sequence of int
    max_sweeps : int
    rtol : float
        Smallest relative decrease that counts.
    n_threads : int
    ranks : Ranks
        Where other columns are.

    Returns
    -------
    list of int

    Notes
    -----
    For every position the best partner is found exactly: with q the part of the column at that position that is
    orthogonal to the other ones, taking it out adds (q'x_j)^2 to the squared norm of what is left of column j and
    (q'x_j)(q'y) to its product with the residual. One reading of X serves all positions until an exchange is made.
    """
    support = list(support)
    best = least_squares(ranks.take_columns(columns, support), y)[1]
    scores = None
    for _ in range(max_sweeps):
        improved = False
        for at in range(len(support)):
            if scores is None:
                scores = _exchange_scores(columns, y, support, n_threads, ranks)
            j, rss = scores(at)
            if j >= 0 and j != support[at] and rss < best * (1.0 - rtol):
                support[at] = j
                best = least_squares(ranks.take_columns(columns, support), y)[1]
                improved, scores = True, None
        if not improved:
            break
    return support


def _exchange_scores(columns, y, support, n_threads, ranks):
    """Return a function: position -> (best column there, residual sum of squares with it)."""
    m, d = columns.shape
    s = len(support)
    first, _ = ranks.place_columns(d)
    A = ranks.take_columns(columns, support)
    Q = qr(A, mode="economic", check_finite=False)[0]
    r = y - Q @ (Q.T @ y)
    r -= Q @ (Q.T @ r)
    # the last column of a QR with this position last: orthogonal to the others to rounding, however close they are
    apart = np.column_stack([qr(np.roll(A, -i - 1, axis=1), mode="economic", check_finite=False)[0][:, -1]
                             for i in range(s)])  # fmt: skip
    out = np.empty((d, 2 * s + 1), order="F")
    _greedy.products(columns, np.asfortranarray(np.column_stack([Q, apart, r])), out, n_threads)
    norms = np.maximum(1.0 - np.einsum("ij,ij->i", out[:, :s], out[:, :s]), 0.0)
    slopes = out[:, -1].copy()
    close = np.flatnonzero(norms < GUARD)
    _greedy.refresh(columns, np.asfortranarray(Q), r, close, norms, slopes, n_threads)
    rss = float(r @ r)
    chosen = np.array(support) - first

    def scores(at):
        g = out[:, s + at]
        t = float(apart[:, at] @ y)
        left = norms + g * g
        slope = slopes + t * g
        score = np.where(left > SPANNED, slope * slope / np.where(left > SPANNED, left, 1.0), -1.0)
        others = np.delete(chosen, at)
        score[others[(others >= 0) & (others < d)]] = -1.0
        j = int(np.argmax(score))
        j, value = ranks.best_column(j, float(score[j]))
        return (j, rss + t * t - value) if value > 0.0 else (-1, np.inf)

    return scores


def delete(columns, y, support, criterion, ranks=ALONE):
    """Delete columns one by one as long as ``criterion(rss, size)`` falls; one column at least stays."""
    support, kept = list(support), list(range(len(support)))
    columns = ranks.take_columns(columns, support)
    current = criterion(least_squares(columns, y)[1], len(kept))
    while len(kept) > 1:
        trials = [kept[:i] + kept[i + 1 :] for i in range(len(kept))]
        values = [criterion(least_squares(columns[:, one], y)[1], len(one)) for one in trials]
        i = int(np.argmin(values))
        if values[i] >= current:
            break
        current, kept = values[i], trials[i]
    return [support[i] for i in kept]
