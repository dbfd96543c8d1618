"""Files that cannot be read: one clear error, whatever the format."""

import os
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from sparseopt.datasets import read
from sparseopt.datasets.readers import explain_nonfinite
from sparseopt.exceptions import InvalidProblemError, MissingDependencyError

SUFFIXES = [".npz", ".npy", ".csv", ".csv.gz", ".svm", ".svm.bz2", ".parquet", ".h5"]


@pytest.fixture
def good(tmp_path):
    """One valid file of every binary format."""
    X, y = np.random.default_rng(0).standard_normal((50, 6)), np.arange(50.0)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    np.save(tmp_path / "d.npy", X)
    pd.DataFrame(X).assign(y=y).rename(columns=str).to_parquet(tmp_path / "d.parquet")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["X"], file["y"] = X, y
    return tmp_path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_directory_and_empty(tmp_path, suffix):
    path = tmp_path / f"d{suffix}"
    with pytest.raises(FileNotFoundError, match="no such file"):
        read(path)
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="is a directory"):
        read(path)
    path.rmdir()
    path.touch()
    with pytest.raises(InvalidProblemError, match="the file is empty"):
        read(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_random_bytes(tmp_path, suffix):
    path = tmp_path / f"d{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InvalidProblemError) as caught:
        read(path, **({"target": 0} if suffix == ".npy" else {}))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".parquet", ".h5"])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.98])
def test_cut_short(good, suffix, keep):
    path = good / f"d{suffix}"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(InvalidProblemError):
        read(path, **({"target": 0} if suffix == ".npy" else {}))


def test_unknown_extension_lists_the_known_ones(tmp_path):
    for name in ("d.xlsx", "d", "d.npz.gz", "d.gz", ".csv"):
        with pytest.raises(InvalidProblemError, match="unknown extension; known are .svm.*.npz"):
            read(tmp_path / name)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "d.csv")
    with pytest.raises(OSError, match="not a regular file"):
        read(tmp_path / "d.csv")


def test_a_header_that_claims_too_much_is_not_believed(tmp_path):
    with open(tmp_path / "d.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**20)}
        )
        file.write(bytes(800))
    with pytest.raises(InvalidProblemError, match="cut short"):
        read(tmp_path / "d.npy", 0)


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [
        ("pyarrow.parquet", "d.parquet", "pip install 'pyarrow>=15'"),
        ("h5py", "d.h5", "pip install h5py"),
    ],
)
def test_a_missing_package_is_named_by_its_pip_command(good, monkeypatch, module, name, command):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=command):
        read(good / name)


@pytest.mark.parametrize("order", ["C", "F"])
def test_nonfinite_entries_of_arrays_are_explained_on_demand(order, monkeypatch):
    monkeypatch.setattr("sparseopt.datasets.readers._table._BLOCK", 7)
    X = np.ones((1000, 3), order=order)
    assert explain_nonfinite(X, range(3)) is None
    X[[3, 5], 1] = np.nan
    X[7, 2] = np.inf
    assert explain_nonfinite(X, range(3)) == (
        "missing or infinite values in column 1 (2 rows), column 2 (1 row) of 1000 rows"
    )
    assert "'b' (2 rows)" in explain_nonfinite(X, ["a", "b", "c"])
