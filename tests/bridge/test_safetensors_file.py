"""The safetensors format: the same files as the library that defined it, and nothing taken on trust."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseopt.bridge.safetensors_file import read_safetensors, write_safetensors
from sparseopt.exceptions import InvalidProblemError

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


def example(seed=0):
    rng = np.random.default_rng(seed)
    arrays = {f"a.{code}": (100 * rng.random((3, 5))).astype(code) for code in DTYPES}
    return arrays | {"empty": np.zeros((0, 4), dtype="f4"), "number": np.float32(2.5), "ünïcode ": np.arange(3)}


def same(one, other):
    assert set(one) == set(other)
    for name, array in one.items():
        assert other[name].dtype == np.asarray(array).dtype
        np.testing.assert_array_equal(other[name], array)


def test_round_trip(tmp_path):
    path = tmp_path / "a.safetensors"
    size = write_safetensors(path, example(), {"who": "mé"})
    arrays, metadata = read_safetensors(path)
    same(example(), arrays)
    assert metadata == {"who": "mé"} and path.stat().st_size == size
    assert not arrays["a.f4"].flags.writeable
    assert list(tmp_path.iterdir()) == [path]


def test_other_layouts_and_byte_orders(tmp_path):
    path = tmp_path / "a.safetensors"
    matrix = np.arange(12.0).reshape(3, 4)
    write_safetensors(path, {"f": np.asfortranarray(matrix), "big": matrix.astype(">f4"), "cut": matrix[::2, ::-1]})
    arrays, _ = read_safetensors(path)
    np.testing.assert_array_equal(arrays["f"], matrix)
    np.testing.assert_array_equal(arrays["big"], matrix)
    np.testing.assert_array_equal(arrays["cut"], matrix[::2, ::-1])


def test_the_library_of_the_format_reads_what_we_write_and_we_what_it_writes(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {name: np.asarray(array) for name, array in example().items()}
    write_safetensors(tmp_path / "ours", arrays, {"k": "v"})
    same(arrays, library.load_file(tmp_path / "ours"))
    library.save_file(arrays, tmp_path / "theirs", {"k": "v"})
    found, metadata = read_safetensors(tmp_path / "theirs")
    same(arrays, found)
    assert metadata == {"k": "v"}


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([1.0, -2.5, 3e38, np.inf], dtype="f4")
    upper = (values.view("u4") >> 16).astype("u2")
    path = raw(tmp_path, {"x": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}, upper.tobytes())
    expected = (upper.astype("u4") << 16).view("f4")
    np.testing.assert_array_equal(read_safetensors(path)[0]["x"], expected)


def raw(folder, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "raw.safetensors"
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def tensor(shape=(2,), offsets=(0, 8), dtype="F32", **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


BAD = {
    "empty header": (b"", b"", None, "does not start with"),
    "too long": (b"{}", b"", 3, "header would take 3 bytes, and 2 are possible"),
    "absurdly long": (b"{}", b"", 2**63, "are possible"),
    "no json": (b"{1", b"", None, "damaged"),
    "no utf-8": (b'{"\xff": 1}', b"", None, "damaged"),
    "nan": (b'{"a": NaN}', b"", None, "NaN is not allowed"),
    "list": (b"[]", b"", None, "does not start with"),
    "twice": (b'{"a": 1, "a": 1}', b"", None, "twice"),
    "deep": (b'{"a":' + b"[" * 100_000, b"", None, "damaged"),
    "number of many digits": (b'{"a": ' + b"1" * 10_000 + b"}", b"", None, "damaged"),
    "entry": ({"a": 3}, b"", None, "must have dtype, shape and data_offsets"),
    "extra key": ({"a": tensor(more=1)}, bytes(8), None, "nothing else"),
    "dtype": ({"a": tensor(dtype="F7")}, bytes(8), None, "has the dtype 'F7'"),
    "dtype object": ({"a": tensor(dtype=["F32"])}, bytes(8), None, "has the dtype"),
    "negative shape": ({"a": tensor(shape=[-2])}, bytes(8), None, "has the shape"),
    "float shape": ({"a": tensor(shape=[2.0])}, bytes(8), None, "has the shape"),
    "bool shape": ({"a": tensor(shape=[True], offsets=[0, 4])}, bytes(4), None, "has the shape"),
    "overflow": ({"a": tensor(shape=[2**32, 2**32])}, bytes(8), None, "takes 73786976294838206464 bytes"),
    "many axes": ({"a": tensor(shape=[1] * 40, offsets=[0, 4])}, bytes(4), None, "has the shape"),
    "zero times huge": ({"a": tensor(shape=[0, 2**70], offsets=[0, 0])}, b"", None, "has the shape"),
    "backwards": ({"a": tensor(offsets=[8, 0])}, bytes(8), None, "takes 8 bytes"),
    "beyond": ({"a": tensor(shape=[4], offsets=[0, 16])}, bytes(8), None, "tensors take 16 bytes, and there are 8"),
    "rest": ({"a": tensor()}, bytes(9), None, "tensors take 8 bytes, and there are 9"),
    "overlap": ({"a": tensor(), "b": tensor(offsets=[4, 12])}, bytes(12), None, "overlaps"),
    "gap": ({"a": tensor(), "b": tensor(offsets=[12, 20])}, bytes(20), None, "gap"),
    "metadata": ({"__metadata__": {"a": 1}}, b"", None, "texts to texts"),
    "metadata list": ({"__metadata__": []}, b"", None, "texts to texts"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_and_misleading_files_are_refused(tmp_path, case):
    header, data, length, message = BAD[case]
    path = raw(tmp_path, header, data, length)
    with pytest.raises(InvalidProblemError, match=message) as caught:
        read_safetensors(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("n", [0, 7])
def test_a_file_shorter_than_its_first_number(tmp_path, n):
    (tmp_path / "a").write_bytes(bytes(n))
    with pytest.raises(InvalidProblemError, match=f"it has {n} bytes"):
        read_safetensors(tmp_path / "a")


@given(where=st.integers(0, 2000), value=st.integers(0, 255), cut=st.integers(0, 30))
def test_any_damage_is_harmless(tmp_path_factory, where, value, cut):
    """A byte changed, some cut off: either it is refused, or the arrays have the sizes that the header says."""
    folder = tmp_path_factory.mktemp("damage")
    write_safetensors(folder / "a", {"x": np.arange(40.0), "y": np.ones((3, 4), dtype="f4")}, {"k": "v"})
    content = bytearray((folder / "a").read_bytes())
    content[where % len(content)] = value
    (folder / "a").write_bytes(content[: len(content) - cut] if cut < 10 else content)
    try:
        arrays, _ = read_safetensors(folder / "a")
    except InvalidProblemError:
        return
    assert sum(array.nbytes for array in arrays.values()) <= len(content)
    for array in arrays.values():
        array.copy()


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(TypeError, match="complex128"):
        write_safetensors(tmp_path / "a", {"x": np.zeros(2, dtype=complex)})
    with pytest.raises(TypeError, match="object"):
        write_safetensors(tmp_path / "a", {"x": np.array([None])})
    with pytest.raises(ValueError, match="__metadata__"):
        write_safetensors(tmp_path / "a", {"__metadata__": np.zeros(2)})
    assert not list(tmp_path.iterdir())
