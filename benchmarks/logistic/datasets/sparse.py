from benchmark_utils.datasets import Sparse


class Dataset(Sparse):
    name = "sparse"
