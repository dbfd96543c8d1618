"""The CSV reader: layouts that occur, and files that must be explained."""

import bz2
import gzip
import lzma

import numpy as np
import pandas as pd
import pytest

from sparseopt.datasets import read
from sparseopt.exceptions import InvalidProblemError


@pytest.fixture
def write(tmp_path):
    def _write(text, name="d.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return _write


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_header_and_delimiter_are_found(write, delimiter, newline):
    rows = [["a", "b c", "y"], ["1", "2.5", "3"], ["4", "-5e-1", "6"]]
    table = read(write(newline.join(map(delimiter.join, rows))))
    np.testing.assert_array_equal(table.X, [[1, 2.5], [4, -0.5]])
    np.testing.assert_array_equal(table.y, [3, 6])
    assert table.feature_names == ["a", "b c"]


def test_every_double_survives(write):
    A = np.random.default_rng(0).standard_normal((20, 4)) * 10.0 ** np.arange(-150, 150, 75)
    table = read(write("\n".join(",".join(map(repr, row)) for row in A.tolist())), target=-1)
    np.testing.assert_array_equal(np.c_[table.X, table.y], A)


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed(write, suffix, pack):
    table = read(write(pack(b"a,y\n1,2\n3,4\n"), f"d.csv{suffix}"))
    np.testing.assert_array_equal(table.y, [2, 4])


@pytest.mark.parametrize("target", ["a", "b", "c", 0, 1, -1, "2"])
def test_target_by_name_or_number(write, target):
    path = write("a,b,c\n1,2,3\n4,5,6\n7,8,9\n")
    j = "abc".index(target) if str(target) in "abc" else int(target) % 3
    table = read(path, target)
    np.testing.assert_array_equal(table.y, [1 + j, 4 + j, 7 + j])
    assert table.feature_names == [name for name in "abc" if name != "abc"[j]]


def test_without_header_columns_are_numbers(write):
    path = write("1,2,3\n4,5,6\n")
    assert read(path, 2).feature_names == range(2)
    assert read(path, 1).feature_names == [0, 2]
    with pytest.raises(InvalidProblemError, match="no header, its columns are 0 to 2"):
        read(path)


def test_target_must_be_named_or_called_y_or_target(write):
    assert read(write("target,a\n1,2\n")).y == [1]
    with pytest.raises(InvalidProblemError, match="which column is the target.*'a', 'b'"):
        read(write("a,b\n1,2\n"))
    with pytest.raises(InvalidProblemError, match="which column is the target"):
        read(write("y,target,a\n1,2,3\n"))
    with pytest.raises(InvalidProblemError, match="no target column 'price'; columns are 'a', 'b'"):
        read(write("a,b\n1,2\n"), "price")


def test_quotes_byte_order_mark_comment_header_and_blank_lines(write):
    table = read(write('\ufeff"a, or b","y"\n\n"1",2\n\n3,"4"\n\n'))
    assert table.feature_names == ["a, or b"]
    np.testing.assert_array_equal(table.X, [[1], [3]])
    assert read(write("# a,y\n1,2\n")).feature_names == ["a"]


def test_row_labels_of_pandas_are_left_out_with_a_warning(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2], "y": [3.0, 4]}, index=["first", "second"])
    frame.to_csv(tmp_path / "d.csv")
    with pytest.warns(UserWarning, match="row labels"):
        table = read(tmp_path / "d.csv")
    assert table.feature_names == ["a"]
    np.testing.assert_array_equal(table.X, [[1], [2]])


def test_drop_and_columns(write):
    path = write("city,a,b,y\nParis,1,2,3\nRome,4,5,6\n")
    table = read(path, drop=["city"])
    assert table.feature_names == ["a", "b"]
    assert read(path, drop="city").feature_names == ["a", "b"]
    np.testing.assert_array_equal(table.X, [[1, 2], [4, 5]])
    table = read(path, columns=["b", "a"])
    np.testing.assert_array_equal(table.X, [[2, 1], [5, 4]])
    assert table.y is None
    with pytest.raises(InvalidProblemError, match="no column to drop 'town'"):
        read(path, drop=["town"])
    with pytest.raises(InvalidProblemError, match="target cannot be dropped"):
        read(path, drop=["city", "y"])


def test_rows_of_another_width_are_found_also_when_columns_are_picked(write):
    path = write("a,b,y\n1,2,3\n4,5\n6,7,8\n")
    for options in ({}, {"columns": ["a"]}):
        with pytest.raises(InvalidProblemError, match="line 3 has 2 values where .* 3"):
            read(path, **options)


