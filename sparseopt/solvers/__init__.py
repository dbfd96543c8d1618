"""How problems are solved: one family of algorithms per file, all returning a `Result`."""

from . import working_set  # noqa: F401, I001  (the order of registration is the order of preference)
from . import prox_newton  # noqa: F401
from . import cvxpy_reference  # noqa: F401
from .path import solution_path, solve_path
from .registry import available_solvers, register, solve
from .result import PathResult, Result

__all__ = ["PathResult", "Result", "available_solvers", "register", "solution_path", "solve", "solve_path"]
