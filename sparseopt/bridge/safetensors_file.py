"""The safetensors format: named arrays behind a JSON header. Reading a file can never run code.

    8 bytes     length of the header, unsigned, little-endian
    header      {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {text: text}}
    data        the arrays in C order, little-endian, one after the other without a gap

Files come from strangers, so every number in the header is checked before it is used.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .._validation import short
from ..exceptions import InvalidProblemError

MAX_HEADER = 100_000_000  # bytes, the limit of the format

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(code).newbyteorder("=").str: name for name, code in _DTYPES.items() if name != "BF16"}


def read_safetensors(path: str | Path) -> tuple[dict[str, NDArray], dict[str, str]]:
    """Read the arrays and the metadata of a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    arrays : dict of str to ndarray
        Read-only and mapped into memory; BF16 is converted to float32.
    metadata : dict of str to str

    Raises
    ------
    InvalidProblemError
        When the file is cut short, damaged or made to mislead: what is wrong where.
    """
    path = Path(path)
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        if len(start) < 8:
            _refuse(path, f"it has {size} bytes, the length of the header alone takes 8")
        length = struct.unpack("<Q", start)[0]
        if length > min(MAX_HEADER, size - 8):
            _refuse(path, f"the header would take {length} bytes, and {min(MAX_HEADER, size - 8)} are possible")
        text = file.read(length)
    header = _header(path, text)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        _refuse(path, "__metadata__ must map texts to texts")
    entries = {name: _entry(path, name, entry) for name, entry in header.items()}
    n_data = size - 8 - length
    at = 0
    for name, (_, _, begin, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin != at:
            what = "overlaps the one before" if begin < at else "leaves a gap before it"
            _refuse(path, f"tensor {short(name)} {what}: it starts at {begin}, {at} was expected")
        at = end
    if at != n_data:
        _refuse(path, f"the tensors take {at} bytes, and there are {n_data}")
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length) if n_data else np.zeros(0, dtype=np.uint8)
    return {name: _array(data, *entry) for name, entry in entries.items()}, metadata


def _refuse(path: Path, reason: str) -> NoReturn:
    raise InvalidProblemError(f"{path}: no valid safetensors file: {reason}")


def _header(path: Path, text: bytes) -> dict[str, Any]:
    def once(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name occurs twice")
        return found

    def number(word):
        raise ValueError(f"{word} is not allowed")

    try:
        if not text.startswith(b"{"):
            raise ValueError("it does not start with {")
        return json.loads(text.decode("utf-8"), object_pairs_hook=once, parse_constant=number)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:150]
        raise InvalidProblemError(f"{path}: no valid safetensors file: the header is damaged ({reason})") from error


def _entry(path: Path, name: str, entry: Any) -> tuple[np.dtype, tuple[int, ...], int, int]:
    """Return (dtype, shape, begin, end) of one tensor, all numbers checked against each other."""
    where = f"tensor {short(name)}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"{where} must have dtype, shape and data_offsets and nothing else")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        _refuse(path, f"{where} has the dtype {short(code)}, known are {sorted(_DTYPES)}")
    if not _counts(shape) or len(shape) > 32:
        _refuse(path, f"{where} has the shape {short(shape)}")
    if not _counts(offsets) or len(offsets) != 2:
        _refuse(path, f"{where} has the data_offsets {short(offsets)}")
    dtype = np.dtype(_DTYPES[code])
    n_bytes = dtype.itemsize
    for extent in shape:  # integers of Python cannot overflow
        n_bytes *= extent
    if offsets[1] - offsets[0] != n_bytes:
        _refuse(path, f"{where} takes {n_bytes} bytes, its data_offsets are {short(offsets)}")
    if max([0, *shape]) > np.iinfo(np.intp).max:
        _refuse(path, f"{where} has the shape {short(shape)}")
    return np.dtype([("bf16", "<u2")]) if code == "BF16" else dtype, tuple(shape), offsets[0], offsets[1]


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _array(data: NDArray, dtype: np.dtype, shape: tuple[int, ...], begin: int, end: int) -> NDArray:
    raw = data[begin:end]
    if dtype.names:  # the upper half of a float32
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if dtype.kind == "b":
        return (raw != 0).reshape(shape)
    try:
        array = raw.view(dtype)
    except ValueError:  # a start that the type cannot have in memory
        array = np.frombuffer(raw.tobytes(), dtype=dtype)
    return array.reshape(shape)


def write_safetensors(
    path: str | Path, arrays: Mapping[str, NDArray], metadata: Mapping[str, str] | None = None
) -> int:
    """Write arrays and metadata, whole or not at all, and return the size of the file in bytes.

    Parameters
    ----------
    path : str or Path
    arrays : dict of str to ndarray
        Numbers or booleans of a type that the format knows.
    metadata : dict of str to str, optional

    Raises
    ------
    TypeError
        When an array has another type.
    """
    header: dict[str, Any] = {}
    if metadata:
        header["__metadata__"] = {str(key): str(value) for key, value in metadata.items()}
    ready = {str(name): np.asarray(array) for name, array in arrays.items()}
    for name, array in ready.items():
        if array.dtype.newbyteorder("=").str not in _NAMES:
            raise TypeError(f"array {name!r} has the dtype {array.dtype}, a safetensors file holds {sorted(_NAMES)}")
        if name == "__metadata__":
            raise ValueError("no array may be called '__metadata__'")
    # wide types first, so that every array starts where its type may start in memory
    order = sorted(ready, key=lambda name: (-ready[name].dtype.itemsize, name))
    at = 0
    for name in order:
        array = ready[name]
        code = _NAMES[array.dtype.newbyteorder("=").str]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise InvalidProblemError(f"the header would take {len(text)} bytes, the format allows {MAX_HEADER}")
    path = Path(os.path.realpath(path))  # a link stays a link
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for name in order:
                little = ready[name].astype(ready[name].dtype.newbyteorder("<"), copy=False)
                file.write(np.ascontiguousarray(little).data)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return 8 + len(text) + at
