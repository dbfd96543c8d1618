"""Output files: checked before the work, whole or absent."""

import os
import stat

import numpy as np
import pytest

import sparseopt as so
from sparseopt.cli.failures import JobFailed, WrongUse
from sparseopt.cli.output import check_output, written_whole

FIT = ("--estimator", "Lasso", "--param", "alpha=0.1")


@pytest.fixture
def no_fit(monkeypatch):
    def fail(self, X, y):
        raise AssertionError("the work began")

    monkeypatch.setattr(so.Lasso, "fit", fail)


@pytest.mark.parametrize(
    ("out", "complaint"),
    [
        ("nowhere/m.npz", "does not exist"),
        ("m.txt", "must end in .npz"),
        ("m", "must end in .npz"),
        ("folder.npz", "is a directory"),
        ("data.npz", "overwrite its own input"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_the_fit(
    refused, npz, tmp_path, no_fit, out, complaint
):
    (tmp_path / "folder.npz").mkdir()
    before = npz.read_bytes()
    assert complaint in refused("fit", npz, *FIT, "--out", tmp_path / out)
    assert npz.read_bytes() == before


def test_a_directory_that_refuses_files(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(WrongUse, match="cannot be written .Permission denied"):
        check_output(tmp_path / "m.npz", (".npz",))


def test_an_interrupted_write_leaves_the_old_file_and_no_scraps(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), written_whole(path) as file:
        file.write(b"half of the ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.npz"]


def test_a_full_disk_is_a_failed_job(tmp_path):
    with pytest.raises(JobFailed, match="No space left"), written_whole(tmp_path / "m.npz"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_files_have_the_permissions_of_new_files_and_links_stay(tmp_path):
    (tmp_path / "real.npz").write_bytes(b"old")
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    plain = tmp_path / "plain"
    plain.touch()
    with written_whole(tmp_path / "link.npz") as file:
        file.write(b"new")
    assert (tmp_path / "link.npz").is_symlink()
    assert (tmp_path / "real.npz").read_bytes() == b"new"
    mode = stat.S_IMODE(os.stat(tmp_path / "real.npz").st_mode)
    assert mode == stat.S_IMODE(plain.stat().st_mode)


def test_names_of_features_are_stored_as_text(run, csv, tmp_path):
    out = tmp_path / "m.npz"
    assert run("fit", csv, *FIT, "--target", "price", "--out", out).status == 0
    with np.load(out, allow_pickle=False) as model:
        assert model["feature_names"].tolist() == [f"f{j}" for j in range(20)]
        assert {str(model[name].dtype.kind) for name in model} <= {"f", "U"}
