"""The torch adapter: its rows are what layers multiply, what it writes is what runs, units go where they may."""

import copy

import numpy as np
import pytest
from scipy import sparse

from sparseopt.bridge import as_network, compress, load, save
from sparseopt.exceptions import InvalidProblemError

torch = pytest.importorskip("torch")
nn = torch.nn


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def batch(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("f4")


class Lenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.conv2, self.fc1, self.fc2 = nn.Conv2d(6, 8, 3), nn.Linear(72, 12), nn.Linear(12, 4)
        self.norm.running_mean.uniform_()

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.norm(self.conv1(x))), 2)
        x = nn.functional.gelu(self.conv2(x))
        return self.fc2(torch.relu_(self.fc1(x.view(x.size(0), -1))))


class Skips(nn.Module):
    """Every way in which units may not go: added, read twice, normalised across, shared, flattened wrongly."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(6, 6) for _ in range(4))
        self.norm, self.e, self.f = nn.LayerNorm(6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.f2, self.conv, self.last = nn.Linear(6, 3), nn.Conv1d(2, 3, 1), nn.Linear(3, 2)

    def forward(self, x):
        h = x + self.b(torch.relu(self.a(x)))
        h = self.d(torch.softmax(self.c(h), dim=1))
        h = self.e(self.norm(h))
        h = self.f(h) + self.f2(h)
        h = self.conv(h[:, None, :].repeat(1, 2, 1))  # its units are on axis 1, and the next layer reads axis 2
        return self.last(h)


CONVOLUTIONS = {
    "plain": (lambda: nn.Conv2d(3, 4, 3), (5, 3, 8, 9)),
    "stride and padding": (lambda: nn.Conv2d(3, 4, (2, 3), stride=(2, 1), padding=(1, 2)), (5, 3, 8, 9)),
    "dilation": (lambda: nn.Conv2d(3, 4, 3, dilation=(1, 2)), (5, 3, 8, 9)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2, padding=1), (5, 4, 8, 9)),
    "same": (lambda: nn.Conv2d(3, 4, (4, 3), padding="same"), (5, 3, 8, 9)),
    "circular": (lambda: nn.Conv2d(3, 4, 3, padding=2, padding_mode="circular"), (5, 3, 8, 9)),
    "one axis": (lambda: nn.Conv1d(3, 4, 3, stride=2, padding=2, dilation=2), (5, 3, 20)),
    "one axis, groups": (lambda: nn.Conv1d(4, 4, 3, groups=2, padding_mode="reflect", padding=1), (5, 4, 20)),
    "no bias": (lambda: nn.Conv2d(3, 4, 1, bias=False), (5, 3, 8, 9)),
    "not in a batch": (lambda: nn.Conv2d(3, 4, 3), (3, 8, 9)),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_rows_times_the_matrix_are_what_a_convolution_computes(case):
    make, shape = CONVOLUTIONS[case]
    module, x = make(), batch(*shape)
    network = as_network(module)
    layers = network.layers()
    rows = network.inputs([layer.name for layer in layers], x)
    ours = [rows[layer.name] @ layer.weight.T + (0 if layer.bias is None else layer.bias) for layer in layers]
    with torch.no_grad():
        theirs = module(torch.from_numpy(x))
    theirs = (
        theirs.reshape(-1, *theirs.shape[-module.weight.ndim + 1 :]).movedim(1, -1).reshape(-1, module.out_channels)
    )
    np.testing.assert_allclose(np.concatenate(ours, axis=1), theirs, rtol=1e-4, atol=1e-5)


def test_depthwise_convolutions_are_left_alone():
    assert [
        layer.name for layer in as_network(nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Linear(3, 3))).layers()
    ] == ["1"]


def test_linear_layers_embeddings_and_order():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first, self.table = nn.Linear(4, 2), nn.Linear(3, 4), nn.Embedding(7, 3)

        def forward(self, words, scale):
            return self.last(self.first(self.table(words))) * scale

    network = as_network(Backwards())
    words = np.array([[0, 1, 1], [6, 2, 3]])
    rows = network.inputs(["last", "first", "table"], (words, np.float32(2.0), "a label that is not needed"))
    assert list(rows) == ["table", "first", "last"] == [layer.name for layer in network.layers()]
    table, first, _ = network.layers()
    assert table.weight.shape == (3, 7) and table.kind == "embedding"
    np.testing.assert_array_equal(rows["table"], words.ravel())
    np.testing.assert_allclose(rows["first"], table.weight.T[words.ravel()])
    np.testing.assert_allclose(rows["last"], rows["first"] @ first.weight.T + first.bias, rtol=1e-5)


def test_padding_of_texts_does_not_count():
    class Texts(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.out = nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, input_ids, attention_mask):
            return {"nothing": None, "last_hidden_state": self.out(self.table(input_ids))}

    network = as_network(Texts())
    texts = {"input_ids": np.array([[1, 2, 0], [3, 4, 5]]), "attention_mask": np.array([[1, 1, 0], [1, 1, 1]])}
    rows = network.inputs(["table", "out"], texts)
    np.testing.assert_array_equal(rows["table"], [1, 2, 3, 4, 5])
    assert rows["out"].shape == (5, 4) and network.outputs(texts).shape == (2, 6)


def test_shared_weights_are_one_layer_with_the_inputs_of_all_and_stay_shared():
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Linear(3, 2))
    model[2].weight = model[0].weight
    network = as_network(model)
    assert [layer.name for layer in network.layers()] == ["0", "3"]
    assert network.inputs(["0"], batch(5, 3))["0"].shape == (10, 3)
    network.set_weight("0", np.eye(3))
    assert network.model[2].weight is network.model[0].weight
    torch.testing.assert_close(network.model[2].weight, torch.eye(3), check_dtype=True)
    tied = nn.ModuleDict({"table": nn.Embedding(4, 3), "out": nn.Linear(3, 4, bias=False), "other": nn.Linear(3, 3)})
    tied["out"].weight = tied["table"].weight
    assert [layer.name for layer in as_network(tied).layers()] == ["other"]


def test_the_users_model_and_all_modes_stay_as_they_are():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model[2].eval()
    before = copy.deepcopy(model.state_dict())
    network = as_network(model)
    first = network.outputs(batch(8, 4))
    np.testing.assert_array_equal(first, network.outputs(batch(8, 4)))  # no dropout
    network.inputs(["0", "3"], batch(8, 4))
    network.set_weight("0", np.zeros((4, 4)))
    for name, value in before.items():
        torch.testing.assert_close(model.state_dict()[name], value)
    assert [m.training for m in network.model.modules()] == [True, True, True, False, True]
    assert network.model[2].num_batches_tracked == 0
    assert all(not module._forward_pre_hooks for module in network.model.modules())
    assert all(p.requires_grad and p.grad is None for p in network.model.parameters())
    assert torch.is_grad_enabled()


def test_a_forward_pass_that_fails_leaves_no_hook_and_no_mode_behind():
    network = as_network(nn.Sequential(nn.Linear(4, 4)))
    with pytest.raises(InvalidProblemError):
        network.inputs(["0"], batch(3, 5))
    assert not network.model[0]._forward_pre_hooks and network.model.training


def test_half_precision():
    network = as_network(nn.Sequential(nn.Linear(4, 3)).to(torch.bfloat16))
    layer = network.layers()[0]
    assert layer.weight.dtype == layer.bias.dtype == np.float32
    rows = network.inputs(["0"], batch(5, 4))["0"]
    assert rows.dtype == np.float32
    np.testing.assert_allclose(network.outputs(batch(5, 4)), rows @ layer.weight.T + layer.bias, atol=0.02)
    network.set_weight("0", np.ones((3, 4)), np.zeros(3))
    assert network.model[0].weight.dtype == torch.bfloat16 and network.layers()[0].weight.sum() == 12.0


def test_units_that_only_one_layer_reads_are_found():
    network = as_network(Lenet())
    network.inputs([], batch(3, 1, 10, 10))
    assert {name: network.producer(name) for name in ("conv1", "conv2", "fc1", "fc2")} == {
        "conv1": None, "conv2": ("conv1", 9), "fc1": ("conv2", 9), "fc2": ("fc1", 1),
    }  # fmt: skip
    network = as_network(Skips())
    network.inputs([], batch(5, 6))
    found = {layer.name: network.producer(layer.name) for layer in network.layers()}
    assert {name for name, value in found.items() if value is not None} == {"b"} and found["b"] == ("a", 1)
    with pytest.raises(InvalidProblemError, match="no units can be removed before layer 'e'"):
        network.remove_units("e", np.arange(3))


@pytest.mark.parametrize("name", ["conv2", "fc1", "fc2"])
def test_a_smaller_network_answers_as_one_whose_weights_are_zero(name):
    network, x = as_network(Lenet()), batch(3, 1, 10, 10)
    network.inputs([], x)
    producer, per_unit = network.producer(name)
    weight = {layer.name: layer for layer in network.layers()}[name].weight.copy()
    n = weight.shape[1] // per_unit
    keep = np.random.default_rng(1).random(n) < 0.5
    weight.reshape(len(weight), n, per_unit)[:, ~keep] = 0.0
    network.set_weight(name, weight)
    before, n_before = network.outputs(x), sum(p.numel() for p in network.model.parameters())
    network.remove_units(name, keep)
    np.testing.assert_allclose(network.outputs(x), before, rtol=1e-5, atol=1e-6)
    assert sum(p.numel() for p in network.model.parameters()) < n_before
    layers = {layer.name: layer for layer in network.layers()}
    assert layers[name].weight.shape[1] == keep.sum() * per_unit and len(layers[producer].weight) == keep.sum()
    module = dict(network.model.named_modules())[producer]
    assert getattr(module, "out_features", None) or module.out_channels == keep.sum()
    network.model(torch.from_numpy(x)).sum().backward()  # still trains


def test_compression_and_a_file_of_it(tmp_path):
    model, x = Lenet(), batch(300, 1, 10, 10)
    result = compress(model, x, sparsity=0.6, method="wanda")
    assert abs(result.report.sparsity - 0.6) < 0.01
    save(tmp_path / "a.safetensors", result)
    again = load(tmp_path / "a.safetensors", Lenet())
    for name, value in result.model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    stored = load(tmp_path / "a.safetensors").stored
    sizes = {row.name: row.bytes for row in result.report.layers}
    assert sizes["fc1"] == stored["fc1.weight"].n_bytes


def test_neurons_go_and_the_file_restores_the_smaller_model(tmp_path):
    model, x = Lenet(), batch(300, 1, 10, 10)
    result = compress(model, x, sparsity=0.5, method="magnitude", pattern="neuron", allocate="uniform")
    small = result.model
    assert small.conv1.out_channels == 3 and small.norm.num_features == 3 and small.fc2.in_features == 6
    save(tmp_path / "a", result)
    again = load(tmp_path / "a", Lenet()).eval()
    with torch.no_grad():
        torch.testing.assert_close(again(torch.from_numpy(x)), small.eval()(torch.from_numpy(x)), rtol=0, atol=0)


def test_tied_arrays_are_stored_once(tmp_path):
    model = nn.Sequential(nn.Linear(30, 30, bias=False), nn.Tanh(), nn.Linear(30, 30, bias=False))
    model[2].weight = model[0].weight
    save(tmp_path / "a", model)
    assert (tmp_path / "a").stat().st_size < 1.5 * 3600
    again = load(tmp_path / "a", nn.Sequential(nn.Linear(30, 30, bias=False), nn.Tanh(), nn.Linear(30, 30, bias=False)))
    torch.testing.assert_close(again[2].weight, model[0].weight)


def test_files_of_another_model_are_refused(tmp_path):
    save(tmp_path / "a", nn.Linear(3, 3))
    with pytest.raises(InvalidProblemError, match="the file lacks arrays of the model: .*conv1"):
        load(tmp_path / "a", Lenet())
    with pytest.raises(InvalidProblemError, match="has arrays that the model lacks: .*bias"):
        load(tmp_path / "a", nn.Linear(3, 3, bias=False))


def test_layers_that_calibration_does_not_reach_are_named():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(InvalidProblemError, match="never reaches the layers .*spare"):
        compress(Unused(), batch(20, 4))
    assert compress(Unused(), batch(20, 4), exclude="spare").report.layers[0].name == "used"


def test_encoders_of_torch_run_through_their_layers():
    network = as_network(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    assert [layer.name for layer in network.layers()] == ["linear1", "linear2"]
    rows = network.inputs(["linear1", "linear2"], batch(3, 5, 8))
    assert {name: value.shape for name, value in rows.items()} == {"linear1": (15, 8), "linear2": (15, 16)}
    assert network.producer("linear2") == ("linear1", 1)
    assert torch.backends.mha.get_fastpath_enabled()


def test_models_that_cannot_be_compressed():
    pruned = nn.Linear(3, 3)
    pytest.importorskip("torch.nn.utils.prune").l1_unstructured(pruned, "weight", 0.5)
    lazy, meta, broken = nn.LazyLinear(3), nn.Linear(3, 3, device="meta"), nn.Linear(3, 3)
    with torch.no_grad():
        broken.weight[0, 0] = float("nan")
    whole = nn.Linear(3, 3)
    whole.weight = nn.Parameter(torch.ones(3, 3, dtype=torch.int8), requires_grad=False)
    for model, message in [
        (pruned, "computed from other arrays"), (lazy, "no weights yet"), (meta, "no weights yet"),
        (broken, "NaN or infinite"), (whole, "only floats"),
    ]:  # fmt: skip
        with pytest.raises(InvalidProblemError, match=message):
            as_network(model)


def test_bad_calls():
    network = as_network(nn.Linear(3, 2, bias=False))
    with pytest.raises(ValueError, match="no layer 'x'"):
        network.set_weight("x", np.zeros((2, 3)))
    with pytest.raises(InvalidProblemError, match=r"got a matrix of \(3, 2\)"):
        network.set_weight("", np.zeros((3, 2)))
    with pytest.raises(InvalidProblemError, match="has no bias"):
        network.set_weight("", np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(TypeError, match="a batch must be"):
        network.outputs("text")
    with pytest.raises(TypeError, match="forward must be callable"):
        as_network(nn.Linear(3, 2), forward=3)


def test_pickles_are_refused_unless_allowed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    model = nn.Linear(3, 2)
    torch.save(model.state_dict(), tmp_path / "good.pt")
    torch.save(Evil(), tmp_path / "evil.pt")
    with pytest.raises(InvalidProblemError, match="could run code when it is read.*allow_pickle=True"):
        as_network(tmp_path / "good.pt")
    with pytest.raises(InvalidProblemError, match="refuses it"):
        as_network(tmp_path / "evil.pt", allow_pickle=True)
    assert not (tmp_path / "ran").exists()
    layer = as_network(tmp_path / "good.pt", allow_pickle=True).layers()[0]
    np.testing.assert_array_equal(layer.weight, model.weight.detach())


def test_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    )  # fmt: skip
    model = transformers.BertModel(config)
    ids = np.random.default_rng(0).integers(0, 50, (40, 6))
    texts = [dict(input_ids=part, attention_mask=np.ones_like(part)) for part in (ids[:20], ids[20:])]
    result = compress(model, texts, sparsity=0.5, exclude=["embeddings.*", "pooler.*"])
    assert len(result.report.layers) == 12 and abs(result.report.sparsity - 0.5) < 0.01
    assert result.report.layers[0].n_rows == 240
    small = compress(model, texts, sparsity=0.5, pattern="neuron", method="magnitude", allocate="uniform").model
    assert small.encoder.layer[0].intermediate.dense.out_features == 12
    small(**{key: torch.from_numpy(value) for key, value in texts[0].items()})
    gpt = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_embd=12, n_layer=1, n_head=2, vocab_size=50, n_positions=9)
    )
    network = as_network(gpt)
    layers = {layer.name: layer for layer in network.layers()}
    assert layers["transformer.h.0.mlp.c_fc"].weight.shape == (48, 12)
    assert "lm_head" not in layers and "transformer.wte" not in layers  # one array, two kinds
    rows = network.inputs(["transformer.h.0.mlp.c_fc", "transformer.h.0.mlp.c_proj"], {"input_ids": ids})
    assert rows["transformer.h.0.mlp.c_proj"].shape == (240, 48)
    assert network.producer("transformer.h.0.mlp.c_proj") is None  # its activation reads the units three times


def test_calibration_of_another_width_is_named():
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(InvalidProblemError, match=r"calibration of shape \[20, 4\] does not run through the model"):
        compress(net, batch(20, 4), sparsity=0.5)


@pytest.mark.parametrize(
    "calibration, options, error, message",
    [
        (None, {}, TypeError, "calibration must be an array of samples"),
        ("rows.npy", {}, TypeError, "calibration must be an array of samples.*got str"),
        (np.ones((5, 4), dtype=int), {}, InvalidProblemError, r"shape \[5, 4\] does not run through the model.*dtype"),
        ([[0.0] * 4] * 5, {}, TypeError, "a batch that is a list must hold tensors or arrays"),
        (np.ones((5, 4)), dict(sparsty=0.5), TypeError, "unknown parameter 'sparsty'"),
        (np.ones((5, 4)), dict(layers=[("w", "b", "relu")]), TypeError, "layers must be names, got .*as_network"),
        (np.array([["a"] * 4]), {}, InvalidProblemError, "calibration must hold numbers, got <U1"),
        (sparse.csr_matrix(np.ones((5, 4))), {}, TypeError, r"must be dense, .*calibration.toarray\(\)"),
        (np.ones((5, 4)), dict(layers=5), TypeError, "layers must be names, got 5"),
        (np.ones((5, 4)), dict(random_state=-1), ValueError, "random_state must be an integer >= 0"),
        (np.ones((5, 4)), dict(random_state=None), TypeError, "random_state must be an integer, got None"),
        (np.ones((5, 4)), dict(fine_tune=3), TypeError, "fine_tune must be callable"),
        (np.ones((5, 4)), dict(checkpoint=__file__), ValueError, "checkpoint must be a folder"),
    ],
)
def test_what_compress_refuses(calibration, options, error, message):
    with pytest.raises(error, match=message):
        compress(nn.Linear(4, 3), calibration, **options)


@pytest.mark.parametrize(
    "model, kind",
    [
        (nn.LSTM(4, 3), "LSTM"), (nn.ConvTranspose2d(4, 6, 3), "ConvTranspose2d"), (nn.Conv3d(2, 3, 2), "Conv3d"),
        (nn.Conv2d(4, 4, 3, groups=4), "Conv2d"), (nn.Bilinear(4, 4, 2), "Bilinear"),
    ],
)  # fmt: skip
def test_models_without_layers_say_what_they_have(model, kind):
    with pytest.raises(ValueError, match=rf"no layers to compress: .*; it has '0' \({kind}\)"):
        compress(nn.Sequential(model, nn.ReLU()), np.ones((2, 5, 4)))


def test_parts_that_are_no_layers_are_left_alone_and_named_where_asked_for():
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ConvTranspose2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 0))
    x = batch(10, 2, 6, 6)
    with pytest.raises(ValueError, match="layers: '1' is a ConvTranspose2d, which is never compressed"):
        compress(net, x, layers=["1"])
    with pytest.raises(ValueError, match="layers: '3' is a Linear, which is never compressed"):  # it has no weights
        compress(net, x, layers=["3"])
    result = compress(net, x, sparsity=0.5)
    assert [row.name for row in result.report.layers] == ["0"]
    assert torch.equal(result.model[1].weight, net[1].weight)


def test_calibration_in_a_data_frame():
    frame = pytest.importorskip("pandas").DataFrame(batch(50, 4))
    net = nn.Linear(4, 3)
    np.testing.assert_array_equal(compress(net, frame).masks[""], compress(net, frame.to_numpy()).masks[""])


def test_images_without_layers_of_their_shape():
    images = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten())
    with pytest.raises(InvalidProblemError, match=r"shape \[7, 4\] does not run through the model"):
        compress(images, np.ones((7, 4)))
