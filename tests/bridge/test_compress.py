"""Whole networks: budgets hold, reports tell the truth, nothing of the user's changes, and bad input is named."""

import json
import pickle
from copy import deepcopy

import numpy as np
import pytest

from sparseopt.bridge import CompressionReport, Gram, as_network, collect_gram, compress
from sparseopt.bridge import gram as gram_module
from sparseopt.exceptions import ConvergenceWarning, IncompatibleError, InvalidProblemError


def net(seed=0, widths=(8, 12, 10, 4)):
    rng = np.random.default_rng(seed)
    layers = [
        (rng.standard_normal((o, i)), rng.standard_normal(o), "relu") for i, o in zip(widths, widths[1:], strict=False)
    ]
    return [*layers[:-1], (*layers[-1][:2], None)]


def data(n=400, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 8)) @ (np.eye(8) + 0.4 * rng.standard_normal((8, 8)))


def inputs(model, X):
    flow = []
    for W, b, act in model:
        flow.append(X)
        X = X @ W.T + b
        X = np.maximum(X, 0.0) if act else X
    return flow, X


def test_report_is_what_the_data_say():
    model, X = net(), data()
    result = compress(model, X, sparsity=0.6)
    flow, out = inputs(model, X)
    assert result.report.n_nonzero == sum(np.count_nonzero(W) for W, _, _ in result.model)
    assert result.report.sparsity == pytest.approx(0.6, abs=0.01)
    for h, (W, _, _), (V, _, _), row in zip(flow, model, result.model, result.report.layers, strict=True):
        assert row.error == pytest.approx(np.sum((h @ (W - V).T) ** 2) / np.sum((h @ W.T) ** 2), rel=1e-6)
        assert row.n_nonzero == np.count_nonzero(V) == result.masks[row.name].sum()
        assert row.error <= row.error_mask and row.lower_bound <= row.objective
        assert row.n_rows == 400 and row.stationarity < 1e-10 and row.converged
    np.testing.assert_allclose(result.network.outputs(X), inputs(result.model, X)[1])


def test_nothing_of_the_users_changes(mlp, digits):
    before = pickle.dumps(mlp)
    result = compress(mlp, digits[0], sparsity=0.5, method="refit")
    assert pickle.dumps(mlp) == before
    assert type(result.model) is type(mlp) and result.model.score(digits[1], digits[3]) > 0.8
    model = net()
    kept = deepcopy(model)
    compress(model, data(), method="magnitude")
    assert all(
        np.array_equal(a, b)
        for one, two in zip(model, kept, strict=True)
        for a, b in zip(one[:2], two[:2], strict=True)
    )
    network = as_network(model)
    result = compress(network, data())
    assert result.network is not network and np.count_nonzero(network.layers()[0].weight) == 96


def test_digits_keep_their_accuracy(mlp, digits):
    X, X_test, _, y_test = digits
    dense = mlp.score(X_test, y_test)
    score = {
        m: compress(mlp, X, method=m, sparsity=0.7).model.score(X_test, y_test) for m in ("admm", "obc", "magnitude")
    }
    assert score["admm"] >= dense - 0.02 and score["obc"] >= dense - 0.02
    assert score["magnitude"] < min(score["admm"], score["obc"])


def test_budget_and_error():
    model, X = net(), data()
    assert compress(model, X, budget=77).report.n_nonzero == 77
    result = compress(model, X, error=0.05, method="obc")
    assert all(row.error <= 0.05 for row in result.report.layers)
    for row, (W, _, _) in zip(result.report.layers, model, strict=True):
        grams = collect_gram(model, X)
        fewer = compress({"w": W}, {"w": grams[row.name]}, budget=int(0.93 * row.n_nonzero), method="obc").report
        assert fewer.layers[0].error > 0.045
    loose, tight = (compress(model, X, error=e).report.n_nonzero for e in (0.2, 0.01))
    assert loose < tight


def test_sequential_sees_compressed_inputs():
    model, X = net(), data()
    plain = compress(model, X, sparsity=0.7)
    better = compress(model, X, sparsity=0.7, sequential=True)
    out = inputs(model, X)[1]
    error = [np.sum((inputs(r.model, X)[1] - out) ** 2) / np.sum(out**2) for r in (plain, better)]
    assert error[1] < error[0]
    dense, now = inputs(model, X)[0], inputs(better.model, X)[0]
    for g, h, (W, _, _), (V, _, _), row in zip(dense, now, model, better.model, better.report.layers, strict=True):
        assert row.error == pytest.approx(np.sum((g @ W.T - h @ V.T) ** 2) / np.sum((g @ W.T) ** 2), rel=1e-6)
    assert np.array_equal(plain.model[0][0], better.model[0][0])


