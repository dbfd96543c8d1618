"""Descent on a set of columns with any separable penalty: exact coordinate steps, ended by Newton steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs

from .._ext._separable import ResidualSeparable, derivatives, descend_gram, gains, value
from ._gram_set import MAX_SUPPORT, PATIENCE, SWEEPS_PER_CALL, GramSet

SWEEPS = 30  # sweeps on the Gram matrix between two Newton steps
MAX_ROUNDS = 200


@dataclass(frozen=True)
class Terms:
    """A separable penalty as kernels take it: formula, levels, shapes; `total` multiplies it."""

    kind: int
    lam: NDArray[np.float64]
    gam: NDArray[np.float64]
    total: float
    positive: bool

    @classmethod
    def of(cls, penalty, n_features: int, total: float) -> Terms:
        """Return the terms of a penalty."""
        kind, lam, gam = penalty.compiled(n_features)
        return cls(kind, lam, gam, total, bool(penalty.positive))

    def at(self, cols) -> Terms:
        """Return the terms of some columns."""
        return Terms(self.kind, self.lam[cols], self.gam[cols], self.total, self.positive)

    def value(self, w) -> float:
        """Return the penalty of coefficients, in units of the summed loss."""
        return self.total * value(self.kind, self.lam, self.gam, w)

    def gains(self, w, c, curvature):
        """Return what minimising over each coefficient alone would gain."""
        return gains(self.kind, self.lam, self.gam, w, c, curvature, self.total, self.positive)


def descend(gram: GramSet, w, terms: Terms, tol: float, theta=None) -> None:
    """Lower the objective over the set, from w, in place, until no step over one coefficient gains more than `tol`.

    `terms` are those of the set; `theta` = S(y - X w) is needed when columns may be swept (None: the Gram matrix is
    used).
    """
    if theta is None or gram.prefers_gram(int(np.count_nonzero(w))):
        by_gram(gram, w, terms, tol)
        return
    q = gram.quadratic
    columns, places = gram.gather()
    state = ResidualSeparable(
        columns, places, q.curvature[gram.cols], terms.lam, terms.gam, terms.kind, terms.total, terms.positive,
        q.s, q.mass(columns, places), w, np.array(theta),
    )  # fmt: skip
    done = 0
    while done < 10 * PATIENCE:
        gain, sweeps, stalled = state.run(tol, SWEEPS_PER_CALL)
        done += sweeps
        if gain <= tol or stalled:
            break
    gram.sweeps += done
    q.count(gram.cols)


def by_gram(gram: GramSet, w, terms: Terms, tol: float) -> None:
    """Descend on the Gram matrix."""
    gram.form()
    g = gram.gradient(w)
    for _ in range(MAX_ROUNDS):
        gain, sweeps = descend_gram(
            gram.matrix, w, g, terms.kind, terms.lam, terms.gam, terms.total, terms.positive, tol, SWEEPS
        )
        gram.sweeps += sweeps
        if gain <= tol:
            break
        _newton(gram.matrix, w, g, terms)


def _newton(G, w, g, terms: Terms) -> None:
    """Step to the minimiser over the coefficients in use, as far as their pieces of the penalty reach and it descends.

    Where the objective is not convex on these pieces, coordinate steps go on alone.
    """
    S = np.flatnonzero(w)
    if not 0 < S.size <= MAX_SUPPORT:
        return
    part = terms.at(S)
    slope, bend = derivatives(part.kind, part.lam, part.gam, w[S])
    block = G[S[:, None], S]
    hessian = block.copy()
    hessian.ravel()[:: S.size + 1] += part.total * bend
    factor, failed = dpotrf(hessian.T, overwrite_a=True)
    if failed:
        return
    d, _ = dpotrs(factor, g[S] - part.total * slope)
    if not np.isfinite(d).all():
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        flips = np.where(d * w[S] < 0.0, -w[S] / d, np.inf)
    step = min(1.0, 0.999 * flips.min())
    curvature, slope_before, before = float(d @ block @ d), float(g[S] @ d), part.value(w[S])
    for _ in range(4):
        trial = w[S] + step * d
        if -step * slope_before + 0.5 * step * step * curvature + part.value(trial) - before < 0.0:
            w[S] = trial
            g -= step * (d @ G[S, : w.size])
            return
        step *= 0.5
