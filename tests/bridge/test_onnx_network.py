"""The ONNX adapter: rows are what nodes multiply, weights land in the graph, units go where the graph allows it."""

import numpy as np
import pytest
from scipy import signal

from sparseopt.bridge import as_network, compress, load, save
from sparseopt.bridge.im2col import im2col
from sparseopt.exceptions import InvalidProblemError

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


def rng():
    return np.random.default_rng(0)


def graph(nodes, arrays, shape, kind=onnx.TensorProto.FLOAT, rank=2):
    arrays = [numpy_helper.from_array(np.asarray(value, dtype="f4"), name) for name, value in arrays.items()]
    x = helper.make_tensor_value_info("x", kind, shape)
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [f"y{axis}" for axis in range(rank)])
    made = helper.make_graph([helper.make_node(*node[:3], **node[3]) for node in nodes], "g", [x], [y], arrays)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])


def perceptron():
    r = rng().standard_normal
    return graph(
        [
            ("Gemm", ["x", "w1", "b1"], ["h1"], {"transB": 1}), ("Relu", ["h1"], ["a1"], {}),
            ("Gemm", ["a1", "w2", "b2"], ["h2"], {}), ("Tanh", ["h2"], ["a2"], {}),
            ("MatMul", ["a2", "w3"], ["h3"], {}), ("Add", ["b3", "h3"], ["s3"], {}), ("Sigmoid", ["s3"], ["a3"], {}),
            ("MatMul", ["a3", "w4"], ["y"], {}),
        ],
        {"w1": r((8, 5)), "b1": r(8), "w2": r((8, 7)), "b2": r(7), "w3": r((7, 6)), "b3": r(6), "w4": r((6, 3))},
        ["n", 5],
    )  # fmt: skip


