"""Bad data on the command line: one line that names the file, status 2, nothing written."""

import numpy as np
import pytest

FIT = ("--estimator", "Lasso", "--param", "alpha=0.1")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("none.npz", None, "no such file"),
        ("empty.csv", b"", "empty"),
        ("data.xlsx", b"PK", "unknown extension"),
        ("junk.npz", b"PK\x03\x04 not really", "not a readable"),
        ("junk.csv", bytes(range(128)) * 20, "binary"),
        ("latin.csv", "größe,y\n1,2\n".encode("latin-1"), "not UTF-8"),
        ("junk.svm", b"\x93NUMPY", "junk.svm"),
        ("junk.parquet", b"PAR1 and so on", "not a readable"),
        ("junk.h5", b"\x89HDF\r\n\x1a\nrubbish", "not a readable"),
        ("ragged.csv", b"a,b,y\n1,2,3\n4,5\n", "line 3 has 2 values"),
        ("text.csv", b"a,city,y\n1,Rome,2\n", "text in 'city' ('Rome' in line 2)"),
        ("gaps.csv", b"a,b,y\n1,,3\n1,,3\n1,2,3\n", "'b' (2 rows, first in line 2) of 3 rows"),
        ("goal.csv", b"a,b\n1,2\n3,4\n", "which column is the target"),
        ("one.csv", b"a,y\n", "no rows"),
        ("newline.csv", b'"a\nb",c\n1,2\n', "which column is the target"),
        ("long.csv", b"x" * 100_000 + b",y\n1,2\n", "100000 characters"),
    ],
)
def test_unreadable_files(refused, tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    message = refused("fit", tmp_path / name, *FIT, "--out", tmp_path / "m.npz")
    assert complaint in message
    assert name in message
    assert not (tmp_path / "m.npz").exists()


def test_directory(refused, tmp_path):
    (tmp_path / "d.csv").mkdir()
    assert "is a directory" in refused("fit", tmp_path / "d.csv", *FIT)


def test_truncated_and_pickled_archives(refused, tmp_path, npz):
    npz.write_bytes(npz.read_bytes()[:-300])
    assert "not a readable NumPy .npz file" in refused("fit", npz, *FIT)
    np.savez(tmp_path / "o.npz", X=np.array([[1, "a"]], dtype=object), y=np.ones(1))
    assert "never loaded" in refused("fit", tmp_path / "o.npz", *FIT)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nonfinite_arrays_are_explained(refused, tmp_path, problem, bad):
    X = problem[0].copy()
    X[[2, 3, 9], 7] = bad
    np.savez(tmp_path / "d.npz", X=X, y=problem[1])
    message = refused("fit", tmp_path / "d.npz", *FIT)
    assert "column 7 (3 rows) of 60 rows" in message


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.ones((3, 2)), np.ones(4)),
        (np.ones((3, 2), complex), np.ones(3)),
        (np.ones((0, 2)), np.ones(0)),
        (np.ones((3, 0)), np.ones(3)),
        (np.ones((3, 2)), np.array([1, 2, np.nan])),
        (np.ones((3, 2)), np.array(["a", "b", "c"])),
    ],
)
def test_arrays_that_are_no_problem(refused, tmp_path, X, y):
    np.savez(tmp_path / "d.npz", X=X, y=y)
    assert "d.npz" in refused("fit", tmp_path / "d.npz", *FIT)


def test_options_of_another_format(refused, csv, npz):
    assert "'key' does not apply to CSV" in refused("fit", csv, *FIT, "--key", "X")
    assert "'drop' does not apply" in refused("fit", npz, *FIT, "--drop", "a")


def test_a_missing_target_column_lists_the_columns(refused, csv):
    message = refused("fit", csv, *FIT, "--target", "cost")
    assert "no target column 'cost'" in message and "'f0', 'f1'" in message


def test_too_little_data_for_the_options(refused, npz):
    assert "--test-fraction" in refused("fit", npz, *FIT, "--test-fraction", 0.001)
    assert "60" in refused("fit", npz, "--estimator", "Lasso", "--cv", 1000)
