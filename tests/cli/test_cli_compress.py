"""`sparseopt compress`, called as its users call it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from sparseopt import bridge
from sparseopt.cli import main


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.standard_normal((12, 20)), "a0": rng.standard_normal(12), "b": rng.standard_normal((3, 12)),
    }  # fmt: skip
    np.savez(tmp_path / "net.npz", **arrays)
    np.save(tmp_path / "rows.npy", rng.standard_normal((200, 20)))
    return tmp_path, arrays


def run(*args):
    return CliRunner().invoke(main, ["compress", *map(str, args)])


def usual(folder, *more):
    layers = ("--layer", "a,a0,relu", "--layer", "b")
    files = ("--calibration", folder / "rows.npy", "--out", folder / "small.safetensors")
    return run(folder / "net.npz", *files, *layers, *more)


def test_the_file_holds_what_python_would_return(files):
    folder, arrays = files
    result = usual(folder, "--sparsity", "0.7", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    layers = [(arrays["a"], arrays["a0"], "relu"), (arrays["b"], None, None)]
    expected = bridge.compress(layers, np.load(folder / "rows.npy"), sparsity=0.7)
    saved = bridge.load(folder / "small.safetensors")
    for name, array in bridge.as_network(expected.model).arrays().items():
        assert np.array_equal(saved[name], array)
    assert facts["total"]["n_nonzero"] == expected.report.n_nonzero
    assert facts["bytes"] == (folder / "small.safetensors").stat().st_size


def test_a_finished_layer_is_not_computed_again(files):
    folder, _ = files
    first = usual(folder, "--checkpoint", folder / "kept", "--json")
    kept = {path: path.stat().st_mtime_ns for path in (folder / "kept").rglob("*") if path.is_file()}
    again = usual(folder, "--checkpoint", folder / "kept", "--json")
    assert first.exit_code == again.exit_code == 0 and kept
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    total = [json.loads(each.stdout)["total"] for each in (first, again)]
    assert total[0]["n_nonzero"] == total[1]["n_nonzero"]


def test_table_for_people(files):
    folder, _ = files
    result = usual(folder, "--method", "obc", "--pattern", "2:4")
    assert result.exit_code == 0, result.output
    assert "12x20" in result.stdout and "small.safetensors" in result.stdout


def test_an_onnx_model_stays_one(files, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    folder, arrays = files
    W = arrays["a"].T.astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["y"])], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 20])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 12])], [numpy_helper.from_array(W, "W")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    np.save(folder / "rows.npy", np.load(folder / "rows.npy").astype(np.float32))
    result = run(folder / "net.onnx", "--calibration", folder / "rows.npy", "--out", folder / "small.onnx")
    assert result.exit_code == 0, result.output
    small = numpy_helper.to_array(onnx.load(str(folder / "small.onnx")).graph.initializer[0])
    assert small.shape == W.shape and np.count_nonzero(small) == 120


def test_arrays_of_a_safetensors_file_are_connected_by_the_user(files):
    folder, arrays = files
    bridge.save(folder / "net.safetensors", arrays)
    options = ["--calibration", folder / "rows.npy", "--layer", "a,a0,relu", "--layer", "b", "--out"]
    result = run(folder / "net.safetensors", *options, folder / "small.safetensors", "--sparsity", "0.7")
    assert result.exit_code == 0, result.output
    layers = [(arrays["a"], arrays["a0"], "relu"), (arrays["b"], None, None)]
    expected = bridge.compress(layers, np.load(folder / "rows.npy"), sparsity=0.7)
    saved = bridge.load(folder / "small.safetensors")
    for name, layer in zip("ab", expected.network.layers(), strict=True):
        np.testing.assert_allclose(saved[name], layer.weight, rtol=1e-12)
    again = run(folder / "small.safetensors", *options, folder / "smaller.safetensors", "--sparsity", "0.9")
    assert again.exit_code == 0, again.output  # compressed files are models, too
    wrong = run(folder / "net.safetensors", *options, folder / "x.safetensors", "--layer", "none")
    assert wrong.exit_code == 2 and "there is no array 'none'" in wrong.stderr


@pytest.mark.parametrize("change, message", [
    (["--method", "magic"], "method must be one of"),
    (["--sparsity", "1.5"], "sparsity"),
    (["--layer", "c"], "there is no array 'c'"),
    (["--only", "nothing"], "nothing"),
    (["--pattern", "3:2"], "3:2"),
])  # fmt: skip
def test_wrong_options_are_one_line_and_status_2(files, change, message):
    result = usual(files[0], *change)
    assert result.exit_code == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (files[0] / "small.safetensors").exists()


def test_wrong_files_are_one_line_and_status_2(files):
    folder, _ = files
    rows, out = ["--calibration", folder / "rows.npy"], ["--out", folder / "small.safetensors"]
    (folder / "net.pt").write_bytes(b"\x80\x02}")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 no archive")
    np.save(folder / "flat.npy", np.ones(5))
    cases = [
        ([folder / "net.pt", *rows, *out], "pickled models can run code"),
        ([folder / "none.npz", *rows, *out], "no such file"),
        ([folder / "broken.npz", *rows, *out, "--layer", "a"], "no readable .npz file"),
        ([folder / "net.npz", *rows, *out], "give --layer"),
        ([folder / "net.npz", "--calibration", folder / "flat.npy", *out, "--layer", "a"], "array of samples"),
        ([folder / "net.npz", *rows, "--layer", "a", "--out", folder / "small.pt"], "the output must end in"),
    ]
    for args, message in cases:
        result = run(*args)
        assert result.exit_code == 2 and message in result.stderr, (args, result.output)
        assert len(result.stderr.splitlines()) == 1
