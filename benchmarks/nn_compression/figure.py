"""Accuracy and functional error of compressed networks against their size, for all methods."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import time
from functools import cache, partial
from importlib.util import find_spec

import numpy as np
from common import curves
from common.figures import main, versus
from nn_layers import layer_rows

BASELINES = {"magnitude": "sparseopt", "wanda": "sparseopt", "sparsegpt": "sparseopt", "random": None}
METHODS = ("magnitude", "wanda", "random", "refit", "sparsegpt", "obc", "iht", "best_subset", "l1", "admm")
SEEDS = 3  # of LeNet-300-100


def digits(seed):
    """Return a trained network, calibration rows, and a function that measures accuracy in percent."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = X[order] / 16.0, y[order]
    net = MLPClassifier((64, 32), max_iter=400, random_state=seed).fit(X[:1200], y[:1200])
    return net, X[:1200], lambda network: 100.0 * float(np.mean(network.score(X[1200:], y[1200:])))


def mlpnet(folder):
    """Return the published 784-40-20-10 network on MNIST, as `digits` does."""
    data, weights = np.load(folder / "mnist.npz"), np.load(folder / "mlpnet_dense.npz")
    mean, std = 0.1307, 0.3081
    X, Xt = ((data[name].astype(np.float64) / 255.0 - mean) / std for name in ("X", "Xt"))
    net = [(weights["fc1"], None, "relu"), (weights["fc2"], None, "relu"), (weights["fc3"], None, None)]

    def accuracy(layers):
        h = Xt
        for weight, _, activation in layers:
            h = h @ weight.T
            h = np.maximum(h, 0.0) if activation == "relu" else h
        return 100.0 * float(np.mean(h.argmax(axis=1) == data["yt"]))

    return net, X[:10_000], accuracy


def compute(quick, seed):
    """Yield one row for each network, sparsity and method."""
    for _, run in pieces(quick, seed):
        yield from run()


def pieces(quick, seed):
    """Yield (name, function that returns rows): what can be computed, and kept, one after the other."""
    yield "digits", partial(layerwise, "digits 64-64-32-10", lambda: digits(seed), (0.5, 0.7, 0.9, 0.95), METHODS, seed)
    if quick:
        return
    folder = Path(os.environ.get("SPARSEOPT_DATA", ""))
    if (folder / "mlpnet_dense.npz").is_file():
        for method in METHODS:
            for sparsity in (0.5, 0.7, 0.8, 0.9, 0.95, 0.98):
                run = partial(layerwise, "MLPNet, MNIST", partial(mlpnet, folder), (sparsity,), (method,), seed)
                yield f"MLPNet, {method}, {sparsity}", run
        yield "MLPNet, dense", partial(layerwise, "MLPNet, MNIST", partial(mlpnet, folder), (), (), seed)
    yield from transformer_pieces()
    if find_spec("torch"):
        yield "layers", lambda: list(layer_rows(seed))
        if (folder / "mnist.npz").is_file():
            for number in range(seed, seed + SEEDS):
                yield from lenet_pieces(folder, number)


def lenet_pieces(folder, seed):
    """Yield the dense network of a seed and its sparse successors; the dense one is trained once."""
    from nn_lenet import VARIANTS, Lenet

    lenet = cache(lambda: Lenet(folder, seed))
    yield f"LeNet {seed}, dense", lambda: [lenet().dense_row()]
    for name in VARIANTS:
        yield f"LeNet {seed}, {name}", lambda name=name: [lenet().row(name)]


def layerwise(problem, network, levels, methods, seed):
    """Yield rows of one network, compressed layer by layer without training."""
    from sparseopt.bridge import compress

    net, calibration, accuracy = network()
    if len(levels) != 1:
        yield dict(problem=f"{problem}, dense", solver="dense", network=problem, sparsity=0.0, accuracy=accuracy(net))
    for sparsity in levels:
        for method in methods:
            start = time.perf_counter()
            result = compress(net, calibration, method=method, sparsity=sparsity, random_state=seed)
            seconds = time.perf_counter() - start
            yield dict(
                problem=f"{problem}, {sparsity:.0%}", solver="sparseopt" if method == "admm" else method,
                network=problem, sparsity=sparsity, accuracy=accuracy(result.model), seconds=seconds,
                error=float(np.mean([row.error for row in result.report.layers])),
                certificate=float(max(row.stationarity for row in result.report.layers)),
                bytes=int(sum(row.bytes for row in result.report.layers)),
            )  # fmt: skip


def transformer_pieces():
    """Yield compressions of the sentence transformer, where its package is installed."""
    from nn_transformer import Fidelity, compress_row, folder

    if folder() is None:
        return
    fidelity = cache(lambda: Fidelity(n=768))

    def run(method, pattern):
        row = compress_row(fidelity(), method, pattern, 0.5, allocate="uniform")
        name = "sparseopt" if method == "admm" else method
        return [{**row, "problem": f"all-MiniLM-L6-v2, {pattern}", "solver": name, "network": "all-MiniLM-L6-v2"}]

    for pattern in ("unstructured", "2:4"):
        for method in ("magnitude", "wanda", "sparsegpt", "admm"):
            yield f"transformer, {method}, {pattern}", partial(run, method, pattern)


def verdicts(rows):
    """The default method beside masks and sweeps."""
    tested = [row for row in rows if row["solver"] != "dense" and "accuracy" in row]
    sentences = [row for row in rows if "cosine" in row]
    trained = [
        dict(row, problem=f"{row['problem']}, seed {row['seed']}") for row in rows
        if row.get("variant") in ("turbo_vbi, 60x", "magnitude, 60x")
    ]  # fmt: skip
    found = (
        versus(tested, "relative error of layers", "error", peers=BASELINES),
        versus(tested, "accuracy without training, percent", "accuracy", peers=BASELINES, better="higher"),
        versus(sentences, "cosine to the dense embedding, half of the weights", "cosine", better="higher",
               peers=("magnitude", "wanda", "sparsegpt")),
        versus(trained, "accuracy after training, 60 times smaller, percent", "accuracy_trained", better="higher",
               peers=("magnitude",)),
    )  # fmt: skip
    return [line for line in found if line]


def draw(rows):
    """Accuracy and error against the share of weights that went."""
    import matplotlib.pyplot as plt

    figures = {}
    for network in dict.fromkeys(row["network"] for row in rows if "accuracy" in row):
        mine = [row for row in rows if row["network"] == network and row["solver"] != "dense"]
        dense = next(row["accuracy"] for row in rows if row["network"] == network and row["solver"] == "dense")
        figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
        curves.lines(left, mine, "sparsity", "accuracy")
        left.axhline(dense, color="0.6", lw=0.8)
        left.set(xlabel="share of weights that went", ylabel="accuracy, percent", title=network)
        curves.lines(right, mine, "sparsity", "error")
        right.set(xlabel="share of weights that went", ylabel="mean relative error of layers", yscale="log")
        figure.legend(*left.get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
        figures["nn_" + network.split()[0].rstrip(",").lower()] = figure
    return figures


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
