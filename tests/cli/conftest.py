"""A way to run commands in this process, and small data files."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from sparseopt.cli import main
from sparseopt.datasets import make_correlated


class Outcome:
    """What a command printed and returned."""

    def __init__(self, result):
        self.status = result.exit_code
        self.out = result.stdout
        self.err = result.stderr

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run():
    """Run `sparseopt ARGS` in this process."""

    def _run(*args):
        return Outcome(CliRunner().invoke(main, [str(a) for a in args]))

    return _run


@pytest.fixture
def refused(run):
    """Run a command that must end with status 2, nothing on stdout, and one line on stderr."""

    def _refused(*args):
        outcome = run(*args)
        assert outcome.status == 2, outcome.err
        assert outcome.out == ""
        assert outcome.err.count("\n") == 1 and outcome.err.startswith("sparseopt: ")
        return outcome.err

    return _refused


@pytest.fixture
def problem():
    """X, y of a small problem with five features that matter."""
    X, y, _ = make_correlated(60, 20, n_nonzero=5, snr=10, random_state=0)
    return X, y


@pytest.fixture
def npz(tmp_path, problem):
    """The problem as an .npz file."""
    np.savez(tmp_path / "data.npz", X=problem[0], y=problem[1])
    return tmp_path / "data.npz"


@pytest.fixture
def csv(tmp_path, problem):
    """The problem as a CSV file with names f0, f1, ... and price."""
    names = ",".join([*(f"f{j}" for j in range(20)), "price"])
    rows = np.c_[problem[0], problem[1]].tolist()
    text = "\n".join([names, *(",".join(map(repr, row)) for row in rows)])
    (tmp_path / "data.csv").write_text(text)
    return tmp_path / "data.csv"
