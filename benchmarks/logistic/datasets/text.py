from benchmark_utils.datasets import Text


class Dataset(Text):
    name = "text"
