"""What a solver returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Result:
    """A solution with its certificate.

    Attributes
    ----------
    coef : ndarray of shape (p,) or (p, K)
    intercept : float or ndarray of shape (K,)
    converged : bool
        Whether the certificate met the tolerance.
    gap : float
        Duality gap in units of the objective: the objective is at most this far above its minimum. NaN where the
        problem is not convex or no gap is known.
    objective : float
    null_objective : float
        Objective at zero coefficients, the scale of `tol`.
    violation : float
        Largest distance of minus the gradient to the subdifferential of the penalty. Where the penalty is not convex:
        the largest sqrt(2 L_j gain_j), with gain_j what minimising over coefficient j alone would gain and L_j the
        second derivative of the loss in it; for convex penalties this is the same.
    n_iter : int
        Working sets solved.
    n_passes : float
        How many times all of X was read; reading some columns counts by their share.
    history : list of dict
        One entry per iteration: ``n_iter, n_passes, objective, gap, working_set``.
    solver : str
    relative_violation : float
        What met `tol` where there is no gap, in units of the data; nan with a gap.
    certificate : {"gap", "violation", "exchange"}
        What `tol` was compared with: the relative gap, the relative violation, or what the best exchange of one
        coefficient for another would gain of the objective at zero.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> result = so.solve(so.Problem(np.eye(3), [1.0, 2.0, 4.0], penalty=so.penalties.L1(alpha=0.1)))
    >>> result.converged
    True
    """

    coef: NDArray[np.float64]
    intercept: float
    converged: bool
    gap: float
    objective: float
    null_objective: float
    violation: float
    n_iter: int
    n_passes: float
    history: list = field(default_factory=list)
    solver: str = ""
    relative_violation: float = np.nan
    certificate: str = "gap"

    def __repr__(self) -> str:
        certificate = f"gap={self.gap:.3g}" if self.certificate == "gap" else f"violation={self.violation:.3g}"
        return (
            f"{type(self).__name__}(solver={self.solver!r}, converged={self.converged}, "
            f"objective={self.objective:.6g}, {certificate}, n_iter={self.n_iter}, n_passes={self.n_passes:.3g}, "
            f"{_sizes('coef', self.coef)})"
        )

    @property
    def relative_gap(self) -> float:
        """The gap over the objective at zero."""
        return self.gap / self.null_objective if self.null_objective > 0 else self.gap


def as_arrays(result: Result) -> dict:
    """Return the fields of a result that `numpy.savez` takes: all but the history."""
    return {one.name: getattr(result, one.name) for one in fields(Result) if one.name != "history"}


def as_result(arrays) -> Result:
    """Return the result of which these are the fields."""
    kinds: dict[str, Callable] = {"converged": bool, "n_iter": int, "solver": str, "certificate": str}
    found = {one.name: arrays[one.name] for one in fields(Result) if one.name in arrays}
    found = {name: kinds[name](value) if name in kinds else _number(value) for name, value in found.items()}
    return Result(**found)


def _sizes(name, coefs) -> str:
    """Say how many coefficients there are, instead of the thousands themselves."""
    return f"{name}: {np.count_nonzero(coefs)} of {' x '.join(map(str, np.shape(coefs)))} not zero"


def _number(value):
    return float(value) if np.ndim(value) == 0 else value


@dataclass(frozen=True)
class PathResult:
    """Solutions along decreasing alphas, each with its own certificate.

    Attributes
    ----------
    alphas : ndarray of shape (k,)
    coefs : ndarray of shape (k, p) or (k, p, K)
    intercepts : ndarray of shape (k,) or (k, K)
    gaps, objectives : ndarray of shape (k,)
    converged : ndarray of bool, shape (k,)
    null_objective : float
        Objective at zero coefficients, the scale of `tol`.
    n_passes : float
        How many times all of X was read for the whole path; reading some columns counts by their share. Of a path that
        went on from a checkpoint, what was read since then.
    n_iter : int
        Rounds of certification.
    violations : ndarray of shape (k,) or None
        Where the penalty is not convex, the certificate instead of the gaps; see :class:`Result`.
    n_restored : int
        Alphas that came from a checkpoint.
    """

    alphas: NDArray[np.float64]
    coefs: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    gaps: NDArray[np.float64]
    objectives: NDArray[np.float64]
    converged: NDArray[np.bool_]
    null_objective: float
    n_passes: float
    n_iter: int
    violations: NDArray[np.float64] | None = None
    n_restored: int = 0

    def __repr__(self) -> str:
        worst = np.max(self.gaps if self.violations is None else self.violations, initial=0.0)
        return (
            f"{type(self).__name__}({len(self.alphas)} alphas, {np.count_nonzero(self.converged)} converged, "
            f"worst {'gap' if self.violations is None else 'violation'}={worst:.3g}, n_iter={self.n_iter}, "
            f"n_passes={self.n_passes:.3g}, {_sizes('coefs', self.coefs)})"
        )
