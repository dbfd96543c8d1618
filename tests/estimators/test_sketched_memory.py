"""Out of core: X is a mapped file four times as large as the memory that the fit may use."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("fit_sketched_in_little_memory.py")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's RLIMIT_DATA")


def test_a_file_larger_than_memory(tmp_path):
    n, d, limit = 1 << 18, 64, 1 << 25
    X = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float64, shape=(n, d))
    rng = np.random.default_rng(0)
    w = np.linspace(-1.0, 1.0, d)
    y = np.empty(n)
    G, moments = np.zeros((d, d)), np.zeros(d)
    for start in range(0, n, 1 << 14):
        rows = slice(start, start + (1 << 14))
        X[rows] = rng.standard_normal((1 << 14, d))
        y[rows] = X[rows] @ w + rng.standard_normal(1 << 14)
    X.flush()
    mean, y_mean = X.mean(axis=0), y.mean()
    for start in range(0, n, 1 << 14):
        piece = X[start : start + (1 << 14)] - mean
        G += piece.T @ piece
        moments += piece.T @ (y[start : start + (1 << 14)] - y_mean)
    assert X.nbytes == 4 * limit
    np.save(tmp_path / "y.npy", y)
    command = [sys.executable, str(SCRIPT), str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), str(limit)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    certified, n_iter, *coef = run.stdout.split()
    assert certified == "True" and int(n_iter) <= 9
    exact = np.linalg.solve(G, moments)
    stderr = np.sqrt(np.diag(np.linalg.inv(G)))
    assert np.all(np.abs(np.array(coef, dtype=float) - exact) <= 0.055 * stderr)