def test_text_is_named_with_an_example(write):
    path = write("a,city,y\n1,Paris,3\n4,,6\n")
    with pytest.raises(InvalidProblemError, match=r"text in 'city' \('Paris' in line 2\)"):
        read(path)


@pytest.mark.parametrize("blank", ["", "NA", "nan", "NaN", "?", "null", "inf", "-inf", " "])
def test_missing_values_are_named_and_counted(write, blank):
    path = write(f"a,b,y\n1,{blank},3\n4,5,6\n7,{blank},9\n")
    with pytest.raises(InvalidProblemError, match=r"'b' \(2 rows, first in line 2\) of 3 rows"):
        read(path)


def test_missing_target_values_are_errors_too(write):
    with pytest.raises(InvalidProblemError, match=r"'y' \(1 row, first in line 3\)"):
        read(write("a,y\n1,2\n3,\n"))


def test_many_bad_columns_are_summarised(write):
    header = ",".join(f"c{j}" for j in range(50)) + ",y"
    with pytest.raises(InvalidProblemError, match="'c4' .* and 45 more"):
        read(write(f"{header}\n" + "?," * 50 + "1\n"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a,b,y\n", "no rows of data"),
        ("\n\n\n", "nothing but empty lines"),
        ("a,a,y\n1,2,3\n", "occur more than once: 'a'"),
        ("y\n1\n", "no feature is left"),
        (b"\x00\x01\x02" * 50, "binary"),
        (bytes(range(128, 256)) * 50, "not UTF-8 text"),
        (b"a,y\n1,2\n\xff\xfe,3\n", "save it as UTF-8"),
        ("a,y\n1,2\n".encode("utf-16"), "UTF"),
        ("x" * 5000 + ",y\n1,2\n", "5000 characters"),
        ("a" * 200_000 + "\n1\n", "field larger"),
        ("<html><body>404</body></html>", "which column is the target"),
        ('a,y\n"1,2\n3,4\n', "d.csv"),
    ],
)
def test_files_that_are_no_tables(write, content, complaint):
    with pytest.raises(InvalidProblemError, match=complaint):
        read(write(content))


def test_terminal_codes_in_a_file_do_not_reach_the_message(write):
    with pytest.raises(InvalidProblemError) as caught:
        read(write("a\x1b[31m,y\nred\x1b[0m,1\n"))
    assert "\x1b" not in str(caught.value)


def test_a_wide_header_is_no_trouble(write):
    p = 20_000
    names = ",".join(f"gene_{j}" for j in range(p))
    table = read(write(f"{names},y\n" + "1," * p + "2\n"))
    assert table.X.shape == (1, p)
    assert table.feature_names[-1] == "gene_19999"


@pytest.mark.parametrize(
    ("yes", "no"), [("True", "False"), ("true", "false"), ("TRUE", " FALSE"), ('"True"', '"False"')]
)
def test_columns_of_true_and_false_are_numbers(write, yes, no):
    path = write(f"a,flag,y\n1,{yes},3\n2,{no},4\n5,{yes},6\n")
    for options in ({}, {"columns": ["flag"]}):
        X = read(path, **options).X
        np.testing.assert_array_equal(X[:, -1], [1, 0, 1])
    np.testing.assert_array_equal(read(path, "flag").y, [1, 0, 1])
    np.testing.assert_array_equal(read(write("True,1\nFalse,2\n"), -1).X, [[1], [0]])
    np.testing.assert_array_equal(read(write("True,False\nFalse,True\n"), -1).X, [[1], [0]])  # no header


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (("True", "maybe"), r"text in 'flag' \('maybe' in line 3\)"),
        (("True", ""), r"missing or infinite values in 'flag' \(1 row, first in line 3\)"),
        (("", "True"), r"^[^;]*: missing or infinite values in 'flag' \(1 row, first in line 2\)[^;]*$"),
        (("True", "2.5"), r"text in 'flag' \('True' in line 2\)"),
        (("2.5", "False"), r"text in 'flag' \('False' in line 3\)"),
    ],
)
def test_what_is_wrong_in_a_column_of_true_and_false_is_named(write, cells, complaint):
    path = write("flag,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    with pytest.raises(InvalidProblemError, match=complaint):
        read(path)


def test_a_mistyped_column_is_guessed(write):
    path = write("rooms,area,price\n1,2,3\n")
    with pytest.raises(InvalidProblemError, match="no target column 'prize', did you mean price"):
        read(path, "prize")
    with pytest.raises(InvalidProblemError, match="no column to drop 'Room', did you mean rooms"):
        read(path, "price", drop=["Room"])
