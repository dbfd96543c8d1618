from benchmark_utils.datasets import Tiny


class Dataset(Tiny):
    name = "tiny"
