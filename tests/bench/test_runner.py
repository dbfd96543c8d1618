"""Ladder, fork, journal, summary and the command line of the benchmark."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

pytest.importorskip("benchopt")

from sparseopt.cli import main
from sparseopt.cli.bench_suite import journal, locate, measure, summary, tables
from sparseopt.cli.bench_suite.process import PACKAGES
from sparseopt.cli.bench_suite.worker import fastest, median

ROOT = locate.find_root()
ROW_FIELDS = {
    "topic", "problem", "solver", "version", "threads", "target", "status", "ours", "gap",
    "machine", "load", "note",
}  # fmt: skip
TIMED_FIELDS = {
    "seconds", "seconds_min", "seconds_max", "cpu_seconds", "repeats", "tolerance", "passes",
    "n_nonzero", "memory_mb",
}  # fmt: skip


class Objective:
    """Gap of a fake solver: the square root of its tolerance."""

    def evaluate_result(self, coef):
        return {"gap": coef, "value": 1 + coef, "n_nonzero": 0}


class Solver:
    tolerances = (1e-4, 1e-8, 1e-12, 1e-16)
    first = 1
    info = None

    def __init__(self, nap=0.0, fail=False):
        self.nap, self.fail = nap, fail

    def _set_objective(self, objective):
        return False, None

    def run(self, tolerance):
        if self.fail:
            raise RuntimeError("no\nluck")
        time.sleep(self.nap)
        self.coef = tolerance**0.5

    def get_result(self):
        return {"coef": self.coef}


def ran(messages):
    return [m["tolerance"] for m in messages if m["event"] == "run"]


def test_ladder_goes_down_to_the_target_and_then_up():
    messages = list(measure.ladder(Objective(), Solver(), (1e-4, 1e-6), 1.0, 1.0))
    assert ran(messages) == [1e-8, 1e-12, 1e-4]


def test_what_a_first_run_loads_is_not_timed():
    class Slow(Solver):
        def run(self, tolerance):
            super().run(tolerance)
            self.nap = 0.0

    run = next(m for m in measure.ladder(Objective(), Slow(nap=0.1), (1e-8,), 1.0, 1.0) if m["event"] == "run")
    assert run["seconds"] < 0.1


def test_ladder_stops_when_the_budget_is_used():
    messages = list(measure.ladder(Objective(), Solver(nap=0.05), (1e-8,), 1.0, 0.08))
    assert ran(messages) == [1e-8]
    assert messages[-1]["event"] == "stopped"


def test_a_fork_that_is_silent_too_long_is_killed():
    start = time.monotonic()
    ladder = measure.ladder(Objective(), Solver(nap=30), (1e-8,), 0.2, 1.0)
    messages = list(measure.in_fork(ladder))
    assert time.monotonic() - start < 5
    assert messages[-1] == {"event": "killed"}


def test_errors_and_crashes_of_a_peer_are_results():
    ladder = measure.ladder(Objective(), Solver(fail=True), (1e-8,), 1.0, 1.0)
    assert list(measure.in_fork(ladder))[-1] == {"event": "error", "note": "RuntimeError: no luck"}

    def crash():
        yield {"event": "start"}
        os._exit(3)  # what a segmentation fault looks like to the parent

    assert list(measure.in_fork(crash()))[-1]["event"] == "error"


def test_repetitions_take_turns():
    one, two = Solver(), Solver()
    entries = [("a", one, 1e-4, 3), ("b", two, 1e-4, 2)]
    keys = [m["key"] for m in measure.repetitions(Objective(), entries, 1.0) if "key" in m]
    assert keys == ["a", "b", "b", "a", "a"]


def test_fastest_certified_run():
    runs = [{"seconds": s, "gap": g} for s, g in [(1, 1e-3), (3, 1e-7), (2, 1e-9), (1, None)]]
    assert fastest(runs, 1e-6) == 2
    assert fastest(runs, 1e-12) is None
    assert median([1, 2, 4]) == 2 and median([1, 2]) == 1.5


def rows(ours, peers, status="ok"):
    made = []
    for i, times in enumerate(zip(ours, *peers.values(), strict=True)):
        for name, seconds in zip(["sparseopt", *peers], times, strict=True):
            row = {"topic": "t", "problem": str(i), "threads": 1, "target": 1e-6, "solver": name}
            row |= {"ours": name == "sparseopt", "status": status, "passes": 3.0, "note": None}
            made.append(row | {"seconds": seconds, "cpu_seconds": seconds, "gap": 1e-7})
    return made


def test_ratio_is_against_the_best_peer_of_each_problem():
    (line,) = summary.summarise(rows([1, 1], {"a": [2, 9], "b": [5, 8]}))
    assert line["ratio"] == pytest.approx(4.0)  # sqrt(2 * 8)
    assert (line["worst"], line["best"], line["compared"]) == (2, 8, 2)
    (line,) = summary.summarise(rows([1], {"a": [2]}, status="stopped"))
    assert line["ratio"] is None and line["certified"] == 0


def test_numbers_for_people():
    assert tables.ratio(3.456) == "3.46x" and tables.ratio(34.56) == "35x"
    assert tables.seconds(None) == "-" and tables.gap(None) == "-"
    assert tables.cell({"status": "stopped", "limit": 2.0}) == "> 2 s"
    assert tables.cell({"status": "not reached"}) == "no"


def invoke(*arguments, **options):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)], **options)


@pytest.fixture(scope="module")
def tiny_report(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    result = invoke(
        "lasso", "path", "--tiny", "--no-peers", "--root", ROOT, "--out", out, "--json",
        "--keep", out / "kept",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out, result


def test_rows_are_complete(tiny_report):
    out, result = tiny_report
    document = json.loads(result.stdout)
    assert document == json.loads((out / "results.json").read_text())
    assert document["format"] == journal.FORMAT
    for row in document["rows"]:
        assert set(row) >= ROW_FIELDS
        if row["status"] == "ok":
            assert set(row) >= TIMED_FIELDS
            assert row["gap"] <= row["target"]
            assert row["seconds_min"] <= row["seconds"] <= row["seconds_max"]
    ours = [r for r in document["rows"] if r["ours"]]
    assert {r["topic"] for r in ours} == {"lasso", "path"}
    assert all(r["status"] == "ok" and r["passes"] > 0 and r["version"] for r in ours)
    assert {r["solver"] for r in document["rows"]} == {
        "sparseopt", "scikit-learn", "scikit-learn (gram)",
    }  # fmt: skip


def test_page_refers_to_nothing_outside(tiny_report):
    out, _ = tiny_report
    text = (out / "index.html").read_text()
    assert not re.search(r"https?:|//\w|@import|url\((?!#)|src=", text)
    assert set(re.findall(r'href="(.)', text)) <= {"#", "d"}  # inside the page, or a data: URI
    assert text.count("<svg") >= 3 and "prefers-color-scheme: dark" in text
    ids = re.findall(r'<clipPath id="([^"]+)"', text)
    assert len(ids) == len(set(ids))  # pictures do not clip each other
    assert "sparseopt bench lasso path --tiny" in text


def test_kept_results_are_a_document_for_each_topic(tiny_report):
    out, result = tiny_report
    assert {path.name for path in (out / "kept").iterdir()} == {"lasso.json", "path.json"}
    whole = json.loads(result.stdout)
    kept = json.loads((out / "kept" / "path.json").read_text())
    assert kept["command"] == "sparseopt bench path --tiny --no-peers --threads 1"
    assert kept["rows"] == [row for row in whole["rows"] if row["topic"] == "path"]
    assert kept["machine"] == whole["machine"] and kept["finished"] == whole["finished"]
    assert str(out.parent) not in (out / "kept" / "path.json").read_text()
    shown = invoke("--results", out / "kept" / "path.json", "--keep", out / "again")
    assert shown.exit_code == 0 and "Geometric means" in shown.stdout
    again = json.loads((out / "again" / "path.json").read_text())
    assert again == kept | {"command": again["command"]}


def test_an_interrupted_run_is_continued(tiny_report, tmp_path):
    out, _ = tiny_report
    lines = (out / "journal.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == {"finished": True}
    (tmp_path / "journal.jsonl").write_text("\n".join(lines[:-2]) + "\n" + lines[-2][:30])
    arguments = ["lasso", "path", "--tiny", "--no-peers", "--root", ROOT, "--out", tmp_path]
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    whole = sum("rows" in json.loads(line) for line in lines)
    assert whole == 6 and f"{whole - 1} of {whole} are done" in result.output
    assert "Report:" in result.output and "Geometric means" in result.output


def test_a_race_can_be_run_in_pieces(tmp_path):
    arguments = ["lasso", "--tiny", "--no-peers", "--root", ROOT, "--out", tmp_path, "--problems", "DENSE*max/10"]
    result = invoke(*arguments, "--stop-after", 0)
    assert result.exit_code == 0, result.output
    assert "1 of the problems are left" in result.stdout and not (tmp_path / "index.html").exists()
    document = json.loads((tmp_path / "results.json").read_text())
    assert (document["left"], document["rows"]) == (1, [])
    parts = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()[1:]]
    assert [part["part"] for part in parts] == ["sparseopt"]  # the first step is always made
    result = invoke(*arguments, "--json")
    document = json.loads(result.stdout)
    assert document["left"] == 0 and (tmp_path / "index.html").exists()
    assert {row["problem"] for row in document["rows"]} == {"tiny dense; max/10"}
    (problem,) = document["problems"]
    assert problem["runs"]["sparseopt"] == parts[0]["record"]["runs"]  # not run again for its curve
    assert document["rows"][0]["repeats"] == 3 and document["elapsed_seconds"] >= parts[0]["spent"]
    assert "--problems 'DENSE*max/10'" in document["command"] and "--stop-after" not in document["command"]


def test_a_journal_keeps_parts_until_the_whole_is_there(tmp_path):
    where = {"topic": "t", "key": "k", "threads": 1}
    first = journal.Journal(tmp_path / "j", {})
    first.add({**where, "part": "a", "record": {"runs": [1]}, "spent": 2.0})
    again = journal.Journal(tmp_path / "j", {})
    assert again.resumed and again.parts == {("t", "k", 1): {"a": {"runs": [1]}}} and again.spent == 2.0
    again.add({**where, "spent": 1.0})
    last = journal.Journal(tmp_path / "j", {})
    assert not last.parts and list(last.done) == [("t", "k", 1)] and last.spent == 3.0


def test_a_journal_of_other_settings_or_code_is_not_continued(tmp_path):
    path = tmp_path / "journal.jsonl"
    first = journal.Journal(path, {"seed": 0})
    first.add({"topic": "t", "key": "k", "threads": 1})
    assert journal.Journal(path, {"seed": 0}).resumed
    assert not journal.Journal(path, {"seed": 1}).resumed
    assert not journal.Journal(path, {"seed": 1}).done


def test_list_names_problems_and_solvers():
    result = invoke("list", "--tiny", "--root", ROOT)
    assert result.exit_code == 0
    assert "lasso\n  tiny dense; max/10" in result.output and "solvers: sparseopt" in result.output
    found = json.loads(invoke("list", "--tiny", "--json", "--root", ROOT).stdout)
    assert [t["topic"] for t in found] == locate.topics(ROOT)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "no topic nonsense: choose from " + ", ".join(locate.topics(ROOT))),
        (["path", "grouplasso"], "no topic grouplasso, did you mean group_lasso?: choose from"),
        (["--threads", "0"], "at least one thread"),
        (["--threads", "two"], "list of numbers"),
        (["--threads", "4096"], "cores are available"),
        (["--data", "/no/such/folder"], "does not exist"),
        (["--root", os.path.dirname(__file__)], "no benchmark definitions in"),
        (["--seed", "-1"], "--seed"),
        (["--minutes", "0"], "--minutes"),
        (["--stop-after", "-1"], "--stop-after"),
        (["lasso", "--tiny", "--problems", "nobody"], "no problem of lasso is called 'nobody'"),
        (["--nonsense"], "--nonsense"),
        (["--keep", __file__ + "/x"], "cannot be written"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, words, tmp_path):
    place = [] if "--root" in arguments else ["--root", ROOT]
    result = invoke(*arguments, *place, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert words in result.stderr and "Traceback" not in result.output


def test_outside_a_clone_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locate, "__file__", str(tmp_path / "a" / "b" / "c" / "locate.py"))
    result = invoke("--tiny")
    assert result.exit_code == 2
    assert "--root DIR" in result.stderr


def test_missing_packages_are_named(monkeypatch):
    from sparseopt.cli import bench

    monkeypatch.setattr(bench, "NEEDED", {"no_such_module": "no-such-package"})
    result = invoke("--tiny", "--root", ROOT)
    assert result.exit_code == 2 and "pip install" in result.stderr


def test_benchopt_runs_the_same_definitions(tmp_path):
    command = [
        sys.executable, "-m", "benchopt", "run", str(ROOT / "lasso"), "-d", "tiny", "-s",
        "scikit-learn", "-s", "sparseopt", "-n", "3", "-r", "1", "--no-cache", "--no-plot",
        "--no-display", "--output", str(tmp_path / "out.parquet"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    import pandas as pd

    table = pd.read_parquet(tmp_path / "out.parquet")
    gaps = table.groupby("solver_name")["objective_gap"].min()
    assert len(gaps) == 3 and (gaps < 1).all() and gaps["sparseopt"] < 1e-4


def test_a_source_tree_beside_is_not_what_is_measured(tmp_path):
    """`make demo` runs in a clone, whose sources have no kernels."""
    (tmp_path / "sparseopt").mkdir()
    (tmp_path / "sparseopt" / "__init__.py").write_text("raise ImportError('a source tree without kernels')\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    environment["PYTHONPATH"] = PACKAGES
    command = [sys.executable, "-P", "-c", "from sparseopt.cli import main; main()", "bench", "lasso", "best_subset"]
    done = subprocess.run(
        [*command, "--tiny", "--root", str(ROOT)], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "report" / "results.json").read_text())["rows"]
    reached = [row["status"] for row in rows if row["ours"] and row["topic"] == "lasso"]
    assert reached and set(reached) == {"ok"}
    assert any(row["ours"] for row in rows if row["topic"] == "best_subset")
