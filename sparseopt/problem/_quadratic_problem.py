"""A problem without a design: a quadratic function of the coefficients plus a penalty."""

from __future__ import annotations

import numpy as np

from ..exceptions import IncompatibleError
from ._problem import Problem
from .losses.quadratic import Quadratic
from .penalties import Box


class QuadraticProblem(Problem):
    """Minimise 1/2 w'Aw - c'w plus a penalty; made by :meth:`Problem.quadratic`.

    Parameters
    ----------
    loss : Quadratic
    penalty : penalty object, optional
        Default: none.

    Attributes
    ----------
    A : ndarray or sparse array of shape (p, p)
    c : ndarray of shape (p,)
    """

    design = None
    y = None
    sample_weight = None
    fit_intercept = False
    total_weight = 1.0
    null_objective = 0.0
    y_offset = 0.0
    n_outputs = 1

    def __init__(self, loss: Quadratic, penalty=None) -> None:
        self.A, self.c = loss.arrays()
        self.loss = Quadratic(self.A, self.c)
        self.penalty = Box() if penalty is None else penalty
        if not hasattr(self.penalty, "prox") or not hasattr(self.penalty, "value"):
            raise IncompatibleError(f"penalty {self.penalty!r} has no value() and prox()")
        if hasattr(self.penalty, "check"):
            self.penalty.check(self.c.size)

    @property
    def coef_shape(self) -> tuple[int, ...]:
        """(p,)."""
        return self.c.shape

    @property
    def eta_shape(self) -> tuple[int, ...]:
        """(p,): the coefficients are the variables."""
        return self.c.shape

    def gradient(self, w, b=None):
        """Return A w - c."""
        return self.loss.slope(w)

    def intercept(self, w) -> float:
        """Return 0: there is none."""
        return 0.0

    def objective(self, w, b=None) -> float:
        """Return the objective at w."""
        return self.loss.objective(w) + self.penalty.value(w)

    def violation(self, w, b=None) -> float:
        """Return the largest distance of c - Aw to the subdifferential of the penalty."""
        return float(np.max(self.penalty.distance(np.asarray(w, dtype=np.float64), self.loss.slope(w))))

    def duality_gap(self, w, b=None) -> float:
        """Return nan: no dual point is known without factoring A. `violation` judges."""
        return np.nan

    def alpha_max(self, two_sided: bool = False) -> float:
        """Return the smallest alpha at which every penalised coefficient is zero.

        `two_sided` takes coefficients as free although they must not be negative.
        """
        if not hasattr(self.penalty, "alpha"):
            raise IncompatibleError(f"penalty {self.penalty!r} has no alpha")
        size = self.c if self.penalty.positive and not two_sided else np.abs(self.c)
        omega = self.penalty.l1_weights()
        level = self.penalty.l1_ratio * (1.0 if omega is None else omega)
        ratio = np.divide(size, level, out=np.zeros_like(size), where=np.asarray(level) > 0.0)
        return float(np.max(ratio, initial=0.0))
