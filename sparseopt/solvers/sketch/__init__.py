"""Least squares by random sketches of the rows, with a guarantee for every coefficient.

`kinds` applies a sketch, `row_sketch` keeps one of a stream, `rows` reads the data, `preconditioner` factors a sketch,
`iterate` and `direct` solve, `certificate` says how far the answer is from the exact one, `driver` puts them together.
"""

from .driver import LeastSquaresResult, solve_rows
from .hadamard import fwht
from .lstsq import lstsq_sketched
from .row_sketch import RowSketch
from .rows import Rows
from .size import sketch_size
from .tensor import TensorSRHT

__all__ = [
    "LeastSquaresResult",
    "RowSketch",
    "Rows",
    "TensorSRHT",
    "fwht",
    "lstsq_sketched",
    "sketch_size",
    "solve_rows",
]
