from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def solve(
    dictionaries: list,
    Y: NDArray[np.float64] | NDArray[np.complex128],
    variances: list,
    s2: NDArray[np.float64],
    coupling: Sequence[float] | NDArray[np.float64],
    prune: Sequence[float] | NDArray[np.float64],
    *,
    max_iter: int,
    min_iter: int,
    tol: float,
    cost_tol: float,
    learn_noise: bool,
    floor: float,
    fast: bool,
    refine: bool,
    evidence: float,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intc], NDArray[np.intc]]: ...
def posterior(
    dictionaries: list,
    Y: NDArray[np.float64] | NDArray[np.complex128],
    variances: list,
    s2: NDArray[np.float64],
    offsets: NDArray[np.intp],
    mean: NDArray[np.float64] | NDArray[np.complex128],
    var: NDArray[np.float64],
    n_threads: int,
) -> NDArray[np.float64]: ...
