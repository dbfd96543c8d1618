from benchmark_utils.datasets import Folder


class Dataset(Folder):
    name = "folder"