def test_neurons_really_go():
    model, X = net(), data()
    result = compress(model, X, pattern="neuron", sparsity=0.5, method="obc")
    shapes = [W.shape for W, _, _ in result.model]
    assert shapes[0][0] == shapes[1][1] < 12 and shapes[1][0] == shapes[2][1] < 10
    assert [row.name for row in result.report.layers] == ["1", "2"]
    assert [row.shape for row in result.report.layers] == shapes[1:]
    flow, _ = inputs(model, X)
    h, W = flow[2], model[2][0]
    keep = result.masks["2"][0]
    V = np.zeros_like(W)
    V[:, keep] = result.model[2][0]
    assert result.report.layers[1].error == pytest.approx(
        np.sum((h @ (W - V).T) ** 2) / np.sum((h @ W.T) ** 2), rel=1e-6
    )
    # the same answers as the network of full size with zeros in place of the units
    full = as_network(model)
    zeroed = {"1": np.zeros_like(model[1][0]), "2": V}
    zeroed["1"][np.ix_(keep, result.masks["1"][0])] = result.model[1][0]
    for name, weight in zeroed.items():
        full.set_weight(name, weight)
    np.testing.assert_allclose(result.network.outputs(X), full.outputs(X), atol=1e-10)


def test_neurons_of_a_perceptron(mlp, digits):
    result = compress(mlp, digits[0], pattern="neuron", sparsity=0.5)
    assert result.model.hidden_layer_sizes == tuple(len(b) for b in result.model.intercepts_[:-1])
    assert sum(result.model.hidden_layer_sizes) < 60
    assert result.model.score(digits[1], digits[3]) > 0.8


def test_layers_and_exclude():
    model, X = net(), data()
    result = compress(model, X, layers=["1", "[2-9]"], exclude="2")
    assert [row.name for row in result.report.layers] == ["1"]
    assert np.array_equal(result.model[0][0], model[0][0]) and np.count_nonzero(result.model[1][0]) == 60
    for bad in (dict(layers=["fc9"]), dict(exclude=["fc9"])):
        with pytest.raises(ValueError, match=r"there is no layer 'fc9'; the layers are \['0', '1', '2'\]"):
            compress(model, X, **bad)
    with pytest.raises(ValueError, match="no layers are left"):
        compress(model, X, exclude=["*"])


def test_streaming_and_batches_change_nothing():
    model, X = net(), data()
    whole = collect_gram(model, X, batch_size=1000)
    parts = collect_gram(model, [X[:100], X[100:101], X[101:]])
    for name, gram in whole.items():
        assert parts[name].n_rows == gram.n_rows == 400
        np.testing.assert_allclose(parts[name].matrix, gram.matrix, atol=1e-12)
        h = inputs(model, X)[0][int(name)]
        np.testing.assert_allclose(gram.matrix, h.T @ h / 400, atol=1e-12)
    few = collect_gram(model, X, batch_size=64, n_max=100)
    assert {gram.n_rows for gram in few.values()} == {100}


def test_sketched_moments_are_unbiased_and_near():
    model, X = net(), data(3000)
    exact = collect_gram(model, X)["1"].matrix
    many = [collect_gram(model, X, sketch=11, random_state=s)["1"].matrix for s in range(60)]
    assert np.linalg.norm(np.mean(many, axis=0) - exact) < 0.25 * np.linalg.norm(exact)
    assert np.linalg.norm(many[0] - exact) > 0.01 * np.linalg.norm(exact)
    wide = [(np.random.default_rng(0).standard_normal((5, 8)), None, None)]
    X = data(2000)
    near = compress(wide, X, sketch=7, damp=0.1, sparsity=0.5)
    h = X @ (wide[0][0] - near.model[0][0]).T
    assert np.sum(h**2) / np.sum((X @ wide[0][0].T) ** 2) < 0.5


