"""Descent on a set of columns with any separable penalty: exact coordinate steps, ended by Newton steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._ext._separable import ResidualSeparable, gains, value
from .._ext._separable_gram import GramSeparable
from ._gram_set import MAX_SUPPORT, PATIENCE, SWEEPS_PER_CALL, GramSet

MAX_ROUNDS = 200  # on the Gram matrix


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
    solver = GramSeparable(terms.kind, terms.total, terms.positive, MAX_SUPPORT)
    solver.solve(gram.matrix, w, gram.gradient(w), terms.lam, terms.gam, tol, MAX_ROUNDS)
    gram.sweeps += solver.sweeps
