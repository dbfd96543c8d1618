"""How problems are solved: one family of algorithms per file, all returning a `Result`."""

from . import working_set  # noqa: F401, I001  (the order of registration is the order of preference)
from . import prox_newton  # noqa: F401
from . import group_working_set  # noqa: F401  (register themselves)
from . import coordinate_descent  # noqa: F401
from . import best_subset  # noqa: F401
from . import prox_gradient  # noqa: F401  (takes anything, and comes last)
from .bcd import BCDResult, block_coordinate_descent
from .path import solution_path, solve_path
from .registry import available_solvers, register, solve
from .result import PathResult, Result

__all__ = [
    "BCDResult",
    "PathResult",
    "Result",
    "available_solvers",
    "block_coordinate_descent",
    "register",
    "solution_path",
    "solve",
    "solve_path",
]
