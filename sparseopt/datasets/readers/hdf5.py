"""HDF5: datasets X and y, or the ones that are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...exceptions import InvalidProblemError, MissingDependencyError
from ._table import WHOLE, Part, Table, checked, listed
from .npy import target_file


def read(path: Path, *, target, key, require_target, part: Part = WHOLE) -> Table:
    """Read X and y from an HDF5 file; contiguous data without compression is memory-mapped."""
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError("pip install h5py") from error

    with h5py.File(path, "r") as file:
        X = _array(h5py, file, path, key or "X", "key", part)
        y = None
        if target is not None and str(target).lower().endswith(".npy"):
            y = target_file(target)
            y = y[part.rows(len(y))]
        elif target is not None or require_target:
            y = _array(h5py, file, path, str(target or "y"), "target", part)
        names: Sequence = range(X.shape[1] if X.ndim == 2 else 0)
        if "feature_names" in file:
            names = [str(name) for name in file["feature_names"].asstr()[:]]
    return checked(X, y, names, part)


def _array(h5py, file, path: Path, name: str, option: str, part: Part) -> np.ndarray:
    data = file.get(name)
    if data is None:
        there = listed([repr(n) for n in file]) or "nothing"
        raise InvalidProblemError(
            f"no dataset {name!r} (the file holds {there}); name it with the option {option!r}"
        )
    if not isinstance(data, h5py.Dataset):
        raise InvalidProblemError(
            f"{name!r} is a group, not a dataset; name one with the option {option!r}"
        )
    if data.dtype.kind not in "fiub":
        raise InvalidProblemError(f"dataset {name!r} must hold real numbers, not {data.dtype}")
    offset = data.id.get_offset()
    if offset is not None and data.chunks is None and data.size:
        mapped = np.memmap(path, dtype=data.dtype, mode="r", offset=offset, shape=data.shape)
        return mapped[part.rows(len(mapped))]
    return data[part.rows(len(data))] if data.ndim else data[()]
