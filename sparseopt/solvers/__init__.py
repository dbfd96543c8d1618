"""How problems are solved: one family of algorithms per file, all returning a `Result`."""

from . import best_subset, coordinate_descent, prox_gradient, working_set  # noqa: F401  (register themselves)
from .path import solution_path, solve_path
from .registry import available_solvers, register, solve
from .result import PathResult, Result

__all__ = ["PathResult", "Result", "available_solvers", "register", "solution_path", "solve", "solve_path"]
