from benchmark_utils.datasets import Toeplitz


class Dataset(Toeplitz):
    name = "toeplitz"
