"""Each rank reads its part of a file; together they hold the file."""

import bz2
import os

import numpy as np
import pytest
from scipy import sparse

import sparseopt as so
from sparseopt.datasets import read

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
