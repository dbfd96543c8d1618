"""NumPy archives: arrays X and y, or a scipy sparse matrix beside y."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from ...exceptions import InvalidProblemError
from ._mapped import array_at, read_header
from ._table import WHOLE, Part, Table, checked, listed
from .npy import target_file

_LOCAL_HEADER = 30  # bytes before the file name in a zip entry


class Archive:
    """The arrays of an .npz file; entries that are not compressed are memory-mapped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            self.entries = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def __getitem__(self, name: str) -> np.ndarray:
        info = self.entries[name]
        if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
            with open(self.path, "rb") as file:
                file.seek(info.header_offset)
                local = file.read(_LOCAL_HEADER)
            skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
            return array_at(self.path, info.header_offset + _LOCAL_HEADER + skip)
        with zipfile.ZipFile(self.path) as archive:
            with archive.open(info) as file:
                read_header(file)  # refuses objects with our message
            with archive.open(info) as file:
                return np.lib.format.read_array(file, allow_pickle=False)

    def missing(self, name: str, option: str) -> InvalidProblemError:
        there = listed([repr(n) for n in self.entries]) or "no arrays"
        return InvalidProblemError(
            f"no array {name!r} (the file holds {there}); name it with the option {option}"
        )


def read(path: Path, *, target, key, require_target, part: Part = WHOLE) -> Table:
    """Read X and y from an .npz file."""
    archive = Archive(path)
    if key is None and "X" not in archive and {"format", "shape"} <= set(archive.entries):
        X = _sparse_matrix(archive)
    elif (key or "X") in archive:
        X = archive[key or "X"]
    else:
        raise archive.missing(key or "X", "'key'")
    y = _target(archive, target, require_target)
    names: Sequence = range(X.shape[1] if X.ndim == 2 else 0)
    if "feature_names" in archive:
        names = [str(name) for name in archive["feature_names"]]
    return checked(*part.cut(X, y), feature_names=names, part=part)


def _target(archive: Archive, target, require_target: bool):
    if target is None and not (require_target and "y" in archive):
        if require_target:
            raise archive.missing("y", "'target', or give a second .npy file there")
        return None
    name = "y" if target is None else str(target)
    if name in archive:
        return archive[name]
    if name.lower().endswith(".npy"):
        return target_file(name)
    raise archive.missing(name, "'target'")


def _sparse_matrix(archive: Archive):
    """A matrix written by scipy.sparse.save_npz, as CSC."""
    kind = archive["format"].item()
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    shape = tuple(int(size) for size in archive["shape"])
    if kind in ("csc", "csr"):
        build = sparse.csc_array if kind == "csc" else sparse.csr_array
        X = build((archive["data"], archive["indices"], archive["indptr"]), shape=shape)
        X.check_format(full_check=True)  # an index out of range would be read by compiled code
    else:
        X = sparse.load_npz(archive.path)
    return sparse.csc_array(X)
