"""Each rank reads its part of a file; together they hold the file."""

import bz2
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import sparseopt as so
from sparseopt.cli.job import Job, run
from sparseopt.datasets import read
from sparseopt.mpi import MpiRanks

N, P = 11, 5


def write(folder, name):
    """Write a file of one format; return its path and the options to read it."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(-9, 9, (N, P)) / 4.0, np.arange(float(N))
    X[:, 1] *= rng.random(N) < 0.5
    path = os.path.join(folder, name.split("/")[-1])
    if name.endswith(".npz"):
        if "csr" in name or "csc" in name:
            sparse.save_npz(path, getattr(sparse, name[:3] + "_matrix")(X), compressed=False)
            np.save(path + ".npy", y)
            return path, dict(target=path + ".npy")
        (np.savez_compressed if "packed" in name else np.savez)(path, X=X, y=y)
        return path, {}
    if name.endswith(".npy"):
        np.save(path, np.column_stack([X, y]))
        return path, dict(target=-1)
    if name.endswith(".h5"):
        import h5py

        with h5py.File(path, "w") as file:
            file.create_dataset("X", data=X, chunks=(2, P) if "chunked" in name else None)
            file["y"] = y
        return path, {}
    if name.endswith(".parquet"):
        import pandas as pd

        frame = pd.DataFrame({f"x{j}": X[:, j] for j in range(P)} | {"y": y})
        frame.to_parquet(path, row_group_size=4)
        return path, {}
    if name.endswith((".svm", ".bz2")):
        first = 0 if "zero" in name else 1
        lines = [
            f"{y[i]:g} " + " ".join(f"{j + first}:{X[i, j]:g}" for j in range(P) if X[i, j]) for i in range(N)
        ]  # fmt: skip
        text = ("\n".join(lines) + "\n").encode()
        with (bz2.open if name.endswith(".bz2") else open)(path, "wb") as file:
            file.write(text)
        return path, {}
    header = [f'"x{j}"' if "quoted" in name else f"x{j}" for j in range(P)]
    rows = "\n".join([",".join([*header, "y"])] * ("bare" not in name) + [
        ",".join(map(repr, [*X[i].tolist(), float(y[i])])) for i in range(N)])  # fmt: skip
    with open(path, "w", newline="") as file:
        file.write(rows.replace("\n", "\r\n") if "windows" in name else rows)
    return path, dict(target=P if "bare" in name else "y", drop=["x3"] if "drop" in name else ())


FILES = [
    "a.npz", "packed.npz", "csr.npz", "csc.npz", "a.npy", "a.h5", "chunked.h5", "a.parquet", "a.svm", "zero.svm",
    "a.svm.bz2", "a.csv", "bare.csv", "quoted.csv", "windows.csv", "drop.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_parts_make_the_whole(comm, name, tmp_path):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    if name.endswith(".h5"):
        pytest.importorskip("h5py")
    folder = comm.bcast(str(tmp_path))
    path, options = comm.bcast(write(folder, name) if comm.rank == 0 else None)
    part = so.mpi.read_rows(path, comm, **options)
    whole = read(path, **options)
    assert list(part.feature_names) == list(whole.feature_names)
    assert part.X.shape[0] <= -(-N // comm.size) + 2  # text is cut between bytes, not rows
    X = np.vstack(comm.allgather(part.X.toarray() if sparse.issparse(part.X) else np.asarray(part.X)))
    expected = whole.X.toarray() if sparse.issparse(whole.X) else whole.X
    np.testing.assert_array_equal(X, expected)
    np.testing.assert_array_equal(np.concatenate(comm.allgather(part.y)), whole.y)


def test_a_fit_reads_its_rows(comm, tmp_path):
    folder = comm.bcast(str(tmp_path))
    path, _ = comm.bcast(write(folder, "fit.npz") if comm.rank == 0 else None)
    model = so.mpi.fit(so.Lasso(alpha=0.1), path, comm)
    table = read(path)
    np.testing.assert_allclose(model.coef_, so.Lasso(alpha=0.1).fit(table.X, table.y).coef_, rtol=1e-12)


def test_names_of_a_file_are_those_of_a_fit(comm, tmp_path):
    folder = comm.bcast(str(tmp_path))
    path, options = comm.bcast(write(folder, "drop.csv") if comm.rank == 0 else None)
    model = so.mpi.fit(so.Lasso(alpha=0.1), path, comm, **options)
    assert list(model.feature_names_in_) == ["x0", "x1", "x2", "x4"]


@pytest.mark.parametrize("name", ["SparseLogisticRegression", "Lasso"])
def test_a_model_file_does_not_depend_on_ranks(comm, name, tmp_path):
    folder = comm.bcast(str(tmp_path))
    path, options = comm.bcast(write(folder, "labels.csv") if comm.rank == 0 else None)
    if comm.rank == 0:
        table = np.genfromtxt(path, delimiter=",", names=True)
        if name != "Lasso":
            table["y"] = np.where(table["y"] > 4, 3, 1)
        np.savetxt(path, table, delimiter=",", header=",".join(table.dtype.names), comments="")
    comm.Barrier()
    out = [os.path.join(folder, each) for each in ("spread.npz", "serial.npz")]
    job = Job(path=Path(path), name=name, target="y", drop=("x3",), pairs=("alpha=0.01", "tol=1e-12"), out=Path(out[0]))
    run(job, MpiRanks(comm))
    comm.Barrier()
    if comm.rank == 0:
        run(replace(job, out=Path(out[1])))
        spread, serial = map(np.load, out)
        assert spread.files == serial.files and list(serial["feature_names"]) == ["x0", "x1", "x2", "x4"]
        for key in set(serial.files) - {"certificate"}:
            if serial[key].dtype.kind == "f":
                np.testing.assert_allclose(spread[key], serial[key], rtol=1e-9, atol=1e-12, err_msg=key)
            else:
                np.testing.assert_array_equal(spread[key], serial[key], err_msg=key)
        ours, theirs = (json.loads(str(file["certificate"])) for file in (spread, serial))
        assert ours.keys() == theirs.keys() and ours["converged"] == theirs["converged"]
