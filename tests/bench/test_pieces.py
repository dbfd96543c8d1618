"""Topics in pieces: a file that grows, and a run that continues where it stopped."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def pieces(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("pieces", BENCHMARKS / "pieces.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pieces_are_computed_once_and_survive_an_interruption(pieces, tmp_path):
    path, calls = tmp_path / "rows.jsonl", []

    def run(name):
        calls.append(name)
        yield dict(name=name, values=np.arange(2), number=np.float64(1.5))

    def found():
        return [(name, lambda name=name: run(name)) for name in ("one", "two", "three")]

    assert pieces.compute(found(), path, match="t[wh]") == 0
    assert calls == ["two", "three"]
    with path.open("a") as file:
        file.write('{"piece": "one", "rows": [{"na')  # cut off in the middle
    assert pieces.compute(found(), path, seconds=-1.0) == 1 and calls == ["two", "three"]
    assert pieces.compute(found(), path) == 0 and calls == ["two", "three", "one"]
    names, rows = pieces.done(path)
    assert names == {"one", "two", "three"}
    assert rows[0] == dict(name="two", values=[0, 1], number=1.5) and len(rows) == 3


@pytest.mark.parametrize("topic", ["kronecker_sbl", "channel", "random_support"])
def test_names_of_pieces_are_their_own(pieces, topic):
    module = pieces.load(topic)
    for quick in (True, False):
        names = [name for name, _ in module.pieces(quick, 0)]
        assert len(names) == len(set(names)) > 5
