"""HDF5: datasets X and y, or the ones that are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...exceptions import InvalidProblemError, MissingDependencyError
from ._table import Table, checked, listed
from .npy import target_file


def read(path: Path, *, target, key, require_target) -> Table:
    """Read X and y from an HDF5 file; contiguous data without compression is memory-mapped."""
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError("pip install h5py") from error

    with h5py.File(path, "r") as file:
        X = _array(h5py, file, path, key or "X", "key")
        y = None
        if target is not None and str(target).lower().endswith(".npy"):
            y = target_file(target)
        elif target is not None or require_target:
            y = _array(h5py, file, path, str(target or "y"), "target")
        names: Sequence = range(X.shape[1] if X.ndim == 2 else 0)
        if "feature_names" in file:
            names = [str(name) for name in file["feature_names"].asstr()[:]]
    return checked(X, y, names)


def _array(h5py, file, path: Path, name: str, option: str) -> np.ndarray:
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
        return np.memmap(path, dtype=data.dtype, mode="r", offset=offset, shape=data.shape)
    return data[()]
