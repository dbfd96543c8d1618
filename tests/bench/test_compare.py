"""Results beside earlier ones, and times that must not be published."""

import copy
import json

import pytest
from click.testing import CliRunner

pytest.importorskip("benchopt")

from sparseopt.cli import main
from sparseopt.cli.bench_suite import compare, page, summary, tables

MACHINE = {"processor": "P", "cores": 2, "memory_gb": 4, "system": "S", "python": "3", "load_average": 0.0}
SETTINGS = {"threads": [1], "repeats": 3, "cap_seconds": 1.0, "patience": 3.0, "seed": 0}


def race_row(solver, seconds, **more):
    row = {"topic": "race", "problem": "p", "threads": 1, "solver": solver, "target": 1e-6, "status": "ok"}
    row |= {"seconds": seconds, "seconds_min": 0.99 * seconds, "seconds_max": 1.01 * seconds, "cpu_seconds": seconds}
    row |= {"ours": solver == "sparseopt", "version": "1", "gap": 1e-8, "passes": 10.0, "memory_mb": 1.0}
    return row | {"load": 0.0, "publishable": True, "machine": "P", "note": None} | more


def verdict(measure, ours, **more):
    line = {"measure": measure, "ours": ours, "theirs": 2.0, "peer": "rival", "better": "lower", "timing": False}
    return line | {"unit": "", "problems": 3} | more


@pytest.fixture
def document():
    entry = {"topic": "art", "label": "Art", "threads": 1, "load": 0.0, "publishable": True, "pictures": []}
    entry["verdicts"] = [
        verdict("error", 1.0), verdict("rate", 0.5, better="higher"), verdict("time", 1.0, timing=True, unit="s"),
    ]  # fmt: skip
    return {
        "format": 2, "command": "sparseopt bench --quick", "options": "--quick", "mode": "quick", "finished": "today",
        "elapsed_seconds": 1.0, "machine": MACHINE, "other_load": 0.0, "loaded": False, "versions": {}, "solvers": [],
        "absent": [], "missing_data": [], "settings": SETTINGS, "problems": [], "figures": [entry],
        "rows": [race_row("sparseopt", 1.0), race_row("rival", 3.0)],
    }  # fmt: skip


def changed(document, **changes):
    """A copy whose first row (ours) differs."""
    other = copy.deepcopy(document)
    other["rows"][0] |= changes
    return other


def slower(document, factor):
    return changed(document, seconds=factor, seconds_min=0.99 * factor, seconds_max=1.01 * factor)


def test_nothing_changed(document):
    found = compare.compare(document, copy.deepcopy(document))
    assert found["worse"] == found["better"] == found["notes"] == [] and found["compared"] == 1


def test_slower_and_faster(document):
    (change,) = compare.compare(document, slower(document, 1.5))["worse"]
    assert (change["topic"], change["what"], change["old"], change["new"]) == ("race", "time", 1.0, 1.5)
    assert change["ratio"] == pytest.approx(1.5)
    (change,) = compare.compare(document, slower(document, 0.5))["better"]
    assert change["ratio"] == pytest.approx(0.5)
    assert not compare.compare(document, slower(document, 1.1))["worse"]
    wide = changed(document, seconds=1.5, seconds_min=0.9, seconds_max=2.0)  # the ranges overlap
    assert not compare.compare(document, wide)["worse"]


def test_times_of_a_busy_or_another_machine_are_not_compared(document):
    busy = slower(changed(document, load=1.0), 5.0)
    found = compare.compare(document, busy)
    assert not found["worse"] and "1 times were not compared" in found["notes"][0]
    elsewhere = slower(document, 5.0)
    elsewhere["machine"] = MACHINE | {"processor": "Q"}
    found = compare.compare(document, elsewhere)
    assert not found["worse"] and "Other machine" in found["notes"][0]


def test_passes_memory_and_lost_certificates_are_compared_anywhere(document):
    other = changed(document, passes=12.0, load=1.0)
    other["machine"] = MACHINE | {"processor": "Q"}
    assert [c["what"] for c in compare.compare(document, other)["worse"]] == ["passes"]
    assert [c["what"] for c in compare.compare(document, changed(document, memory_mb=99.0))["worse"]] == ["memory"]
    (change,) = compare.compare(document, changed(document, status="not reached"))["worse"]
    assert (change["what"], change["old"], change["new"]) == ("certified", "ok", "not reached")
    assert compare.compare(changed(document, status="error"), document)["better"]


def test_quality_is_compared_in_its_direction(document):
    other = copy.deepcopy(document)
    for line, value in zip(other["figures"][0]["verdicts"], (1.2, 0.4, 2.0), strict=True):
        line["ours"] = value
    found = compare.compare(document, other)
    assert {c["what"]: pytest.approx(c["ratio"]) for c in found["worse"]} == {"error": 1.2, "rate": 1.25, "time": 2.0}
    other["figures"][0]["load"] = 1.0
    assert {c["what"] for c in compare.compare(document, other)["worse"]} == {"error", "rate"}
    other["settings"] = SETTINGS | {"seed": 1}
    found = compare.compare(document, other)
    assert not found["worse"] and "Other problems" in found["notes"][0]
    failed = copy.deepcopy(document)
    failed["figures"][0] |= {"failed": "no luck", "verdicts": []}
    assert compare.compare(document, failed)["worse"][0]["new"] == "no luck"


def test_results_that_are_gone_are_counted(document):
    other = copy.deepcopy(document)
    other["rows"][0]["problem"] = "another"
    assert "1 earlier results have none" in compare.compare(document, other)["notes"][0]


def test_the_command_compares_without_measuring(document, tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(document))
    new.write_text(json.dumps(slower(document, 2.0)))
    runner = CliRunner()
    result = runner.invoke(main, ["bench", "--results", str(new), "--compare", str(old)])
    assert result.exit_code == 0, result.output
    assert "1 worse, 0 better" in result.stdout and "2.00x" in result.stdout
    result = runner.invoke(main, ["bench", "--results", str(new), "--compare", str(old), "--json"])
    assert json.loads(result.stdout)["comparison"]["worse"][0]["ratio"] == 2.0
    new.write_text("[1, 2]")
    for arguments in (["--compare", new], ["--results", new]):
        result = runner.invoke(main, ["bench", *map(str, arguments)])
        assert result.exit_code == 2 and "not a results.json" in result.stderr


def test_the_page_shows_the_comparison(document):
    other = slower(document, 2.0)
    other["comparison"] = compare.compare(document, other)
    text = page.render(other)
    assert "Since earlier results" in text and "2.00x" in text


def test_a_busy_machine_publishes_no_time(document):
    line, *rest = summary.overview(document)
    assert line["ratio"] == pytest.approx(3.0) and rest[2]["ratio"] == pytest.approx(2.0)
    for row in document["rows"]:
        row |= {"load": 1.0, "publishable": False}
    document["figures"][0] |= {"load": 1.0, "publishable": False}
    document |= {"loaded": True, "other_load": 1.0}
    by_measure = {line["measure"]: line for line in summary.overview(document)}
    assert by_measure["time"]["ratio"] is None and by_measure["error"]["ratio"] == pytest.approx(2.0)
    (line,) = summary.summarise(document["rows"])
    assert line["ratio"] is None and line["disturbed"] == 1 and line["worst"] is None
    shown = [tables.terminal(document), page.render(document)]
    for text in shown:
        assert "busy" in text and "(1 s)" in text and "3.00x" not in text
        assert "not for publication" in text
