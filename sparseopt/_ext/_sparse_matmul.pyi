from numpy.typing import ArrayLike, NDArray

class SparseRows:
    n_outputs: int
    n_inputs: int
    def matmul(self, X: NDArray, Y: NDArray, n_threads: int = 1) -> None: ...

class CsrRows(SparseRows):
    def __init__(self, indptr: ArrayLike, indices: ArrayLike, values: ArrayLike, n_inputs: int) -> None: ...

class MaskRows(SparseRows):
    def __init__(self, mask: ArrayLike, values: ArrayLike, n_inputs: int) -> None: ...

class BlockRows(SparseRows):
    def __init__(self, indptr: ArrayLike, indices: ArrayLike, values: ArrayLike, n_inputs: int) -> None: ...
