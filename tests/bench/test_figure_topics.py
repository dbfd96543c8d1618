"""Topics that end in pictures: their contract, and what the runner makes of good and bad ones."""

import ast
import importlib.util
import json
import re
import shutil
import sys

import pytest
from click.testing import CliRunner

pytest.importorskip("benchopt")

from sparseopt.cli import bench, main
from sparseopt.cli.bench_suite import figures, locate

ROOT = locate.find_root()
COMMON_FIELDS = {
    "topic", "problem", "threads", "solver", "version", "ours", "machine", "load", "publishable", "seconds", "passes",
    "memory_mb", "certificate", "note",
}  # fmt: skip
GOOD = '''"""Two methods on one problem."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from common.figures import versus

BASELINES = {"rival": "numpy", "textbook": None}
COUNT = Path(__file__).with_name("count.txt")


def compute(quick, seed):
    COUNT.write_text(COUNT.read_text() + "x" if COUNT.exists() else "x")
    for solver, error in (("sparseopt", 1.0), ("rival", 2.0), ("textbook", 3.0)):
        yield dict(problem="p", solver=solver, error=np.float64(error), seed=seed, quick=quick, bad=float("nan"))
    yield dict(problem="q", solver="rival", error=0.0, curve=np.arange(3), passes=2)


def verdicts(rows):
    return [versus(rows, "the error", "error", peers=("rival", "textbook"))]


def draw(rows):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([row["error"] for row in rows])
    return {"the_picture": figure}
'''
LAST = '    yield dict(problem="q"'
RAISES = GOOD.replace(LAST, "    raise RuntimeError('no\\nluck')\n" + LAST)
SLEEPS = GOOD.replace(LAST, "    import time\n    time.sleep(60)\n" + LAST)


@pytest.fixture
def root(tmp_path):
    """A folder of definitions with a few small topics."""
    folder = tmp_path / "definitions"
    for name in ("common", "lasso"):
        shutil.copytree(ROOT / name, folder / name)
    for name, text in {"good": GOOD, "raises": RAISES, "sleeps": SLEEPS, "unreadable": "def (:\n"}.items():
        (folder / name).mkdir()
        (folder / name / "figure.py").write_text(text)
    return folder


def invoke(root, out, *arguments):
    command = ["bench", "--tiny", "--root", root, "--out", out, *arguments]
    return CliRunner().invoke(main, [str(a) for a in command])


def computed(root):
    return len((root / "good" / "count.txt").read_text())


def test_one_bad_topic_is_reported_and_the_rest_goes_on(root, tmp_path, monkeypatch):
    monkeypatch.setitem(bench.FIGURE_LIMIT, "tiny", 4.0)
    out = tmp_path / "report"
    result = invoke(root, out, "good", "raises", "sleeps", "unreadable", "--seed", 3)
    assert result.exit_code == 1
    assert "failed: raises, sleeps, unreadable" in result.stderr
    document = json.loads((out / "results.json").read_text())
    entries = {entry["topic"]: entry for entry in document["figures"]}
    assert entries["raises"]["failed"] == "RuntimeError: no luck"
    assert "not done within 4 s" in entries["sleeps"]["failed"]
    assert "SyntaxError" in entries["unreadable"]["failed"]
    assert "failed" not in entries["good"] and entries["good"]["label"] == "Two methods on one problem"
    rows = document["rows"]
    assert len(rows) == 4 and all(set(row) >= COMMON_FIELDS for row in rows)
    assert [row["ours"] for row in rows] == [True, False, False, False]
    assert rows[1]["version"] == sys.modules["numpy"].__version__
    assert rows[0]["quick"] is True and rows[0]["seed"] == 3 and rows[0]["bad"] is None
    assert rows[3]["curve"] == [0, 1, 2] and rows[3]["passes"] == 2
    assert entries["good"]["verdicts"][0]["ours"] == 1.0 and entries["good"]["verdicts"][0]["peer"] == "rival"
    text = (out / "index.html").read_text()
    assert text.count("FAILED: ") == 6 and "no luck" in text  # in the notes and in the section
    assert 'aria-label="good: the picture"' in text and "2.00x" in text
    assert not re.search(r"https?:|//\w|@import|url\((?!#)|src=", text)
    assert "FAILED: raises" in result.stdout and "the error" in result.stdout
    assert "RuntimeError" in (out / "bench.log").read_text()


