from benchmark_utils.datasets import Classes


class Dataset(Classes):
    name = "classes"
