import numpy as np
from numpy.typing import NDArray

def refit_rows(
    G: NDArray[np.float64],
    B: NDArray[np.float64],
    mask: NDArray[np.uint8],
    V: NDArray[np.float64],
    n_threads: int = 1,
) -> int: ...
def obc_rows(
    inverse: NDArray[np.float64],
    W: NDArray[np.float64],
    steps: NDArray[np.intp],
    group: int,
    keep: int,
    order: NDArray[np.intp],
    loss: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
def threshold_rows(
    G: NDArray[np.float64],
    lam: float,
    V: NDArray[np.float64],
    Q: NDArray[np.float64],
    tol: float,
    sweeps: int,
    n_threads: int = 1,
) -> int: ...
