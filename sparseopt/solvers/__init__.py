"""How problems are solved: one family of algorithms per file, all returning a `Result`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names

_HOME = {
    "BCDResult": ".bcd",
    "PathResult": ".result",
    "Result": ".result",
    "available_solvers": ".registry",
    "block_coordinate_descent": ".bcd",
    "register": ".registry",
    "solution_path": ".path",
    "solve": ".registry",
    "solve_path": ".path",
}

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

if TYPE_CHECKING:
    from .bcd import BCDResult, block_coordinate_descent
    from .path import solution_path, solve_path
    from .registry import available_solvers, register, solve
    from .result import PathResult, Result

__getattr__ = lazy_names(globals(), _HOME)
