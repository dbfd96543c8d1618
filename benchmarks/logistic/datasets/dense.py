from benchmark_utils.datasets import Dense


class Dataset(Dense):
    name = "dense"
