from benchmark_utils.datasets import Grouped


class Dataset(Grouped):
    name = "grouped"
