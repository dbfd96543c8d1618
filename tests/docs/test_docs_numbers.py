"""Measured numbers stand in tables that are written from kept results, and nowhere else in the README and the pages.

Found are decimal numbers, and whole ones with a unit, in prose and in tables that somebody typed. Outputs of code
blocks are checked by running them.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if not (ROOT / "docs").exists():
    pytest.skip("the pages are not part of an installed package", allow_module_level=True)
MADE = {"_build", "api", "gallery"}
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if not MADE & set(p.parts))]

# tables from results, code blocks, formulas, code within lines, targets of links, numbers of preprints and of Python
NOT_PROSE = re.compile(
    r"<!-- table: .*?<!-- end of table -->|^```.*?^```$|(?<=\n\n)(?:    [^\n]*\n)+|\$\$.*?\$\$|\$[^$]+\$|`[^`\n]+`"
    r"|\]\([^)]*\)|arXiv \d+\.\d+|Python 3\.\d+",
    re.M | re.S,
)
UNITS = r"(?:ms|s|seconds?|minutes?|hours?|times|x|%|per ?cent|dB|[kMG]i?B|GFLOPS?|fold|passes)"
MEASURED = re.compile(rf"(?<![\w.^])(?:\d*\.\d+(?:[ -]?{UNITS})?|\d+[ -]?{UNITS})(?!\w|\.\d)")

# settings and definitions, by page
NO_MEASUREMENTS = {
    "docs/benchmarks.md": {"1x", "10 s", "10 times", "2 s", "3 times"},  # unit of the tables, limits of a race
    "docs/guide/random_support.md": {"2%", "0.5"},  # a default, a setting of a baseline
    "docs/guide/turbo_vbi.md": {"90%"},  # the level of the intervals
}


def prose(page):
    """The text with everything else blanked, lines kept."""
    return NOT_PROSE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), page.read_text())


def numbers(text):
    """Pairs (line, number with its unit)."""
    return [
        (count, " ".join(match[0].split()))
        for count, line in enumerate(text.splitlines(), 1)
        for match in MEASURED.finditer(line)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_measured_number_was_typed(page):
    name = str(page.relative_to(ROOT))
    allowed = NO_MEASUREMENTS.get(name, set())
    typed = [f"line {line}: {number}" for line, number in numbers(prose(page)) if number not in allowed]
    assert not typed, (
        f"{name} has numbers that no kept result stands behind; make a table of them (benchmarks/README.md), or list "
        f"them here if they are settings: {typed}"
    )


def test_measurements_are_told_from_other_numbers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "It is 2.5x faster, takes 3 ms, 20 GB and 95% of .014; 5-fold, 7 times.\n"
        "With `tol=1e-6` and $0.5 x$ and 3 columns, arXiv 2412.00310, Python 3.11, [a](b-1.5x.md), 100 000 rows.\n"
        "\n    indented 1.5 ms\n\n```text\n4 ms\n```\n\n<!-- table: a b -->\n1.5 s\n<!-- end of table -->\n1.25\n"
    )
    found = numbers(prose(page))
    assert [n for line, n in found if line == 1] == ["2.5x", "3 ms", "20 GB", "95%", ".014", "5-fold", "7 times"]
    assert [line for line, _ in found if line > 1] == [13]
