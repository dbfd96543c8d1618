"""Every Python block of the README and the pages runs, and prints what the page says it prints.

The blocks of a page share one namespace, and run one after the other in an empty folder. A block of ``text`` right
after a block of Python is its output. Lines of a block of ``sh`` that begin with ``sparseopt`` are commands, which run
too, with what the page has written so far in the folder.
"""

import contextlib
import doctest
import io
import re
import shlex
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)]
FENCE = re.compile(r"^```(\{code-block\} )?(?P<kind>python|text|sh|console)\n(?P<body>.*?)^```$", re.M | re.S)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NOT_RUN = ("bench", "info", "compress")  # minutes, the machine itself, torch: each has tests of its own


def blocks(page):
    """Return (line, kind, text) of the fenced blocks of a page; an output belongs to what stands right before it."""
    text, found, end = page.read_text(), [], None
    for match in FENCE.finditer(text):
        kind = match["kind"]
        adjacent = end is not None and not text[end : match.start()].strip()
        if kind == "text" and adjacent and found[-1][1] == "python":
            kind = "output"
        found.append((text.count("\n", 0, match.start()) + 1, kind, match["body"]))
        end = match.end()
    return found


WITH_CODE = [page for page in PAGES if any(kind == "python" for _, kind, _ in blocks(page))]


def run_commands(page, line, body, runner):
    from sparseopt.cli.app import main

    for command in body.replace("\\\n", " ").splitlines():
        words = shlex.split(command, comments=True)
        if words[:1] != ["sparseopt"] or words[1] in NOT_RUN:
            continue
        done = runner.invoke(main, words[1:])
        assert done.exit_code == 0, f"{page.name}, line {line}: {command}\n{done.output}"


@pytest.fixture
def solvers_as_before():
    """Pages register solvers of their own, which must not stay."""
    from sparseopt.solvers import registry

    before = dict(registry._SOLVERS)
    yield
    registry._SOLVERS.clear()
    registry._SOLVERS.update(before)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_of_a_page_runs(page, tmp_path, monkeypatch, solvers_as_before):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page_of_the_docs")  # a real one, so that classes of the page can be pickled
    monkeypatch.setitem(sys.modules, module.__name__, module)
    scope, found, runner = vars(module), blocks(page), CliRunner()
    if page.name == "README.md":  # its commands speak of files of the reader
        found = [block for block in found if block[1] != "sh"]
    printed = ""
    for line, kind, body in found:
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile("\n" * line + body, str(page), "exec"), scope)
            printed = out.getvalue()
        elif kind == "output":
            assert doctest.OutputChecker().check_output(body, printed, OPTIONS), (
                f"{page.name}, line {line}: the page says\n{body}but the code prints\n{printed}"
            )
        elif kind == "sh":
            run_commands(page, line, body, runner)


def test_pages_with_code_are_found():
    if not (ROOT / "docs").exists():
        pytest.skip("the pages are not part of an installed package")
    names = {str(page.relative_to(ROOT)) for page in WITH_CODE}
    assert {"README.md", "docs/guide/lasso.md", "docs/extend/penalty.md"} <= names


def test_outputs_are_told_from_other_text(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n1\n```\n\nwords\n\n```text\nfree\n```\n")
    assert [(line, kind) for line, kind, _ in blocks(page)] == [(1, "python"), (5, "output"), (11, "text")]
