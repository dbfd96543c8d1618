"""How problems are solved: one family of algorithms per file, all returning a `Result`."""

from . import working_set  # noqa: F401  (registers itself)
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
