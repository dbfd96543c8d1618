from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

def sweep_dense(
    A: NDArray[Any],
    norms2: Vector,
    rho: Vector,
    kappa: float,
    mu: NDArray[Any],
    r: NDArray[Any],
    backward: bool = False,
) -> None: ...
def sweep_csc(
    data: NDArray[Any],
    indices: NDArray[Any],
    indptr: NDArray[Any],
    center: Vector,
    weights: Vector,
    norms: Vector,
    norms2: Vector,
    rho: Vector,
    kappa: float,
    mu: Vector,
    u: Vector,
    shift: float,
    backward: bool = False,
) -> float: ...
