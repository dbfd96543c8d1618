"""A chosen model as coefficients and as a function of new rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .levels import LevelPath
from .peeling import Peeling
from .prepare import UnitColumns
from .refit import least_squares


@dataclass
class Model:
    """A model on scaled rows.

    Attributes
    ----------
    coef : ndarray of shape (d,)
        On unit columns; the exact equivalent of what `__call__` computes.
    rss : float
    violation : float
        Largest product of the residual with a column that was fitted by least squares, relative to the norm of y: zero
        but for rounding.
    n_parameters : int
    peeling : Peeling or None
        None: predictions are products with `coef`. Otherwise rows go through the rounds, which is more accurate than
        `coef` when columns nearly cancel.
    level : int
    inside, outside : ndarray or None
        Coefficients of the directions taken out and of the residual columns.
    """

    coef: NDArray[np.float64]
    rss: float
    violation: float
    n_parameters: int
    peeling: Peeling | None = None
    level: int = 0
    inside: NDArray[np.float64] | None = None
    outside: NDArray[np.float64] | None = None

    def __call__(self, rows):
        """Predict for scaled rows, which are overwritten."""
        if self.peeling is None:
            used = np.flatnonzero(self.coef)
            return rows[:, used] @ self.coef[used]
        P, rest = self.peeling.transform(rows, self.level)
        return P @ self.inside + rest @ self.outside


def predictor(unit: UnitColumns, peeling: Peeling, path: LevelPath, y, kind: str, support, index: int = -1) -> Model:
    """Fit the model of a candidate."""
    return fit_with_residual(unit, peeling, path, y, kind, support, index)[0]


def fit_with_residual(unit: UnitColumns, peeling: Peeling, path: LevelPath, y, kind: str, support, index: int = -1):
    """Return the model of a candidate, and what it leaves of y: with ``kind="lasso"`` what the directions leave."""
    d = unit.n_features
    support = np.asarray(support, dtype=np.intp)
    if kind == "sparse":
        coef = np.zeros(d)
        A = unit.take(support)
        coef[support], rss = least_squares(A, y)
        left = y - A @ coef[support]
        return Model(coef, rss, _violation(A, left, y), support.size), left
    level = path.level
    inside, rest = peeling.project_off(y, level)
    if kind == "lasso":
        outside, rss = path.coefs[index], float(path.rss_lasso[index])
        support = np.flatnonzero(outside)
        A, left = peeling.basis[:, : path.dim], rest
    else:
        outside = np.zeros(d)
        Z = peeling.residual_columns(unit.take(support), level)
        outside[support], rss = least_squares(Z, rest)
        A, left = np.hstack([peeling.basis[:, : path.dim], Z]), rest - Z @ outside[support]
    coef = peeling.pull_back(inside, outside, level)
    through = peeling if level else None
    model = Model(coef, rss, _violation(A, left, y), support.size + path.dim, through, level, inside, outside)
    return model, left


def _violation(A, residual, y):
    scale = float(np.linalg.norm(y))
    return float(np.abs(A.T @ residual).max(initial=0.0)) / scale if scale > 0.0 else 0.0
