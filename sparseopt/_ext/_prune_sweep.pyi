import numpy as np
from numpy.typing import NDArray

def nm_mask(
    score: NDArray[np.float64], keep: int, group: int, mask: NDArray[np.uint8], n_threads: int = 1
) -> None: ...
def sweep_block(
    U: NDArray[np.float64],
    first: int,
    W: NDArray[np.float64],
    mask: NDArray[np.uint8],
    error: NDArray[np.float64],
    score: NDArray[np.float64],
    keep: int,
    group: int,
    n_threads: int = 1,
) -> None: ...
