"""Ranks that raise or are killed in the middle of a fit; jobs that go on afterwards."""

import json
import os
import signal
import time

import numpy as np
import psutil
import pytest
from launching import HERE, needs_mpi, run, start

from sparseopt.datasets import make_correlated
from sparseopt.estimators import LassoCV

pytestmark = needs_mpi
PATIENCE = 250  # seconds, of a busy machine; alone it takes five


@pytest.mark.parametrize("fault", ["raise", "kill"])
def test_all_ranks_end_and_the_checkpoint_stays(fault, tmp_path):
    status, out, err = run(3, HERE / "ranks" / "fatal.py", fault, tmp_path, timeout=PATIENCE)
    assert status != 0 and "finished" not in out
    if fault == "raise":
        assert "rank 1 of 3 failed (ZeroDivisionError: a rank met trouble of its own)" in err
    else:
        assert "KILLED BY SIGNAL: 9" in out + err or "signal 9" in out + err
    kept = sorted(tmp_path.glob("0*"))  # two batches of the first fold
    assert [path.name for path in kept] == ["0001-path.npz"]
    with np.load(kept[0]) as state:
        assert 0 < state["n_done"] < 100 and np.count_nonzero(np.isfinite(state["gaps"])) >= state["n_done"]


@pytest.mark.parametrize("kind", ["lasso", "group", "logistic"])
def test_finished_alphas_are_not_computed_again(kind, tmp_path):
    status, out, err = run(2, HERE / "ranks" / "restart.py", kind, tmp_path, "kill", timeout=PATIENCE)
    assert status != 0
    assert list(tmp_path.glob("0*.npz")) and not list(tmp_path.glob("0*-solve.npz")), out + err  # in mid-path
    status, out, err = run(2, HERE / "ranks" / "restart.py", kind, tmp_path, "go_on", timeout=PATIENCE)
    assert status == 0, out + err
    facts = json.loads(out)
    assert facts["restored"] > 0 and facts["left"] == 0
    assert facts["restored"] + facts["solved"] == facts["total"]
    assert facts["touched"] <= facts["solved"]  # the final fit is an alpha of its own
    assert facts["passes"] < facts["passes of the whole"]


@pytest.mark.parametrize("wrong", ["file", "parameter", "output", "value"])
def test_a_wrong_command_ends_all_ranks_with_one_line(wrong, tmp_path):
    data = tmp_path / "data.npz"
    X = np.random.default_rng(0).standard_normal((20, 4))
    if wrong == "value":
        X[19, 2] = np.nan  # on the last rank
    np.savez(data, X=X, y=np.arange(20.0))
    options, words = {
        "file": ([tmp_path / "absent.npz"], ["absent.npz: no such file"]),
        "parameter": ([data, "--param", "alpha=-1"], ["alpha must be a number > 0"]),
        "output": ([data, "--out", tmp_path / "nowhere" / "model.npz"], ["nowhere does not exist"]),
        "value": ([data], ["column 2", "on rank 1"]),
    }[wrong]
    status, out, err = run(2, "-m", "sparseopt", "fit", *options, "--estimator", "Lasso", timeout=PATIENCE)
    assert status == 2 and not out, (out, err)
    assert len(err.strip().splitlines()) == 1 and err.startswith("sparseopt: "), err
    assert all(word in err for word in words), err


def fit_command(data, folder):
    return ["-m", "sparseopt", "fit", data, "--estimator", "Lasso", "--cv", "4", "--checkpoint", folder, "--json"]


def test_a_killed_job_goes_on_where_it_was(tmp_path):
    X, y, _ = make_correlated(300, 1200, n_nonzero=20, snr=3, random_state=0)
    data, folder = tmp_path / "data.npz", tmp_path / "work"
    np.savez(data, X=X, y=y)
    job = start(2, *fit_command(data, folder))
    last = time.monotonic() + PATIENCE
    while not list(folder.glob("*.npz")):
        assert job.poll() is None and time.monotonic() < last, job.communicate()
        time.sleep(0.002)
    ranks = [p for p in psutil.Process(job.pid).children(recursive=True) if "sparseopt" in p.cmdline()]
    assert len(ranks) == 2
    os.kill(ranks[1].pid, signal.SIGKILL)
    job.communicate(timeout=PATIENCE)
    assert job.returncode != 0
    status, out, err = run(2, *fit_command(data, folder), timeout=PATIENCE)
    assert status == 0, err
    assert not list(folder.glob(".*"))  # what was half written
    facts = json.loads(out)
    kept = facts["checkpoint"]
    total = 4 * 100 + 1  # folds times alphas, and the final fit
    assert kept["restored"] + kept["solved"] == total
    assert kept["restored"] >= 20
    whole = LassoCV(cv=4).fit(X, y)
    assert facts["n_nonzero"] == np.count_nonzero(whole.coef_)
    np.testing.assert_allclose(facts["certificate"]["objective"], whole.objective_, rtol=1e-12)
    np.testing.assert_allclose(facts["cross_validation"]["alpha"], whole.alpha_, rtol=1e-12)
    order = [c["feature"] for c in facts["largest_coefficients"]]
    np.testing.assert_allclose([c["coef"] for c in facts["largest_coefficients"]], whole.coef_[order], rtol=1e-9)
