"""What a run of block coordinate descent returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..result import Result


@dataclass(frozen=True, repr=False)
class BCDResult(Result):
    """A `Result` with what was tracked.

    Attributes
    ----------
    coef, intercept, converged, gap, objective, null_objective, violation, n_iter, n_passes, history, solver
        As in :class:`Result`; `gap` is nan where no dual point is known, and `n_passes` always.
    relative_violation : float
        `violation` over `violation_at_zero` where `tol` was compared with that; nan with a gap.
    certificate : {"gap", "violation"}
        What `tol` was compared with.
    objectives : ndarray of shape (n_iter + 1,), or None
        Objective before the first and after every iteration, with track "objective".
    blocks : list of ndarray, or None
        The block of every iteration, with track "blocks".
    supports : list of ndarray, or None
        Variables off the kinks of the penalty, before the first and after every iteration, with track "support".
    identified_at : int or None
        First iteration after which the support stayed what it is at the end, with track "support".
    violation_at_zero : float
        Violation at zero coefficients: the scale of `tol` where no duality gap is known.

    Examples
    --------
    >>> import sparseopt as so
    >>> problem = so.Problem.quadratic([[2.0, 0.0], [0.0, 1.0]], [2.0, 3.0])
    >>> so.block_coordinate_descent(problem, max_iter=2, tol=0, track="objective").objectives
    array([ 0. , -4.5, -5.5])
    """

    objectives: NDArray[np.float64] | None = None
    blocks: list | None = None
    supports: list | None = None
    identified_at: int | None = None
    violation_at_zero: float = 0.0


def identification(supports) -> int:
    """Return the first index from which all index arrays equal the last one."""
    k = len(supports) - 1
    while k > 0 and np.array_equal(supports[k - 1], supports[-1]):
        k -= 1
    return k
