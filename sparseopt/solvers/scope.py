"""Which problems each solver takes, apart from the solvers: choosing one loads none of the others.

Each function returns None, or the reason why its solver cannot take the problem.
"""

from __future__ import annotations

import numpy as np

from ..problem import Problem, penalties

SMOOTH = ("logistic", "multinomial", "poisson", "huber")
CVXPY_LOSSES = ("squared", *SMOOTH)


def working_set(problem: Problem) -> str | None:
    """Columns of an L1 or elastic-net penalty."""
    if reason := _needs_squared(problem) or _needs_one_output(problem):
        return reason
    if not isinstance(problem.penalty, penalties.ElasticNet):
        return f"needs an L1 or elastic-net penalty, got {_kind(problem.penalty)}"
    return None


def pays(name: str, problem: Problem) -> bool:
    """Whether a solver that takes a problem is worth its steps: Newton steps on groups are long, but send little."""
    return name != "prox_newton" or problem.ranks.several or not isinstance(problem.penalty, penalties.Group)


def prox_newton(problem: Problem) -> str | None:
    """Smooth losses; rounds end when a gap is small."""
    if not problem.loss.has_conjugate:
        return f"needs a loss with a conjugate, got {_kind(problem.loss)}"
    if isinstance(problem.penalty, penalties.Group):
        if problem.loss.name not in SMOOTH:
            return f"takes penalties on groups with the losses {', '.join(SMOOTH)}, got {_kind(problem.loss)}"
        return "needs a penalty on every group" if problem.penalty.unpenalised().size else None
    if not isinstance(problem.penalty, penalties.ElasticNet):
        return f"needs an L1, elastic-net, row-group or group penalty, got {_kind(problem.penalty)}"
    return None


def group_working_set(problem: Problem) -> str | None:
    """Groups of columns, and rows of coefficients for several outputs."""
    if reason := _needs_squared(problem):
        return reason
    penalty = problem.penalty
    if not isinstance(penalty, (penalties.Group, penalties.RowGroup)):
        return f"needs a penalty on groups, got {_kind(penalty)}"
    if problem.y.ndim == 2 and isinstance(penalty, penalties.SparseGroup) and penalty.l1_ratio > 0.0:
        return "needs a single output for a sparse-group penalty"
    return None


def coordinate_descent(problem: Problem) -> str | None:
    """Separable penalties that need not be convex."""
    if reason := _needs_squared(problem) or _needs_one_output(problem):
        return reason
    if not isinstance(problem.penalty, penalties.SeparablePenalty):
        return f"needs one of the penalties CEL0, L0, Lq, MCP, SCAD, got {_kind(problem.penalty)}"
    return None


def best_subset(problem: Problem) -> str | None:
    """A bound on the number of coefficients."""
    if reason := _needs_squared(problem) or _needs_one_output(problem):
        return reason
    if not isinstance(problem.penalty, penalties.TopK):
        return f"needs the penalty TopK, got {_kind(problem.penalty)}"
    return None


def prox_gradient(problem: Problem) -> str | None:
    """All that have a design."""
    return "needs a design; for a quadratic use block_coordinate_descent" if problem.design is None else None


def cvxpy(problem: Problem) -> str | None:
    """Convex problems that CVXPY can express."""
    if problem.loss.name not in CVXPY_LOSSES:
        return f"knows the losses {', '.join(CVXPY_LOSSES)}, got {_kind(problem.loss)}"
    if not getattr(problem.penalty, "convex", False):
        return f"needs a convex penalty, got {_kind(problem.penalty)}"
    known = isinstance(problem.penalty, (penalties.ElasticNet, penalties.Group, penalties.Box))
    if not known and not hasattr(problem.penalty, "cvxpy_expression"):
        return f"the penalty {_kind(problem.penalty)} has no cvxpy_expression()"
    return None


def _needs_squared(problem: Problem) -> str | None:
    squared = getattr(problem.loss, "name", None) == "squared"
    return None if squared else f"needs the squared loss, got {_kind(problem.loss)}"


def _needs_one_output(problem: Problem) -> str | None:
    return None if np.ndim(problem.y) == 1 else f"needs one output, y has shape {problem.y.shape}"


def _kind(thing) -> str:
    """Return the name of its class: all of its parameters take longer to write than a small problem takes to solve."""
    return type(getattr(thing, "inner", thing)).__name__  # a loss of the user is wrapped