def convolutional():
    r = rng().standard_normal
    return graph(
        [
            ("Conv", ["x", "k1", "c1"], ["h1"], {"pads": [1, 1, 1, 1]}),
            ("BatchNormalization", ["h1", "s", "o", "m", "v"], ["n1"], {}), ("Relu", ["n1"], ["a1"], {}),
            ("MaxPool", ["a1"], ["p1"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("Conv", ["p1", "k2"], ["h2"], {}), ("Relu", ["h2"], ["a2"], {}), ("Flatten", ["a2"], ["f"], {}),
            ("Gemm", ["f", "w", "b"], ["y"], {"transB": 1}),
        ],
        {
            "k1": r((6, 1, 3, 3)), "c1": r(6), "s": r(6), "o": r(6), "m": r(6), "v": rng().random(6) + 0.5,
            "k2": r((8, 6, 3, 3)), "w": r((4, 72)), "b": r(4),
        },
        ["n", 1, 10, 10],
    )  # fmt: skip


def test_layers_of_all_kinds_of_products():
    network = as_network(perceptron())
    layers = network.layers()
    assert [(l.name, l.kind, l.weight.shape, l.shape) for l in layers] == [
        ("w1", "linear", (8, 5), (8, 5)), ("w2", "linear", (7, 8), (8, 7)),
        ("w3", "linear", (6, 7), (7, 6)), ("w4", "linear", (3, 6), (6, 3)),
    ]  # fmt: skip
    x = rng().standard_normal((9, 5))
    rows = network.inputs(["w1", "w2", "w3", "w4"], x)
    np.testing.assert_array_equal(rows["w1"], x.astype("f4"))
    for before, after, activation in zip(layers[:2], layers[1:3], (lambda z: np.maximum(z, 0), np.tanh), strict=True):
        expected = activation(rows[before.name] @ before.weight.T + before.bias)
        np.testing.assert_allclose(rows[after.name], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network.outputs(x), rows["w4"] @ layers[3].weight.T, rtol=1e-4, atol=1e-5)


CONVOLUTIONS = [
    dict(), dict(pads=[1, 0, 2, 1]), dict(strides=[2, 1]), dict(dilations=[2, 1], pads=[1, 1, 1, 1]), dict(group=2),
    dict(auto_pad="SAME_UPPER", strides=[2, 2]), dict(auto_pad="SAME_LOWER", strides=[2, 1]), dict(auto_pad="VALID"),
]  # fmt: skip


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("axes", [1, 2])
def test_rows_of_convolutions(options, axes):
    options = {
        k: v[:axes] if k in ("strides", "dilations") else v[:axes] + v[2 : 2 + axes] if k == "pads" else v
        for k, v in options.items()
    }
    kernel, groups = (2, 3)[:axes], options.get("group", 1)
    weight, bias = rng().standard_normal((6, 4 // groups, *kernel)), rng().standard_normal(6)
    model = graph(
        [("Conv", ["x", "k", "c"], ["y"], options)], {"k": weight, "c": bias}, ["n", 4, *(9, 8)[:axes]], rank=2 + axes
    )
    network, x = as_network(model), rng().standard_normal((3, 4, *(9, 8)[:axes]))
    layers = network.layers()
    assert len(layers) == groups
    rows = network.inputs([layer.name for layer in layers], x)
    ours = np.concatenate([rows[layer.name] @ layer.weight.T + layer.bias for layer in layers], axis=1)
    theirs = network.outputs(x).reshape(3, 6, -1).transpose(0, 2, 1).reshape(-1, 6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    network.set_weight(layers[-1].name, np.zeros_like(layers[-1].weight), np.zeros_like(layers[-1].bias))
    changed = network.outputs(x).reshape(3, 6, -1)
    np.testing.assert_array_equal(changed[:, -len(layers[-1].weight) :], 0.0)
    assert groups == 1 or np.abs(changed[:, :3]).max() > 0.1


def test_patches_against_correlation():
    x, kernel = rng().standard_normal((2, 3, 7, 6)), rng().standard_normal((3, 2, 3))
    patches = im2col(x, [2, 3], [1, 1], [0, 0, 0, 0], [1, 1])
    expected = [sum(signal.correlate2d(image[c], kernel[c], "valid") for c in range(3)).ravel() for image in x]
    np.testing.assert_allclose(patches @ kernel.ravel(), np.concatenate(expected))


def test_embeddings_and_shared_weights():
    table = rng().standard_normal((9, 4)).astype("f4")
    model = graph(
        [("Gather", ["t", "x"], ["e"], {}), ("MatMul", ["e", "w"], ["h"], {}), ("MatMul", ["h", "w"], ["y"], {})],
        {"t": table, "w": np.eye(4)}, ["n", 3], onnx.TensorProto.INT64, rank=3,
    )  # fmt: skip
    network = as_network(model)
    assert [(l.name, l.kind, l.weight.shape) for l in network.layers()] == [
        ("t", "embedding", (4, 9)),
        ("w", "linear", (4, 4)),
    ]
    words = np.array([[1, 2, 8], [0, 0, 3]])
    rows = network.inputs(["t", "w"], {"x": words})
    np.testing.assert_array_equal(rows["t"], words.ravel())
    assert rows["w"].shape == (12, 4) and network.producer("w") is None
    tied = graph(
        [("Gather", ["t", "x"], ["e"], {}), ("MatMul", ["e", "t"], ["y"], {})], {"t": np.ones((4, 4))}, ["n"], 7
    )
    with pytest.raises(ValueError, match="no layers"):
        compress(as_network(tied), [np.array([1])])


@pytest.mark.parametrize(
    ("make", "shape", "producers"),
    [
        (perceptron, (9, 5), {"w2": ("w1", 1), "w3": ("w2", 1), "w4": ("w3", 1)}),
        (convolutional, (3, 1, 10, 10), {"k2": ("k1", 9), "w": ("k2", 9)}),
    ],
)
def test_a_smaller_graph_answers_as_one_whose_weights_are_zero(make, shape, producers):
    x = rng().standard_normal(shape)
    for name, (producer, per_unit) in producers.items():
        network = as_network(make())
        assert {l.name: network.producer(l.name) for l in network.layers() if network.producer(l.name)} == producers
        weight = {layer.name: layer for layer in network.layers()}[name].weight.copy()
        n = weight.shape[1] // per_unit
        keep = np.arange(n) % 3 > 0
        weight.reshape(len(weight), n, per_unit)[:, ~keep] = 0.0
        network.set_weight(name, weight)
        before = network.outputs(x)
        network.remove_units(name, keep)
        np.testing.assert_allclose(network.outputs(x), before, rtol=1e-4, atol=1e-5)
        onnx.checker.check_model(network.model, full_check=True)
        sizes = {layer.name: layer.weight.shape for layer in network.layers()}
        assert sizes[producer][0] == keep.sum() and sizes[name][1] == keep.sum() * per_unit


def test_units_stay_where_something_else_reads_them():
    r = rng().standard_normal
    arrays = {"w1": r((5, 5)), "w2": r((5, 5)), "k": r((3, 1, 1, 1)), "w": r((4, 2))}
    skip = [
        ("MatMul", ["x", "w1"], ["h"], {}), ("Relu", ["h"], ["a"], {}), ("MatMul", ["a", "w2"], ["s"], {}),
        ("Add", ["s", "h"], ["y"], {}),
    ]  # fmt: skip
    network = as_network(graph(skip, {k: arrays[k] for k in ("w1", "w2")}, ["n", 5]))
    assert network.producer("w2") is None
    with pytest.raises(InvalidProblemError, match="no units can be removed before layer 'w2'"):
        network.remove_units("w2", np.arange(2))
    along = [("Conv", ["x", "k"], ["h"], {}), ("MatMul", ["h", "w"], ["y"], {})]  # the last axis, not the channels
    assert as_network(graph(along, {k: arrays[k] for k in ("k", "w")}, ["n", 1, 4, 4], rank=4)).producer("w") is None


def test_compression_leaves_the_model_and_its_file_restores_the_result(tmp_path):
    model = convolutional()
    before = model.SerializeToString()
    x = rng().standard_normal((200, 1, 10, 10))
    result = compress(model, x, sparsity=0.5, method="wanda")
    assert model.SerializeToString() == before and abs(result.report.sparsity - 0.5) < 0.01
    save(tmp_path / "a", result)
    again = load(tmp_path / "a", model)
    np.testing.assert_array_equal(as_network(again).outputs(x[:5]), result.network.outputs(x[:5]))
    small = compress(model, x, sparsity=0.5, method="magnitude", pattern="neuron", allocate="uniform")
    save(tmp_path / "b", small)
    np.testing.assert_array_equal(as_network(load(tmp_path / "b", model)).outputs(x[:5]), small.network.outputs(x[:5]))


def test_files(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(perceptron(), path)
    result = compress(path, rng().standard_normal((50, 5)), sparsity=0.5, sequential=True)
    assert isinstance(result.model, onnx.ModelProto)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidProblemError, match="no valid ONNX"):
        as_network(path)
    path.write_bytes(b"\x80\x05nonsense")
    with pytest.raises(InvalidProblemError, match="no valid ONNX"):
        as_network(path)
    with pytest.raises(FileNotFoundError):
        as_network(tmp_path / "other.onnx")


def test_bad_calls():
    network = as_network(perceptron())
    with pytest.raises(ValueError, match="no layer 'b1'"):
        network.set_weight("b1", np.zeros(8))
    with pytest.raises(InvalidProblemError, match=r"has a matrix \(7, 8\), got \(8, 7\)"):
        network.set_weight("w2", np.zeros((8, 7)))
    with pytest.raises(InvalidProblemError, match="has no bias"):
        network.set_weight("w3", np.zeros((6, 7)), np.zeros(6))
    with pytest.raises(InvalidProblemError, match=r"shape \[3, 9\] does not run through the model"):
        network.outputs(np.ones((3, 9), dtype=np.float32))
    with pytest.raises(InvalidProblemError, match=r"takes the inputs \['x'\], the batch gives \[\]"):
        network.outputs({"z": np.zeros((2, 5))})
    broken = perceptron()
    broken.graph.node[0].op_type = "NoSuchThing"
    with pytest.raises(InvalidProblemError, match="no valid ONNX model"):
        as_network(broken)


def test_products_that_are_no_layers_are_named_where_asked_for():
    kernel = rng().standard_normal((3, 2, 3, 3))
    net = graph([("ConvTranspose", ["x", "k"], ["y"], {})], {"k": kernel}, ["n", 3, 5, 5])
    with pytest.raises(ValueError, match=r"no layers to compress: .*; it has 'k' \(ConvTranspose\)"):
        compress(net, np.ones((4, 3, 5, 5), dtype=np.float32))
