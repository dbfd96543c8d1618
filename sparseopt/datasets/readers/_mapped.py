"""NumPy arrays in files: memory-mapped when large, never unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from ...exceptions import InvalidProblemError

MAP_FROM = 2**20  # bytes; smaller arrays are read, which also frees the file

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def array_at(path: Path, offset: int = 0) -> np.ndarray:
    """The array whose .npy header starts at this byte of the file."""
    with open(path, "rb") as file:
        file.seek(offset)
        shape, fortran, dtype = read_header(file)
        start = file.tell()
        size = file.seek(0, 2) - start
    n_items = int(np.prod(shape, dtype=object)) if shape else 1
    if n_items * dtype.itemsize > size:
        raise InvalidProblemError(
            f"cut short: {n_items * dtype.itemsize} bytes of data expected, {size} found"
        )
    order: Literal["F", "C"] = "F" if fortran else "C"
    if n_items * dtype.itemsize >= MAP_FROM:
        return np.memmap(str(path), dtype=dtype, mode="r", offset=start, shape=shape, order=order)
    with open(path, "rb") as file:
        file.seek(start)
        values = np.frombuffer(file.read(n_items * dtype.itemsize), dtype=dtype, count=n_items)
    return values.reshape(shape, order=order)


def read_header(file) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read a .npy header: (shape, Fortran order, dtype). Object arrays are refused."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise InvalidProblemError("structured arrays with non-ASCII names are not supported")
    shape, fortran, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise InvalidProblemError(
            "holds Python objects, which are never loaded because that could run code; "
            "save an array of numbers instead"
        )
    return shape, fortran, dtype
