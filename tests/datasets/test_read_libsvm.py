"""The libsvm reader, against scikit-learn's writer."""

import bz2
import gzip

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from sparseopt.datasets import read
from sparseopt.exceptions import InvalidProblemError


@pytest.fixture
def data():
    X = sparse.random(30, 12, density=0.3, random_state=0, format="lil")
    X[0, 0] = X[0, 11] = 1.5  # so that the first and the last feature occur
    X = X.tocsr()
    X.data = X.data.round(6)  # the writer keeps 16 digits, not 17
    return X, np.arange(30.0)


@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".svm", bytes), (".libsvm", bytes), (".svm.gz", gzip.compress), (".svm.bz2", bz2.compress)],
)
def test_round_trip(tmp_path, data, zero_based, suffix, pack):
    X, y = data
    dump_svmlight_file(X, y, str(tmp_path / "plain"), zero_based=zero_based)
    path = tmp_path / f"d{suffix}"
    path.write_bytes(pack((tmp_path / "plain").read_bytes()))
    table = read(path)
    assert isinstance(table.X, sparse.csc_array) and table.X.indices.dtype == np.int32
    np.testing.assert_array_equal(table.X.toarray(), X.toarray())
    np.testing.assert_array_equal(table.y, y)
    assert table.feature_names == (range(12) if zero_based else range(1, 13))


def test_empty_rows_and_comments(tmp_path):
    path = tmp_path / "d.svm"
    path.write_text("# a comment\n1 2:0.5\n-1\n1 1:2 3:4 # another\n")
    table = read(path)
    np.testing.assert_array_equal(table.X.toarray(), [[0, 0.5, 0], [0, 0, 0], [2, 0, 4]])


def test_columns_fix_the_shape_and_the_count(tmp_path):
    path = tmp_path / "d.svm"
    path.write_text("1 2:0.5\n")
    np.testing.assert_array_equal(read(path, columns=range(1, 5)).X.toarray(), [[0, 0.5, 0, 0]])
    np.testing.assert_array_equal(read(path, columns=range(4)).X.toarray(), [[0, 0, 0.5, 0]])
    with pytest.raises(InvalidProblemError, match="feature 2 is beyond the 1 expected"):
        read(path, columns=range(1, 2))
    path.write_text("1 0:1 2:0.5\n")
    with pytest.raises(InvalidProblemError, match="there is a feature 0"):
        read(path, columns=range(1, 5))


@pytest.mark.parametrize(
    "text", ["1 1:a\n", "x 1:2\n", "1,2,3\n", "1 3:1 2:1\n", "1 -4:1\n", "\x00\x01"]
)
def test_junk_is_refused(tmp_path, text):
    path = tmp_path / "d.svm"
    path.write_text(text)
    with pytest.raises(InvalidProblemError, match="d.svm"):
        read(path)


def test_options_that_do_not_apply_are_refused(tmp_path):
    path = tmp_path / "d.svm"
    path.write_text("1 2:0.5\n")
    with pytest.raises(InvalidProblemError, match="'target' does not apply to libsvm"):
        read(path, target="y")
