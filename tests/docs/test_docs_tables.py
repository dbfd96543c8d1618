"""The tables of the pages are what the kept results say, and the script that writes them."""

import ast
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
if not (BENCHMARKS / "tables.py").exists() or not (ROOT / "docs").exists():
    pytest.skip("the pages are not part of an installed package", allow_module_level=True)


@pytest.fixture(scope="module")
def writer():
    """The module benchmarks/tables.py, loaded without leaving traces."""
    path = list(sys.path)
    spec = importlib.util.spec_from_file_location("tables_of_the_pages", BENCHMARKS / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path


@pytest.fixture
def folder(tmp_path):
    """A folder of benchmarks with one topic and its results."""
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "tables.py").write_text(
        "from common.markdown import table\n"
        "TABLES = {'of errors': lambda rows: table(['who', 'error'], [[r['solver'], r['error']] for r in rows])}\n"
    )
    (tmp_path / "results").mkdir()
    rows = [{"solver": "a", "error": 0.125, "ours": True, "version": "1"}, {"solver": "b", "error": math.nan}]
    document = {"command": "sparseopt bench art", "finished": "2026-01-02T03:04:05+00:00", "rows": rows}
    document["machine"] = {"processor": "P", "cores": 2, "memory_gb": 4.0, "system": "S"}
    (tmp_path / "results" / "art.json").write_text(json.dumps(document))
    return tmp_path


PAGE = "before\n\n<!-- table: art of errors -->\nold\n<!-- end of table -->\n\nafter\n"


def test_the_pages_have_what_the_results_have():
    done = subprocess.run([sys.executable, BENCHMARKS / "tables.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_topics_make_their_tables_without_large_imports():
    allowed = {"common", "math", "itertools", "collections", "re", "statistics"}
    paths = [*BENCHMARKS.glob("*/tables.py"), *(BENCHMARKS / "common" / f"{n}.py" for n in ("markdown", "results"))]
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            local = {p.stem for p in path.parent.glob("*.py")}
            foreign = {name.split(".")[0] for name in names} - allowed - local - {"json", "pathlib"}
            assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


def test_a_table_is_made_with_its_source(writer, folder):
    text = writer.rewritten(PAGE, folder)
    assert text == (
        "before\n\n<!-- table: art of errors -->\n\n| who | error |\n| --- | ---: |\n| a | 0.125 |\n| b | - |\n\n"
        "*`sparseopt bench art`, 2026-01-02, sparseopt 1, on P, 2 cores, 4 GB, S.*\n\n<!-- end of table -->\n\nafter\n"
    )
    assert writer.rewritten(text, folder) == text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("of errors", "of erors", "no table 'of erors' of art; there are 'of errors'"),
        ("art", "music", "benchmarks/music/tables.py is not there"),
        ("art", "art.long", "no results art.long.json: `sparseopt bench art --keep benchmarks/results`"),
        ("<!-- end of table -->", "", "no line <!-- end of table --> follows"),
    ],
)
def test_what_is_missing_is_named(writer, folder, old, new, words):
    with pytest.raises(writer.TableError, match=words):
        writer.rewritten(PAGE.replace(old, new), folder)


def test_a_broken_function_and_a_broken_file_are_named(writer, folder):
    (folder / "results" / "art.json").write_text("[1]")
    with pytest.raises(writer.TableError, match="not kept results, it lacks command"):
        writer.rewritten(PAGE, folder)
    (folder / "results" / "art.json").write_text("{")
    with pytest.raises(writer.TableError, match="not JSON"):
        writer.rewritten(PAGE, folder)


def test_check_says_what_differs(writer, tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text("no tables here\n")
    assert writer.main(["--check", str(page)]) == 0
    monkeypatch.setattr(writer, "make", lambda source, name, folder: "new")
    page.write_text(PAGE)
    assert writer.main(["--check", str(page)]) == 1
    assert "+new" in capsys.readouterr().out and page.read_text() == PAGE
    assert writer.main([str(page)]) == 0 and "new" in page.read_text()
    assert writer.main(["--check", str(page)]) == 0
    page.write_text(PAGE.replace("end of", "stop"))
    assert writer.main(["--check", str(page)]) == 2


def test_rows_measured_without_the_runner_have_the_same_fields(tmp_path):
    from sparseopt.cli.bench_suite import compare, keeping, tables

    rows = [
        {"problem": "p", "solver": "sparseopt", "seconds": 1.5, "error": math.inf, "curve": list(range(100))},
        {"problem": "p", "solver": "scikit-learn", "seconds": 3.0, "short": (1, 2)},
    ]
    verdict = {"measure": "time", "ours": 1.5, "theirs": 3.0, "peer": "scikit-learn", "better": "lower"}
    about = dict(load=0.0, packages={"scikit-learn": "scikit-learn"}, seed=3)
    verdicts = [verdict | {"timing": True, "unit": "s", "problems": 1}, None]
    document = keeping.measured("art", rows, "python art.py", verdicts=verdicts, **about)
    keeping.write(document, tmp_path / "deep" / "art.json")
    kept = compare.read(tmp_path / "deep" / "art.json")
    assert kept == json.loads(json.dumps(document))
    ours, theirs = kept["rows"]
    assert (ours["ours"], theirs["ours"], ours["error"], theirs["short"]) == (True, False, None, [1, 2])
    assert "curve" not in ours and ours["publishable"] and theirs["version"]
    assert "2.00x" in tables.terminal(kept)
    assert compare.compare(kept, kept)["worse"] == []
