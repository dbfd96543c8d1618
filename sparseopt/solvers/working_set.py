"""One alpha: greedy working sets, solved exactly on their Gram matrix.

Reading X is what costs. Each round reads it once, for c = X'theta, and then

1. certifies: the duality gap of the current point follows from c alone;
2. screens: a column whose distance to its constraint exceeds the gap-safe radius is zero at the optimum and is not read
   again (Ndiaye et al., JMLR 18 (2017));
3. selects greedily: the columns with the smallest scores s_j = (lam_j - |c_j|) / sqrt(L_j + mu) join the working set.
   For negative scores s_j^2 / 2 is the decrease that one update of coordinate j promises (the GSL-q rule); for positive
   ones s_j is the distance screening uses. The residual enters unscaled: ordering by a scaled dual point can repeat
   itself for ever;
4. solves on the set, without X, to a fraction of the gap.
"""

from __future__ import annotations

import numpy as np

from ..problem.certificates import best_dual
from ._gram_set import GramSet
from ._quadratic import Quadratic

FIRST_SET = 100
INNER=0.03
GROW=1
MARGIN=1.2
VERB=0
FLOOR = 64 * np.finfo(float).eps  # relative gaps below this are rounding


class Round:
    """Where one round of the working-set method stands (units of the summed loss)."""

    def __init__(self, primal, gap, multiple, c):
        self.primal, self.gap, self.multiple, self.c = primal, gap, multiple, c


def solve_quadratic(quadratic: Quadratic, w, lam, mu, positive, *, tol, max_iter, on_round):
    """Run rounds until the gap is at most `tol` times the null objective.

    Returns (w, gap, converged, n_iter); `on_round(n_iter, primal, gap, size, w)` may return True to stop.
    """
    p = w.size
    target = max(tol, FLOOR) * quadratic.null
    vector = np.ndim(lam) > 0
    norms = np.sqrt(quadratic.curvature + mu)
    gram = GramSet(quadratic)
    excluded = quadratic.curvature == 0.0
    if vector:
        excluded |= np.isinf(lam)
        gram.add(np.flatnonzero((lam == 0.0) & ~excluded))
    alive = np.flatnonzero(~excluded) if np.any(excluded) else None
    support = np.flatnonzero(w)
    gram.add(support)
    best_value, gap = -np.inf, np.inf
    if support.size:
        r = quadratic.residual(support, w[support])
        c = quadratic.products(quadratic.problem.weighted(r), alive)
    else:
        r = quadratic.y
        c = quadratic.gradient if alive is None else quadratic.gradient[alive]
    for n_iter in range(max_iter + 1):
        theta = quadratic.problem.weighted(r)
        rr, y_theta = float(r @ theta), float(quadratic.y @ theta)
        ws = w[support]
        l1 = float((lam[support] if vector else lam) @ np.abs(ws)) if vector else lam * float(np.abs(ws).sum())
        primal = 0.5 * rr + l1 + 0.5 * mu * float(ws @ ws)
        alive_lam = lam if not vector or alive is None else lam[alive]
        value, multiple = best_dual(c, y_theta, rr, alive_lam, mu, positive)
        best_value = max(best_value, value)
        gap = max(primal - best_value, 0.0)
        stop = on_round(n_iter, primal, gap, len(gram), w)
        if gap <= target or stop or n_iter == max_iter:
            return w, gap, gap <= target, n_iter
        # screen with the gap of the very dual point that is tested
        size = c if positive else np.abs(c)
        radius = np.sqrt(2.0 * max(primal - value, 0.0))
        alive_norms = norms if alive is None else norms[alive]
        keep = multiple * size + radius * alive_norms >= alive_lam * (1.0 - 1e-12)
        n_keep = int(np.count_nonzero(keep))
        if n_keep < 0.7 * keep.size:
            held = support if alive is None else np.searchsorted(alive, support)
            keep[held] = True
            where = np.flatnonzero(keep)
            alive = where if alive is None else alive[where]
            size, alive_norms = size[where], alive_norms[where]
            alive_lam = alive_lam if not vector else alive_lam[where]
            keep = keep[where]
        score = (alive_lam - size) / alive_norms
        score[~keep] = np.inf
        score[gram.member if alive is None else gram.member[alive]] = np.inf
        violators = int(np.count_nonzero(score < 0.0))
        wanted = 0 if violators == 0 and len(gram) else max(FIRST_SET, min(GROW * support.size, int(MARGIN*violators)))
        if VERB: print('     viol',violators,'alive',score.size, 'add',wanted)
        candidates = int(np.count_nonzero(score < np.inf))
        if wanted == 0:
            chosen = np.empty(0, dtype=np.intp)
        elif candidates > wanted:
            chosen = np.argpartition(score, wanted)[:wanted]
        else:
            chosen = np.flatnonzero(score < np.inf)
        gram.add(chosen if alive is None else alive[chosen])
        inner = np.ascontiguousarray(w[gram.cols])
        gram.solve(inner, lam, mu, positive, max(INNER * gap, 0.3 * target) if wanted else 0.3 * target, theta)
        w[gram.cols] = inner
        support = np.flatnonzero(w)
        r = quadratic.residual(support, w[support])
        c = quadratic.products(quadratic.problem.weighted(r), alive)
    raise AssertionError("unreachable")
