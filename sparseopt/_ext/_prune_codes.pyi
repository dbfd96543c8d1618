import numpy as np
from numpy.typing import NDArray

def pursue(
    G: NDArray[np.float64],
    targets: NDArray[np.float64],
    s: int,
    codes: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
