from benchmark_utils.datasets import Genotype


class Dataset(Genotype):
    name = "genotype"
