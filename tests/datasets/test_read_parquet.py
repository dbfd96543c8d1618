"""The Parquet reader, against pandas' writer."""

import numpy as np
import pandas as pd
import pytest

from sparseopt.datasets import read
from sparseopt.exceptions import InvalidProblemError


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.standard_normal(20),
            "b": rng.integers(5, size=20),
            "c": rng.random(20) < 0.5,
            "y": rng.standard_normal(20),
        }
    )


def test_round_trip(tmp_path, frame):
    frame.set_index(frame.index * 7).to_parquet(tmp_path / "d.parquet")  # labels are no feature
    table = read(tmp_path / "d.parquet")
    np.testing.assert_array_equal(table.X, frame[["a", "b", "c"]].astype(float))
    np.testing.assert_array_equal(table.y, frame["y"])
    assert table.feature_names == ["a", "b", "c"]
    assert table.X.flags.f_contiguous


def test_float32_stays_float32(tmp_path, frame):
    frame.astype(np.float32).to_parquet(tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet").X.dtype == np.float32


def test_columns_target_and_drop(tmp_path, frame):
    frame.to_parquet(tmp_path / "d.parquet")
    table = read(tmp_path / "d.parquet", "a", drop=["y"])
    assert table.feature_names == ["b", "c"]
    table = read(tmp_path / "d.parquet", columns=["c", "a"])
    np.testing.assert_array_equal(table.X, frame[["c", "a"]].astype(float))
    with pytest.raises(InvalidProblemError, match="no target column 'z'"):
        read(tmp_path / "d.parquet", "z")


def test_what_is_not_a_number_is_named_with_its_type(tmp_path, frame):
    frame["city"] = "Paris"
    frame["kind"] = pd.Categorical(["u", "v"] * 10)
    frame["when"] = pd.Timestamp("2020-01-01")
    frame.to_parquet(tmp_path / "d.parquet")
    with pytest.raises(InvalidProblemError, match="'city' .*'kind' .*dictionary.*'when' .*timesta"):
        read(tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet", drop=["city", "kind", "when"]).X.shape == (20, 3)


def test_null_and_nan_are_counted(tmp_path, frame):
    frame["b"] = frame["b"].astype("Int64")
    frame.loc[3:5, "b"] = pd.NA
    frame.loc[7, "a"] = np.inf
    frame.to_parquet(tmp_path / "d.parquet")
    with pytest.raises(InvalidProblemError, match=r"'a' \(1 row\), 'b' \(3 rows\) of 20 rows"):
        read(tmp_path / "d.parquet")
