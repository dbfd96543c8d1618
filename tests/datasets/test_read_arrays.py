"""Readers of NumPy files and HDF5: round trips, memory maps, which array is which."""

import h5py
import numpy as np
import pytest
from scipy import sparse

from sparseopt.datasets import read
from sparseopt.exceptions import InvalidProblemError


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((30, 8)), rng.standard_normal(30)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.bool_])
def test_npz_round_trip(tmp_path, data, save, dtype):
    X, y = (data[0] * 10).astype(dtype), data[1]
    save(tmp_path / "d.npz", X=X, y=y, feature_names=[f"f{j}" for j in range(8)])
    table = read(tmp_path / "d.npz")
    assert table.X.dtype == dtype
    np.testing.assert_array_equal(table.X, X)
    np.testing.assert_array_equal(table.y, y)
    assert table.feature_names == [f"f{j}" for j in range(8)]


def test_unnamed_features_are_numbered_by_a_range(tmp_path, data):
    np.savez(tmp_path / "d.npz", X=data[0], y=data[1])
    assert read(tmp_path / "d.npz").feature_names == range(8)


def test_npz_other_names_and_a_target_in_its_own_file(tmp_path, data):
    X, y = data
    np.savez(tmp_path / "d.npz", design=X, response=y)
    np.save(tmp_path / "t.npy", y)
    np.testing.assert_array_equal(read(tmp_path / "d.npz", "response", key="design").y, y)
    table = read(tmp_path / "d.npz", str(tmp_path / "t.npy"), key="design")
    np.testing.assert_array_equal(table.y, y)
    with pytest.raises(InvalidProblemError, match="no array 'X' .*'design', 'response'"):
        read(tmp_path / "d.npz")
    with pytest.raises(InvalidProblemError, match="no array 'y'"):
        read(tmp_path / "d.npz", key="design")


@pytest.mark.parametrize("order", ["C", "F"])
def test_large_stored_arrays_are_mapped_not_read(tmp_path, order):
    X = np.asarray(np.arange(600_000.0).reshape(600, 1000), order=order)
    np.savez(tmp_path / "d.npz", y=X[:, 0], X=X)
    np.save(tmp_path / "d.npy", X)
    for table in (read(tmp_path / "d.npz"), read(tmp_path / "d.npy", -1)):
        assert isinstance(table.X, np.memmap)
        assert not table.X.flags.writeable
        np.testing.assert_array_equal(table.X, X[:, : table.X.shape[1]])
    assert read(tmp_path / "d.npz").X.flags.f_contiguous == (order == "F")


def test_multi_target_and_single_column_targets(tmp_path, data):
    X, y = data
    np.savez(tmp_path / "two.npz", X=X, y=np.c_[y, -y])
    np.savez(tmp_path / "one.npz", X=X, y=y[:, None])
    assert read(tmp_path / "two.npz").y.shape == (30, 2)
    assert read(tmp_path / "one.npz").y.shape == (30,)


@pytest.mark.parametrize("kind", ["csc", "csr", "coo", "bsr"])
def test_sparse_npz_round_trip(tmp_path, kind):
    X = sparse.random(40, 25, density=0.2, random_state=0, format=kind)
    y = np.arange(40.0)
    sparse.save_npz(tmp_path / "x.npz", X)
    np.save(tmp_path / "y.npy", y)
    table = read(tmp_path / "x.npz", str(tmp_path / "y.npy"))
    assert table.X.format == "csc"
    np.testing.assert_array_equal(table.X.toarray(), X.toarray())
    np.testing.assert_array_equal(table.y, y)


def test_sparse_matrix_and_target_in_one_npz(tmp_path):
    X = sparse.random(40, 25, density=0.2, random_state=0, format="csc")
    np.savez(
        tmp_path / "d.npz", format="csc", shape=X.shape, data=X.data, indices=X.indices,
        indptr=X.indptr, y=np.ones(40),
    )  # fmt: skip
    table = read(tmp_path / "d.npz")
    np.testing.assert_array_equal(table.X.toarray(), X.toarray())
    assert table.y.sum() == 40


