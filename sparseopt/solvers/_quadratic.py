"""The quadratic problem as solvers see it: centred columns, weights, and everything one first pass over X tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InvalidProblemError
from ..problem import Problem
from ..problem.design import Standardized

SMALLEST = 1e-302  # squared norms below this have lost digits to underflow


class Quadratic:
    """Facts of a squared-loss problem, in units of the summed loss.

    Attributes
    ----------
    columns : compiled columns of the design, centred when there is an intercept
    y : ndarray of shape (n,) or (n, n_outputs)
        Target minus its weighted mean (minus zero without intercept).
    s : ndarray of shape (n,) or None
        Sample weights.
    means, curvature : ndarray of shape (p,)
        Weighted column means (zeros without intercept) and x_j'Sx_j of the (centred) columns; a curvature of zero
        marks a column that is constant, whose coefficient stays zero.
    gradient : ndarray of shape (p,) or (n_outputs, p)
        X'Sy.
    null : float
        y'Sy / 2, the sum over targets.
    passes : float
        How many times X was read so far.
    """

    def __init__(self, problem: Problem, n_threads: int) -> None:
        self.problem = problem
        self.n_threads = n_threads
        design = problem.design
        self.s = problem.sample_weight
        self.y = np.ascontiguousarray(problem.y - problem.y_offset)
        reference = 0 if self.s is None or not self.s.size else int(np.argmax(self.s > 0))
        plain = design.columns()
        with np.errstate(over="ignore", invalid="ignore"):
            theta = np.ascontiguousarray(problem.weighted(self.y))
            self.null = 0.5 * problem.ranks.total(float(np.vdot(self.y, theta)))
            if not np.isfinite(self.null):
                problem.check_range()
            several = theta.ndim == 2
            first = np.ascontiguousarray(theta[:, 0]) if several else theta
            means, squares, gradient = np.ascontiguousarray(plain.moments(self.s, first, reference, n_threads))
            if several:
                gradient = plain.rmatmat(theta, n_threads=n_threads)
            if not problem.fit_intercept:
                squares = squares + problem.total_weight * means * means
                means = np.zeros_like(means)
            else:
                gradient = gradient - np.multiply.outer(problem.ranks.total(theta.sum(axis=0)), means)
            usable = SMALLEST <= squares.min() and np.isfinite(squares.max() + (gradient.max() - gradient.min()))
        if not usable:
            refuse_unusable(squares, means, gradient, design)
            gradient[..., squares == 0.0] = 0.0
        self.means, self.curvature, self.gradient = means, squares, gradient
        self.columns = design.columns(center=means) if problem.fit_intercept and np.any(means) else plain
        self.passes = 2.0 if several else 1.0

    def count(self, cols: NDArray[np.intp]) -> None:
        """Count a reading of these columns."""
        self.passes += self.problem.design.column_counts(cols) / max(self.problem.design.n_stored, 1)

    def products(self, theta, cols=None):
        """Return X'theta, for `cols` only where given, zero for constant columns; a row for each target."""
        if theta.ndim == 2:
            c = self.columns.rmatmat(theta, n_threads=self.n_threads)
            self.passes += 1.0
            c[:, self.curvature == 0.0] = 0.0
            return c
        c = self.columns.rmatvec(theta, cols, n_threads=self.n_threads)
        if cols is None:
            self.passes += 1.0
            c[self.curvature == 0.0] = 0.0
        else:
            self.count(cols)
            c[self.curvature[cols] == 0.0] = 0.0
        return c

    def mass(self, columns, cols):
        """Return x_j's for columns as stored, which sweeps over implicitly centred columns need."""
        if not columns.centered:
            return np.zeros(len(cols))
        ones = np.ones(self.y.shape[0]) if self.s is None else self.s
        return columns.stored_products(ones, cols)

    def residual(self, cols, w, gathered=None):
        """Return y - X[:, cols] w, for w of shape (len(cols),) or, with several targets, (n_targets, len(cols)).

        `gathered` columns are not read from X.
        """
        columns = self.columns if gathered is None else gathered
        several = self.y.ndim == 2
        r = np.array(self.y if several else self.y[:, None], order=columns.block_order)
        columns.subtract(cols, np.ascontiguousarray(np.atleast_2d(w)), r, n_threads=self.n_threads)
        if gathered is None or gathered is self.columns:
            self.count(cols)
        return r if several else r.ravel()


def refuse_unusable(squares, means, gradient, design) -> None:
    """Raise InvalidProblemError for columns that overflow, or that vanish although they are not constant."""
    if not (np.all(np.isfinite(squares)) and np.all(np.isfinite(gradient))):
        refuse_overflow(squares, gradient, design)
    moving = np.any(gradient != 0.0, axis=0) if gradient.ndim == 2 else gradient != 0.0
    vanishing = (squares < SMALLEST) & moving & (np.abs(means) < SMALLEST**0.5)
    if np.any(vanishing):
        j = int(np.argmax(vanishing))
        raise InvalidProblemError(
            f"column {j} of X is too small: its squared norm underflows float64; "
            "rescale X (and alpha by the same factor)"
        )


def refuse_overflow(squares, gradient, design) -> None:
    """Say which column broke the first pass, and why."""
    j = int(np.argmin(np.isfinite(squares) & np.all(np.isfinite(np.atleast_2d(gradient)), axis=0)))
    column = np.zeros(design.n_features)
    column[j] = 1.0
    base = design.base if isinstance(design, Standardized) else design
    if design.ranks.any(not np.all(np.isfinite(base.matvec(column)))):
        raise InvalidProblemError(f"Input X contains NaN or infinity (in column {j}); remove or impute such entries")
    raise InvalidProblemError(
        f"column {j} of X is too large: its squared norm overflows float64; rescale X (and alpha by the same factor)"
    )
