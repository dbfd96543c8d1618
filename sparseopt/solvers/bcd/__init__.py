"""Block coordinate descent with every partition, selection and update rule of the literature."""

from .driver import block_coordinate_descent
from .result import BCDResult

__all__ = ["BCDResult", "block_coordinate_descent"]
