"""The published 784-40-20-10 network on MNIST, where a folder with both is named by SPARSEOPT_DATA."""

import os
from pathlib import Path

import numpy as np
import pytest

from sparseopt.bridge import compress

FOLDER = Path(os.environ.get("SPARSEOPT_DATA", "/nowhere"))
pytestmark = pytest.mark.skipif(
    not (FOLDER / "mnist.npz").is_file() or not (FOLDER / "mlpnet_dense.npz").is_file(),
    reason="SPARSEOPT_DATA names no folder with mnist.npz and mlpnet_dense.npz",
)


@pytest.fixture(scope="module")
def mnist():
    images, weights = np.load(FOLDER / "mnist.npz"), np.load(FOLDER / "mlpnet_dense.npz")

    def rows(X):
        return (X.reshape(len(X), -1).astype(np.float32) / 255.0 - 0.1307) / 0.3081

    net = [(weights["fc1"], None, "relu"), (weights["fc2"], None, "relu"), (weights["fc3"], None, None)]
    chosen = np.random.default_rng(0).permutation(60_000)[:10_000]
    X_test, y_test = rows(images["Xt"]), images["yt"]

    def accuracy(network):
        return 100.0 * np.mean(network.outputs(X_test).argmax(axis=1) == y_test)

    return net, rows(images["X"][chosen]), accuracy


def test_dense(mnist):
    net, X, accuracy = mnist
    assert accuracy(compress(net, X, sparsity=0.0).network) == pytest.approx(93.97)


@pytest.mark.parametrize(
    "sparsity, known",
    [(0.5, 93.93), (0.6, 93.78), (0.7, 93.62), (0.8, 92.89), (0.9, 90.30), (0.95, 83.64), (0.98, 32.25)],
)
def test_global_magnitude_is_what_is_known_of_this_network(mnist, sparsity, known):
    net, X, accuracy = mnist
    result = compress(net, X, method="magnitude", sparsity=sparsity, allocate="global_magnitude")
    assert accuracy(result.network) == pytest.approx(known, abs=0.03)


@pytest.mark.parametrize(
    "method, sparsity, least", [("admm", 0.9, 93.2), ("admm", 0.95, 91.4), ("obc", 0.98, 82.0), ("admm", 0.98, 82.0)]
)
def test_accuracy_without_training(mnist, method, sparsity, least):
    net, X, accuracy = mnist
    assert accuracy(compress(net, X, method=method, sparsity=sparsity).network) >= least


def test_sequential_is_better_at_the_extreme(mnist):
    net, X, accuracy = mnist
    assert accuracy(compress(net, X, method="obc", sparsity=0.98, sequential=True).network) >= 86.0
