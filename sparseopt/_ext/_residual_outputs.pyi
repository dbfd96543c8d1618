import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

class ResidualOutputs:
    def __init__(
        self, X, cols: Indices, outputs: Indices, curvature: Floats, lam: Floats, mu: float, positive: bool,
        H: Floats, scale: Floats, cross: Floats, root: Floats, w: Floats, theta: Floats,
    ) -> None: ...  # fmt: skip
    def run(self, tol: float, max_sweeps: int) -> tuple[float, int, bool]: ...

class ResidualRows(ResidualOutputs): ...
