"""Safetensors files with a list of layers, or a function, that says how they are connected."""

import numpy as np
import pytest

from sparseopt.bridge import as_network, compress, load, save
from sparseopt.bridge.safetensors_file import write_safetensors
from sparseopt.exceptions import InvalidProblemError


@pytest.fixture
def arrays():
    r = np.random.default_rng(0).standard_normal
    return {k: r(s).astype("f4") for k, s in {"w1": (8, 5), "b1": 8, "w2": (3, 8), "half": (3, 8)}.items()}


@pytest.fixture
def path(tmp_path, arrays):
    write_safetensors(tmp_path / "net.safetensors", arrays | {"half": arrays["half"].astype("f2"), "n": np.arange(3)})
    return tmp_path / "net.safetensors"


LAYERS = [("w1", "b1", "relu"), ("w2", None, None)]


def run(arrays, x):
    return np.maximum(x @ arrays["w1"].T + arrays["b1"], 0.0) @ arrays["w2"].T


def test_a_list_of_layers_makes_a_network(path, arrays, tmp_path):
    x = np.random.default_rng(1).standard_normal((60, 5)).astype("f4")
    network = as_network(path, layers=LAYERS)
    np.testing.assert_allclose(network.outputs(x), run(arrays, x), rtol=1e-5)
    result = compress(network, x, sparsity=0.5)
    np.testing.assert_allclose(result.network.outputs(x), run(result.model, x), rtol=1e-5)
    assert np.count_nonzero(result.model["w1"]) + np.count_nonzero(result.model["w2"]) == 32
    save(tmp_path / "small.safetensors", result)
    again = as_network(tmp_path / "small.safetensors", layers=LAYERS)
    np.testing.assert_array_equal(again.outputs(x), result.network.outputs(x))
    for name, value in result.model.items():
        np.testing.assert_array_equal(load(tmp_path / "small.safetensors")[name], value)


def test_a_function_makes_a_network(path, arrays):
    def forward(found, x, record):
        record("w1", x)
        h = np.tanh(x @ found["w1"].T)
        record("w2", h)
        return h @ found["w2"].T

    x = np.random.default_rng(1).standard_normal((60, 5)).astype("f4")
    network = as_network(path, layers=["w1", "w2"], forward=forward)
    assert network.inputs(["w2"], x)["w2"].shape == (60, 8)
    np.testing.assert_allclose(network.outputs(x), np.tanh(x @ arrays["w1"].T) @ arrays["w2"].T, rtol=1e-5)


def test_without_either_only_grams_are_taken(path):
    network = as_network(path)
    assert [layer.name for layer in network.layers()] == ["w1", "w2", "half"]
    assert network.layers()[2].weight.dtype == np.float32
    result = compress(network, {"w1": np.eye(5)}, layers=["w1"], sparsity=0.5)
    assert np.count_nonzero(result.model["w1"]) == 20
    with pytest.raises(InvalidProblemError, match="pass forward="):
        compress(network, np.zeros((4, 5)), layers=["w1"])


def test_bad_lists(path):
    for layers, error, message in [
        ([("w1", "b1")], TypeError, r"entry 0 of layers must be \(weight, bias, activation\)"),
        ([("w9", None, None)], ValueError, "no array 'w9' in the file"),
        ([("b1", None, None)], InvalidProblemError, "a matrix was expected"),
        ([("w2", "b1", None)], InvalidProblemError, r"has the shape \(8,\), expected \(3,\)"),
        ([("w1", None, "sine")], ValueError, "activation must be"),
        (["w9"], ValueError, "there is no array 'w9'"),
    ]:
        with pytest.raises(error, match=message):
            as_network(path, layers=layers)
    with pytest.raises(ValueError, match="not both"):
        as_network(path, layers=LAYERS, forward=run)