def test_an_interrupted_run_does_not_compute_a_topic_again(root, tmp_path):
    out = tmp_path / "report"
    assert invoke(root, out, "good").exit_code == 0
    lines = (out / "journal.jsonl").read_text().splitlines()
    (out / "journal.jsonl").write_text("\n".join(lines[:-1]))  # as if it had been stopped before the report
    (out / "index.html").unlink()
    result = invoke(root, out, "good")
    assert result.exit_code == 0 and "1 of 1 are done" in result.stderr
    assert computed(root) == 1 and "the picture" in (out / "index.html").read_text()
    assert invoke(root, out, "good").exit_code == 0  # that one had finished: measured anew
    assert computed(root) == 2


def test_a_real_topic_is_run(tmp_path):
    result = invoke(ROOT, tmp_path / "out", "bcd_trees")
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    (entry,) = document["figures"]
    assert entry["pictures"] == ["trees"]
    assert {row["solver"] for row in document["rows"]} >= {"greedy tree", "red-black", "general"}
    (verdict,) = entry["verdicts"]
    assert verdict["ours"] < verdict["theirs"]


def test_topics_keep_the_contract():
    names = locate.figures(ROOT)
    assert {"first_fit", "nonconvex", "best_subset", "bcd_rules", "bcd_trees", "random_support", "kronecker_sbl",
            "channel", "sketch_guarantee", "sketch_speed"} <= set(names)  # fmt: skip
    for name in names:
        text = (ROOT / name / "figure.py").read_text()
        tree = ast.parse(text)
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {"compute", "draw", "verdicts"} <= set(functions), name
        assert [a.arg for a in functions["compute"].args.args[:2]] == ["quick", "seed"], name
        assert "main(compute, draw, verdicts, __doc__)" in text, name
        described = figures.FigureTopic(ROOT, name).describe()
        assert described["label"] and not described["label"].endswith("."), name


@pytest.fixture
def shared():
    """The module benchmarks/common/figures.py."""
    spec = importlib.util.spec_from_file_location("shared_figures", ROOT / "common" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_versus_takes_the_best_peer_over_common_problems(shared):
    table = {"sparseopt": (1.0, 4.0, 9.0), "a": (3.0, 12.0, None), "b": (2.0, 32.0, 1.0)}
    rows = [
        dict(problem=str(i), solver=name, error=value)
        for name, values in table.items()
        for i, value in enumerate(values)
    ]
    found = shared.versus(rows, "m", "error", peers=("a", "b"))
    assert (found["ours"], found["theirs"], found["peer"]) == (pytest.approx(2.0), pytest.approx(6.0), "a")
    assert found["problems"] == 2 and found["unit"] == ""  # the third was not solved by all
    found = shared.versus(rows, "m", "error", peers=("b",), better="higher", combine=max, timing=True)
    assert (found["ours"], found["theirs"], found["unit"]) == (9.0, 32.0, "s")
    assert shared.versus(rows, "m", "error", peers=("nobody",)) is None
    assert shared.versus(rows, "m", "error", ours="nobody", peers=("a",)) is None
    assert shared.versus(rows, "m", "error", peers=("b",), floor=1e6)["theirs"] == pytest.approx(1e6)
    assert shared.geometric_mean([0.0, 2.0]) == 0.0


def test_a_topic_runs_alone(shared, tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("good_figure", tmp_path / "good" / "figure.py")
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "figure.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(ROOT))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["figure.py", "--quick", "--out", str(tmp_path / "out")])
    shared.main(module.compute, module.draw, module.verdicts, module.__doc__)
    assert (tmp_path / "out" / "the_picture.png").stat().st_size > 1000
    assert "the error: sparseopt 1, rival 2" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--rows", str(tmp_path / "out" / "rows.json")])
    shared.main(None, module.draw, module.verdicts, module.__doc__)  # nothing is computed again
