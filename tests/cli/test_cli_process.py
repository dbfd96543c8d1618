"""Real processes: streams, signals, broken pipes."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios

import numpy as np

import sparseopt as so

SPARSEOPT = [sys.executable, "-m", "sparseopt"]
FIT = ["--estimator", "Lasso", "--param", "alpha=0.1"]


def test_json_alone_is_on_stdout_and_the_model_is_written(npz, tmp_path):
    out = tmp_path / "m.npz"
    done = subprocess.run(
        [*SPARSEOPT, "fit", npz, *FIT, "--json", "--out", out], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["converged"] is True
    assert done.stderr == b""
    assert sorted(os.listdir(tmp_path)) == ["data.npz", "m.npz"]


def test_no_traceback_reaches_the_user(tmp_path):
    (tmp_path / "d.csv").write_text("a,city,y\n1,Rome,2\n")
    done = subprocess.run(
        [*SPARSEOPT, "fit", tmp_path / "d.csv", *FIT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "'city'" in done.stderr


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path):
    rows = "".join(f"{i},{i * i % 7},{i}\n" for i in range(20))
    (tmp_path / "d.csv").write_text("β,b,y\n" + rows, encoding="utf-8")
    done = subprocess.run(
        [*SPARSEOPT, "fit", tmp_path / "d.csv", *FIT],
        capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"}, check=True,
    )  # fmt: skip
    assert rb"\u03b2 " in done.stdout


def test_a_reader_that_leaves_ends_the_program_quietly(npz):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*SPARSEOPT, "fit", npz, *FIT], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 1 and done.stderr == b""


def test_a_terminal_sees_progress_and_a_pipe_does_not(npz):
    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))  # a terminal without columns is shown no bar
    done = subprocess.run(
        [*SPARSEOPT, "fit", npz, *FIT, "--json"],
        stdout=subprocess.PIPE, stderr=terminal, check=True,
    )  # fmt: skip
    assert select.select([screen], [], [], 0)[0], "nothing was shown"
    shown = os.read(screen, 10_000)
    os.close(terminal)
    os.close(screen)
    assert b"sparseopt" in shown and b"%|" in shown
    assert json.loads(done.stdout)["parameters"]["verbose"] == 0


def test_ctrl_c_is_one_line_and_status_130(tmp_path):
    X, y, _ = so.datasets.make_correlated(500, 6000, rho=0.9, random_state=0)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    out = tmp_path / "m.npz"
    options = ["tol=1e-13", "eps=1e-6", "n_alphas=1000"]
    hard = ["--estimator", "LassoCV", "--cv", "50", *(part for one in options for part in ("--param", one))]
    process = subprocess.Popen(
        [*SPARSEOPT, "fit", tmp_path / "d.npz", *hard, "--verbose", "--out", out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stderr.readline()  # the fit has begun
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == "" and "Traceback" not in stderr
    assert stderr.splitlines()[-1] == "sparseopt: interrupted"
    assert os.listdir(tmp_path) == ["d.npz"]
