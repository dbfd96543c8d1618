import numpy as np
from numpy.typing import NDArray

def sweep(
    X: NDArray[np.float64] | NDArray[np.float32],
    Y: NDArray[np.float64] | None,
    w: NDArray[np.float64] | None,
    Z: NDArray[np.float64],
    shift: NDArray[np.float64],
    n_threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
