"""Write the tables of the pages anew from kept results: `python benchmarks/tables.py [--check] [PAGE ...]`.

What stands between `<!-- table: TOPIC NAME -->` and `<!-- end of table -->` is what `TABLES["NAME"]` of
`benchmarks/TOPIC/tables.py` makes of the rows in `benchmarks/results/TOPIC.json`, and a line that says where they come
from. README.md beside this file says more.
"""

import argparse
import difflib
import importlib.util
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # for common
sys.path.append(str(ROOT))  # for a package that is not installed, but built in place

from common import results  # noqa: E402

ALL = "all"  # stands for the topic in tables of everything that is kept
BEGIN = re.compile(r"^<!-- table: (?P<source>[\w.]+) (?P<name>\S.*?) -->[ \t]*$", re.M)
END = re.compile(r"^<!-- end of table -->[ \t]*$", re.M)


class TableError(ValueError):
    """A table that cannot be made; the message says which and why."""


def pages(root=ROOT):
    """README.md and everything in docs that somebody wrote."""
    made = {"_build", "api", "gallery"}
    found = sorted((root / "docs").rglob("*.md"))
    return [root / "README.md", *(p for p in found if not made & set(p.relative_to(root / "docs").parts[:1]))]


def functions(topic, folder=HERE):
    """The functions that make the tables of a topic, by name."""
    if topic == ALL:
        path = folder / "common" / "overview.py"
    else:
        path = folder / topic / "tables.py"
        if not path.is_file() and (folder / topic / "objective.py").is_file():
            path = folder / "common" / "race_tables.py"
    if not path.is_file():
        raise TableError(f"benchmarks/{topic}/tables.py is not there")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"tables_of_{topic}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TABLES


def make(source, name, folder=HERE):
    """The text of one table: Markdown, and a line with the command, the date and the machine."""
    topic = source.partition(".")[0]
    made_by = functions(topic, folder)
    if name not in made_by:
        raise TableError(f"no table {name!r} of {topic}; there are {', '.join(map(repr, made_by))}")
    if topic == ALL:
        return made_by[name](results.load_all(folder / "results")).strip()
    document = results.load(source, folder / "results")
    return f"{made_by[name](document['rows']).strip()}\n\n{results.source(document)}"


def rewritten(text, folder=HERE):
    """A page with all its tables made anew."""
    parts, position = [], 0
    while begin := BEGIN.search(text, position):
        where = f"table: {begin['source']} {begin['name']}"
        end, following = END.search(text, begin.end()), BEGIN.search(text, begin.end())
        if end is None or (following and following.start() < end.start()):
            raise TableError(f"{where}: no line <!-- end of table --> follows")
        try:
            table = make(begin["source"], begin["name"], folder)
        except (TableError, results.ResultsError) as error:
            raise TableError(f"{where}: {error}") from None
        except Exception as error:
            raise TableError(f"{where}: {type(error).__name__}: {error}") from error
        parts += [text[position : begin.end()], "\n\n", table, "\n\n", end[0]]
        position = end.end()
    return "".join([*parts, text[position:]])


def main(arguments=None):
    """Return the exit status: 0 done, or nothing to do; 1 a page differs (--check); 2 a table cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="default: README.md and docs/**/*.md")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when a page would change")
    options = parser.parse_args(arguments)
    differing, failed = [], False
    for page in options.pages or pages():
        text = page.read_text(encoding="utf-8")
        try:
            new = rewritten(text)
        except TableError as error:
            print(f"{page}: {error}", file=sys.stderr)
            failed = True
            continue
        if new == text:
            continue
        differing.append(page)
        if options.check:
            lines = difflib.unified_diff(text.splitlines(), new.splitlines(), "the page", "the results", "", "", 0, "")
            print(f"{page}: not what benchmarks/results has; run python benchmarks/tables.py", *lines, sep="\n")
        else:
            page.write_text(new, encoding="utf-8")
            print(f"written: {page}")
    return 2 if failed else int(options.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
