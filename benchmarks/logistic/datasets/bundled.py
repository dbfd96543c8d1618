from benchmark_utils.datasets import Bundled


class Dataset(Bundled):
    name = "bundled"
