import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

def chains(
    llr: Vector,
    ext: Vector,
    post: Vector,
    stats: Vector,
    length: int,
    step: int,
    p01: float,
    p10: float,
    first: float,
    n_threads: int = 1,
) -> None: ...
def tree(
    llr: Vector,
    parent: NDArray[np.intp],
    order: NDArray[np.intp],
    ext: Vector,
    post: Vector,
    message: Vector,
    stats: Vector,
    p01: float,
    p10: float,
    first: float,
) -> None: ...
def flood(
    llr: Vector, old: Vector, new: Vector, bias: float, weights: Vector, damping: float, n_threads: int = 1
) -> float: ...