def test_sparse_npz_with_an_index_out_of_range_is_refused(tmp_path):
    np.savez(
        tmp_path / "d.npz", format="csc", shape=(3, 2), data=np.ones(2), indices=np.array([0, 7]),
        indptr=np.array([0, 1, 2]), y=np.ones(3),
    )  # fmt: skip
    with pytest.raises(InvalidProblemError, match="d.npz"):
        read(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("target", "names"),
    [(0, [1, 2, 3]), (-1, range(3)), ("3", range(3)), (2, [0, 1, 3])],
)
def test_npy_target_column(tmp_path, target, names):
    A = np.arange(20.0).reshape(5, 4)
    np.save(tmp_path / "a.npy", A)
    table = read(tmp_path / "a.npy", target)
    np.testing.assert_array_equal(table.y, A[:, int(target)])
    np.testing.assert_array_equal(table.X, np.delete(A, int(target), axis=1))
    assert list(table.feature_names) == list(names)


def test_npy_needs_to_know_the_target_unless_none_is_wanted(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 4)))
    with pytest.raises(InvalidProblemError, match="which of the columns 0 to 3"):
        read(tmp_path / "a.npy")
    with pytest.raises(InvalidProblemError, match="no column 4"):
        read(tmp_path / "a.npy", 4)
    table = read(tmp_path / "a.npy", require_target=False)
    assert table.X.shape == (5, 4) and table.y is None


@pytest.mark.parametrize("options", [{}, {"chunks": True}, {"compression": "gzip"}])
def test_hdf5_round_trip(tmp_path, data, options):
    X, y = data
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_dataset("X", data=X, **options)
        file["deep/target"] = y
        file["feature_names"] = [f"f{j}" for j in range(8)]
    table = read(tmp_path / "d.h5", "deep/target")
    np.testing.assert_array_equal(table.X, X)
    np.testing.assert_array_equal(table.y, y)
    assert isinstance(table.X, np.memmap) == (not options)
    assert table.feature_names[3] == "f3"


def test_hdf5_says_what_the_file_holds(tmp_path, data):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["group/X"] = data[0]
        file["words"] = ["a", "b"]
    with pytest.raises(InvalidProblemError, match="no dataset 'X' .*'group', 'words'"):
        read(tmp_path / "d.h5")
    with pytest.raises(InvalidProblemError, match="is a group"):
        read(tmp_path / "d.h5", key="group")
    with pytest.raises(InvalidProblemError, match="real numbers"):
        read(tmp_path / "d.h5", key="words")


def test_object_arrays_are_refused_whatever_holds_them(tmp_path):
    bad = np.array([[1, "a"], [None, 2]], dtype=object)
    np.savez(tmp_path / "stored.npz", X=bad, y=np.ones(2))
    np.savez_compressed(tmp_path / "packed.npz", X=bad, y=np.ones(2))
    np.save(tmp_path / "a.npy", bad)
    for name in ("stored.npz", "packed.npz", "a.npy"):
        with pytest.raises(InvalidProblemError, match="Python objects, which are never loaded"):
            read(tmp_path / name, **({"target": 0} if name == "a.npy" else {}))


@pytest.mark.parametrize(
    ("X", "y", "complaint"),
    [
        (np.ones((3, 2)), np.ones(4), "X has 3 rows but y has 4"),
        (np.ones(3), np.ones(3), "two dimensions"),
        (np.ones((3, 2, 2)), np.ones(3), "two dimensions"),
        (np.ones((0, 2)), np.ones(0), "X is empty"),
        (np.ones((3, 0)), np.ones(3), "X is empty"),
        (np.ones((3, 2), complex), np.ones(3), "real numbers, its type is complex128"),
        (np.full((3, 2), "a"), np.ones(3), "real numbers"),
        (np.ones((3, 2)), np.array(["a", "b", "c"]), "target must hold real numbers"),
        (np.ones((3, 2)), np.array([1, np.nan, np.inf]), "2 missing or infinite values"),
        (np.ones((3, 2)), np.ones((3, 1, 1)), "one or two dimensions"),
    ],
)
def test_arrays_that_are_no_problem_are_refused(tmp_path, X, y, complaint):
    np.savez(tmp_path / "d.npz", X=X, y=y)
    with pytest.raises(InvalidProblemError, match=complaint):
        read(tmp_path / "d.npz")