def test_dict_of_arrays_with_a_function():
    model, X = net(), data()
    arrays = {
        "a.weight": model[0][0].reshape(12, 2, 2, 2),
        "b.weight": model[1][0],
        "bias": model[0][1],
        "step": np.arange(3),
    }

    def forward(arrays, batch, record):
        record("a.weight", batch)
        h = np.maximum(batch @ arrays["a.weight"].reshape(12, 8).T + arrays["bias"], 0.0)
        record("b.weight", h[: len(h) // 2])
        record("b.weight", h[len(h) // 2 :])
        return h @ arrays["b.weight"].T

    result = compress(arrays, X, forward=forward, sparsity=0.5)
    assert result.model["a.weight"].shape == (12, 2, 2, 2) and np.array_equal(result.model["step"], np.arange(3))
    plain = compress([(model[0][0], model[0][1], "relu"), (model[1][0], None, None)], X, sparsity=0.5)
    np.testing.assert_allclose(result.model["b.weight"], plain.model[1][0], atol=1e-8)
    grams = (
        collect_gram(arrays, X, layers=None) if False else {"a.weight": X.T @ X / 400, "b.weight": Gram(np.eye(12), 7)}
    )
    ready = compress(arrays, grams, sparsity=0.5)
    np.testing.assert_allclose(ready.model["a.weight"].reshape(12, 8), ready.network.layers()[0].weight)
    with pytest.raises(InvalidProblemError, match="cannot run: pass forward="):
        compress(arrays, X)


def test_report_for_machines_and_people(tmp_path):
    result = compress(net(), data(), sparsity=0.6)
    path = tmp_path / "report.json"
    text = result.report.to_json(path)
    facts = json.loads(path.read_text())
    assert facts == json.loads(text)
    assert facts["total"]["n_nonzero"] == result.report.n_nonzero and len(facts["layers"]) == 3
    assert facts["settings"]["method"] == "admm" and facts["layers"][0]["shape"] == [12, 8]
    table = str(result.report)
    assert len({len(line) for line in table.splitlines()}) == 1 and "12x8" in table and "total" in table
    pytest.importorskip("matplotlib")
    result.report.picture(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 1000
    empty = CompressionReport([])
    assert empty.sparsity == 0.0 and "total" in str(empty)


def test_bytes_are_those_of_the_smallest_form():
    from sparseopt.bridge.storage import stored_bytes

    W = np.zeros((8, 64), dtype=np.float32)
    assert stored_bytes(W) == 2  # blocks of 8 rows: nothing but one count
    W[0, ::7] = 1.0
    assert stored_bytes(W) == 10 * (4 + 2) + 16
    W[:4] = np.arange(64) % 2
    assert stored_bytes(W) == 128 * 4 + 64
    assert stored_bytes(np.ones((8, 64), dtype=np.float32)) == 2048
    assert stored_bytes(np.ones((8, 64))) == 4096


def test_clusters():
    from sparseopt.bridge.report import count_clusters

    mask = np.array([[1, 1, 0, 1, 0, 0, 1, 1, 1], [1, 0, 0, 1, 0, 0, 1, 0, 0]], dtype=bool)
    assert count_clusters(mask) == 3 + 3
    assert count_clusters(mask, (3, 3)) == 1 + 1


def test_checkpoint_resumes(tmp_path, monkeypatch):
    model, X = net(), data()
    whole = compress(model, X, method="obc", sparsity=0.6, sequential=True)
    calls = []
    from sparseopt.bridge import plan

    original = plan.solve_layer

    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(plan, "solve_layer", failing)
    with pytest.raises(KeyboardInterrupt):
        compress(model, X, method="obc", sparsity=0.6, sequential=True, checkpoint=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    again = compress(model, X, method="obc", sparsity=0.6, sequential=True, checkpoint=tmp_path)
    assert len(calls) == 4
    for one, two in zip(whole.model, again.model, strict=True):
        assert np.array_equal(one[0], two[0])
    next(iter(tmp_path.glob("*.npz"))).write_bytes(b"cut short")
    compress(model, X, method="obc", sparsity=0.6, sequential=True, checkpoint=tmp_path)
    assert len(calls) == 5
    compress(model, X, method="obc", sparsity=0.5, checkpoint=tmp_path)
    assert len(calls) == 8


def test_fine_tune_is_called_with_masks():
    seen = {}

    def tune(network, masks):
        seen.update(masks)
        weight = network.layers()[0].weight
        network.set_weight("0", 2.0 * weight)

    model, X = net(), data()
    plain, tuned = compress(model, X), compress(model, X, fine_tune=tune)
    assert set(seen) == {"0", "1", "2"}
    np.testing.assert_allclose(tuned.model[0][0], 2.0 * plain.model[0][0])


def test_float32_stays_float32():
    model = [(W.astype(np.float32), b.astype(np.float32), act) for W, b, act in net()]
    result = compress(model, data().astype(np.float32))
    assert all(W.dtype == np.float32 for W, _, _ in result.model)
    assert result.report.layers[0].bytes_dense == 96 * 4


def test_deterministic_and_independent_of_threads():
    for method in ("admm", "random", "bcd"):
        one, two = (compress(net(), data(), method=method, n_threads=n).model for n in (1, 2))
        assert all(np.array_equal(a[0], b[0]) for a, b in zip(one, two, strict=True))


def test_few_rows_and_few_iterations_are_told():
    with pytest.warns(
        UserWarning, match="3 layers have fewer calibration rows than inputs, the first is '0' with 5 rows"
    ):
        compress(net(), data(5))
    with pytest.warns(ConvergenceWarning, match="3 of 3 layers were stopped by max_iter"):
        compress(net(), data(), max_iter=3)


BROKEN = data()
BROKEN[7, 2] = np.nan


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(sparsity=1.0), ValueError, "sparsity"),
        (dict(sparsity=0.5, budget=3), ValueError, r"one of sparsity, budget and error, got \['sparsity', 'budget'\]"),
        (dict(budget=2), ValueError, "budget must be at least 3 and less than the 256 weights"),
        (dict(budget=256), ValueError, "less than the 256 weights"),
        (dict(error=1.5), ValueError, "error"),
        (dict(method="magic"), ValueError, "method must be one of"),
        (dict(allocate="magic"), ValueError, "allocate must be one of"),
        (dict(pattern="2:4", sparsity=0.7), ValueError, "pattern 2:4 fixes the sparsity at 0.5, got sparsity=0.7"),
        (dict(pattern="2:5"), ValueError, "5 does not divide the 8 inputs"),
        (dict(pattern="block", method="obc"), IncompatibleError, "cannot make the pattern"),
        (dict(pattern="neuron", layers=["0"]), ValueError, r"none of the layers \['0'\] takes units of another"),
        (dict(sequential=1), TypeError, "sequential must be True or False"),
        (dict(calibration=BROKEN), InvalidProblemError, "layer '0': calibration gives NaN or infinite activations"),
        (dict(calibration=BROKEN, sequential=True), InvalidProblemError, "NaN or infinite"),
        (dict(calibration=np.zeros((5, 7))), InvalidProblemError, r"rows of 8 numbers.*shape \(5, 7\)"),
        (dict(calibration=np.zeros((0, 8))), InvalidProblemError, "no batches"),
        (dict(calibration=iter([])), InvalidProblemError, "no batches"),
        (dict(calibration={"0": np.eye(8)}), InvalidProblemError, r"never reaches the layers \['1', '2'\].*exclude="),
        (dict(calibration={"0": np.eye(3)}), InvalidProblemError, r"the Gram of '0' must have shape \(8, 8\)"),
        (dict(calibration={"9": np.eye(3)}), ValueError, "there is no layer '9'"),
        (dict(batch_size=0), ValueError, "batch_size"),
        (dict(model=[(np.ones((2, 3)), None)]), TypeError, r"layer 0 of model must be \(weight, bias, activation\)"),
        (dict(model=[(np.ones((2, 8)), None, "swish")]), ValueError, "activation must be"),
        (dict(model=[(np.ones((2, 8), dtype=np.int8), None, None)]), TypeError, "int8; quantized"),
        (dict(model=[]), InvalidProblemError, "no layers"),
        (dict(model=3), TypeError, "model must be one of"),
    ],
)
def test_bad_input(change, error, words):
    given = dict(model=net(), calibration=data()) | change
    with pytest.raises(error, match=words):
        compress(given.pop("model"), given.pop("calibration"), **given)


@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e18])
def test_products_in_single_precision_are_those_in_double(monkeypatch, scale):
    monkeypatch.setattr(gram_module, "BLOCK", 16)
    rng = np.random.default_rng(0)
    x = (scale * (1.0 + rng.standard_normal((100, 24)) @ rng.standard_normal((24, 24)))).astype(np.float32)
    x[:, 3] = 0.0
    found = collect_gram([(np.ones((1, 24), np.float32), None, None)], x, batch_size=100)["0"].matrix
    exact = x.T.astype(np.float64) @ x / 100
    size = np.sqrt(np.outer(np.diagonal(exact), np.diagonal(exact)))
    assert np.all(np.abs(found - exact) <= 1e-6 * size)
