import numpy as np
from numpy.typing import NDArray

def products(Z: NDArray[np.float64], B: NDArray[np.float64], out: NDArray[np.float64], n_threads: int = 1) -> None: ...
def square_norms(Z: NDArray[np.float64], out: NDArray[np.float64], n_threads: int = 1) -> None: ...
def step(
    Z: NDArray[np.float64],
    q: NDArray[np.float64],
    t: float,
    guard: float,
    alive: NDArray[np.uint8],
    norms: NDArray[np.float64],
    slopes: NDArray[np.float64],
    base: NDArray[np.float64],
    stale: NDArray[np.uint8],
    n_threads: int = 1,
) -> int: ...
def best(
    alive: NDArray[np.uint8],
    norms: NDArray[np.float64],
    slopes: NDArray[np.float64],
    first: NDArray[np.float64],
    scale: NDArray[np.float64],
    floor: float,
) -> tuple[int, float]: ...
def refresh(
    Z: NDArray[np.float64],
    Q: NDArray[np.float64],
    r: NDArray[np.float64],
    cols: NDArray[np.intp],
    norms: NDArray[np.float64],
    slopes: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
