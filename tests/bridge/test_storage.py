"""Formats of matrices with zeros: nothing lost, the smallest chosen, products as dense, files that mislead refused."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseopt.bridge import SparseLinear, load, save
from sparseopt.bridge.safetensors_file import read_safetensors, write_safetensors
from sparseopt.bridge.storage import FORMATS, restore, store, stored_bytes
from sparseopt.exceptions import InvalidProblemError


def matrix(out, n, density, seed=0, dtype="f4"):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((out, n)) * (rng.random((out, n)) < density)).astype(dtype)


@given(out=st.integers(0, 9), n=st.integers(0, 40), density=st.floats(0, 1), seed=st.integers(0, 5))
def test_every_format_gives_the_matrix_back(out, n, density, seed):
    W = matrix(out, n, density, seed)
    for format in ("dense", "csr", "runs", "bitmask"):
        np.testing.assert_array_equal(store(W, format).dense(), W)
    smallest = store(W)
    np.testing.assert_array_equal(smallest.dense(), W)
    assert smallest.n_bytes == stored_bytes(W) <= min(store(W, f).n_bytes for f in ("dense", "csr", "runs", "bitmask"))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("block", [(1, 4), (4, 1), (4, 4), (8, 8), (1, 16), (16, 16), (32, 32)], ids=str)
def test_blocks_are_found(block, dtype):
    W = np.kron(matrix(256 // block[0], 256 // block[1], 0.1, seed=1) != 0, np.ones(block)) * matrix(256, 256, 1.0)
    W = W.astype(dtype)
    stored = store(W)
    assert stored.format == "bsr" and stored.arrays["values"].shape[1:] == block
    np.testing.assert_array_equal(stored.dense(), W)
    assert stored.dense().dtype == W.dtype


def test_the_smallest_by_density():
    sizes = {d: store(matrix(200, 300, d, dtype="f4")).format for d in (1.0, 0.5, 0.02)}
    assert sizes == {1.0: "dense", 0.5: "bitmask", 0.02: "csr"}
    W = matrix(200, 300, 0.5)
    assert store(W).n_bytes == 4 * np.count_nonzero(W) + 200 * 38


def test_indices_beyond_two_bytes():
    W = np.zeros((3, 2**16 + 5), dtype="f4")
    W[1, -1] = 2.0
    stored = store(W, "csr")
    assert stored.arrays["columns"].dtype == np.uint32
    np.testing.assert_array_equal(stored.dense(), W)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_runs_are_stored_by_start_and_length(dtype):
    W = np.zeros((3, 2**16 + 5), dtype=dtype)
    W[0, 3:40], W[0, 41], W[2, -30:] = 1.0, 2.0, 3.0
    stored = store(W)
    assert stored.format == "runs" and stored.n_bytes == 68 * W.itemsize + 3 * (4 + 4) + 3 * 4
    assert stored.arrays["starts"].tolist() == [3, 41, 2**16 - 25] and stored.arrays["lengths"].tolist() == [37, 1, 30]
    assert stored.arrays["counts"].tolist() == [2, 0, 1]
    np.testing.assert_array_equal(stored.dense(), W)
    assert stored.dense().dtype == W.dtype


RUNS = dict(values=np.ones(5, "f4"), starts=[0, 3, 1], lengths=[2, 1, 2], counts=[2, 1])


@pytest.mark.parametrize("change, message", [
    ({}, None),
    (dict(starts=[0, 1, 1]), "follow each other"),
    (dict(starts=[3, 0, 1]), "follow each other"),
    (dict(starts=[0, 4, 1]), "end within 4"),
    (dict(lengths=[2, 0, 3]), "follow each other"),
    (dict(lengths=[2, 1, 1]), "5 values"),
    (dict(lengths=[2, 1, 2, 1]), "counts do not fit"),
    (dict(counts=[2, 2]), "counts do not fit"),
    (dict(counts=[3]), "counts do not fit"),
    (dict(starts=[[0, 3, 1]]), "counts do not fit"),
    (dict(values=np.ones((5, 1), "f4")), "values a vector"),
    (dict(starts=np.zeros(3, "i8")), "unsigned"),
])  # fmt: skip
def test_runs_that_contradict_each_other_are_refused(change, message):
    arrays = {k: np.asarray(v, dtype=getattr(v, "dtype", "u2")) for k, v in (RUNS | change).items()}
    if message is None:
        found = restore("runs", [2, 4], arrays, "a").dense()
        np.testing.assert_array_equal(found, [[1, 1, 0, 1], [0, 1, 1, 0]])
        return
    with pytest.raises(InvalidProblemError, match=message):
        restore("runs", [2, 4], arrays, "a")


@pytest.mark.parametrize("format", [*FORMATS, None])
@pytest.mark.parametrize("density", [0.05, 0.5])
def test_a_sparse_layer_answers_as_a_dense_one(format, density):
    W, b = matrix(64, 32, density), np.arange(64.0)
    layer = SparseLinear(store(W, format), b, n_threads=1)
    for shape in [(32,), (1, 32), (70, 32), (2, 3, 32), (0, 32)]:
        x = np.random.default_rng(1).standard_normal(shape)
        y = layer(x)
        assert y.dtype == np.float32 and y.shape == (*shape[:-1], 64)
        np.testing.assert_allclose(y, x @ W.T + b, rtol=1e-5, atol=1e-5)
    again = pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(again(x), y)


def test_bad_layers():
    with pytest.raises(InvalidProblemError, match="matrix of floats"):
        SparseLinear(np.zeros((2, 2), dtype=int))
    with pytest.raises(InvalidProblemError, match=r"bias must have the shape \(2,\)"):
        SparseLinear(np.zeros((2, 3)), np.zeros(3))
    layer = SparseLinear(np.zeros((2, 3)))
    for x in (np.zeros((4, 2)), np.float64(1.0), np.array(["a", "b", "c"])):
        with pytest.raises(InvalidProblemError, match="3 inputs"):
            layer(x)


NETWORK = [
    (matrix(40, 64, 0.3, 1), np.arange(40, dtype="f4"), "relu"),
    (matrix(30, 40, 0.02, 2), None, "relu"),
    (matrix(5, 30, 1.0, 3), np.ones(5, dtype="f4"), None),
]


@pytest.mark.parametrize("format", [None, "dense", "csr", "runs", "bitmask"])
def test_a_file_holds_the_network_exactly_and_is_as_large_as_its_parts(tmp_path, format):
    path = tmp_path / "a.safetensors"
    size = save(path, NETWORK, format=format, report={"note": 1})
    arrays, _ = read_safetensors(path)
    header = int.from_bytes(path.read_bytes()[:8], "little")
    parts = sum(a.nbytes for a in arrays.values())
    weights = sum(stored_bytes(W) if format is None else store(W, format).n_bytes for W, _, _ in NETWORK)
    assert size == path.stat().st_size == 8 + header + parts
    assert parts == weights + 4 * 45
    saved = load(path)
    assert saved.report == {"note": 1} and len(saved) == len(list(saved)) == 5
    blank = [(np.zeros_like(W), None if b is None else np.zeros_like(b), a) for W, b, a in NETWORK]
    for (W, b, _), (V, c, _), number in zip(NETWORK, load(path, blank), range(3), strict=True):
        np.testing.assert_array_equal(W, V)
        np.testing.assert_array_equal(saved[f"{number}.weight"], W)
        assert (b is None) == (c is None)
        if b is not None:
            np.testing.assert_array_equal(b, c)
    layer = saved.linear("0.weight", "0.bias")
    x = np.random.default_rng(0).standard_normal((9, 64)).astype("f4")
    np.testing.assert_allclose(layer(x), x @ NETWORK[0][0].T + NETWORK[0][1], rtol=1e-4, atol=1e-4)


def test_plain_safetensors_files_load_too(tmp_path):
    write_safetensors(tmp_path / "a", {"x": np.ones((2, 2), dtype="f4")})
    np.testing.assert_array_equal(load(tmp_path / "a")["x"], 1.0)


def stored_file(folder, change):
    """A file of one CSR matrix after `change(arrays, facts)`."""
    save(folder / "good", [(matrix(4, 8, 0.3), None, None)], format="csr")
    arrays, metadata = read_safetensors(folder / "good")
    arrays, facts = {k: np.array(v) for k, v in arrays.items()}, json.loads(metadata["sparseopt"])
    change(arrays, facts)
    write_safetensors(folder / "bad", arrays, {"sparseopt": facts if isinstance(facts, str) else json.dumps(facts)})
    return folder / "bad"


def set_item(key, value):
    return lambda arrays, facts: arrays.__setitem__(key, value)


def layer_facts(**values):
    return lambda arrays, facts: facts["layers"]["0.weight"].update(values)


CHANGES = {
    "columns beyond": (lambda a, f: a["0.weight:columns"].__setitem__(0, 8), "columns must rise"),
    "counts": (lambda a, f: a["0.weight:counts"].__setitem__(0, 60000), "the counts do not fit"),
    "no counts": (lambda a, f: a.pop("0.weight:counts"), "takes the arrays"),
    "signed": (lambda a, f: a.update({"0.weight:columns": a["0.weight:columns"].astype("i8")}), "unsigned"),
    "shape": (layer_facts(shape=[4, 2]), "columns must rise"),
    "huge": (layer_facts(shape=[4, 2**40]), "beyond"),
    "negative": (layer_facts(shape=[4, -8]), "no valid shape"),
    "text": (layer_facts(shape="48"), "no valid shape"),
    "format": (layer_facts(format="zip"), "the format 'zip'"),
    "format list": (layer_facts(format=["csr"]), "the format"),
    "bitmask without mask": (layer_facts(format="bitmask"), "takes the arrays"),
    "integers": (lambda a, f: a.update({"0.weight:values": a["0.weight:values"].astype("i4")}), "values of type"),
    "version": (lambda a, f: f.update(version=9), "version 9"),
    "no layers": (lambda a, f: f.pop("layers"), "damaged"),
    "layers": (lambda a, f: f.update(layers=3), "damaged"),
    "entry": (lambda a, f: f.update(layers={"0.weight": 3}), "no valid shape"),
    "alias of nothing": (lambda a, f: f.update(aliases={"b": "c"}), "cannot be another name"),
    "twice": (lambda a, f: a.update({"0.weight": np.ones(2)}), "twice"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_files_whose_parts_contradict_each_other_are_refused(tmp_path, case):
    change, message = CHANGES[case]
    with pytest.raises(InvalidProblemError, match=message):
        load(stored_file(tmp_path, change))


def test_a_mask_that_does_not_fit():
    values = np.ones(2, dtype="f4")
    for mask, message in [
        (np.array([[3]], dtype="u1"), None),
        (np.array([[7]], dtype="u1"), "does not fit 2 values"),
        (np.array([[130]], dtype="u1"), "does not fit"),
        (np.array([[3, 0]], dtype="u1"), "expected bytes"),
        (np.array([[3]], dtype="u2"), "expected bytes"),
    ]:
        if message is None:
            assert restore("bitmask", (1, 5), {"values": values, "mask": mask}, "x").dense().sum() == 2.0
        else:
            with pytest.raises(InvalidProblemError, match=message):
                restore("bitmask", (1, 5), {"values": values, "mask": mask}, "x")


def test_a_file_that_does_not_fit_the_model(tmp_path):
    save(tmp_path / "a", NETWORK[:1])
    with pytest.raises(ValueError, match="no array '1.weight'"):
        load(tmp_path / "a", NETWORK)


def test_path_and_model_in_the_wrong_order(tmp_path):
    with pytest.raises(TypeError, match=r"save\(path, model\): the path comes first"):
        save(NETWORK, str(tmp_path / "a"))
