import numpy as np
from numpy.typing import NDArray

def gram(R: NDArray[np.float64], by_rows: bool, scale: float, M: NDArray[np.float64], n_threads: int = 1) -> None: ...
def coordinates(
    V: NDArray[np.float64],
    R: NDArray[np.float64],
    P: NDArray[np.float64],
    energy: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
def peel(
    V: NDArray[np.float64],
    U: NDArray[np.float64],
    R: NDArray[np.float64],
    P: NDArray[np.float64],
    a: NDArray[np.float64],
    inverse: NDArray[np.float64],
    floor: float,
    n_threads: int = 1,
) -> None: ...
