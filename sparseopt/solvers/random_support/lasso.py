"""Phase 2, convex: the Lasso on the columns of one level."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ...problem import Problem
from ...problem.design import as_design
from ...problem.penalties import L1
from ..grid import alpha_grid
from ..path import solve_path

N_ALPHAS = 60
SPAN = 1e-2  # smallest over largest alpha
TOL = 1e-5


def lasso_path(Z, y, n_threads: int = 1):
    """Return the coefficients (n_alphas, d) of the Lasso of y on the columns of a level, from strong to weak penalty.

    The directions that were taken out are not penalised: y has none of them left.
    """
    problem = Problem(as_design(Z), y, "squared", L1(1.0), None, False)
    highest = problem.alpha_max()
    if highest <= 0.0:
        return np.zeros((1, Z.shape[1]))
    with warnings.catch_warnings():  # columns are only ranked by it, or chosen by a criterion
        warnings.simplefilter("ignore", ConvergenceWarning)
        path = solve_path(problem, alpha_grid(highest, N_ALPHAS, SPAN), tol=TOL, n_threads=n_threads)
    return path.coefs


def entry_order(coefs, max_size: int):
    """Return columns in the order in which they enter the path, larger coefficients first among equals."""
    used = coefs != 0.0
    ever = np.flatnonzero(used.any(axis=0))
    first = used[:, ever].argmax(axis=0)
    size = np.abs(coefs[first, ever])
    return ever[np.lexsort((ever, -size, first))][:max_size]
