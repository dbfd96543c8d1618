"""Results kept a file a topic, which the tables of the documentation are written from (`benchmarks/tables.py`)."""

import datetime
import json
import os

from . import OURS, machine
from .figures import STANDARD, plain
from .journal import FORMAT
from .results import publishable
from .versions import our_version, version_of

LIBRARIES = ("numpy", "scipy", "scikit-learn")
LONGEST = 64  # lists that are longer are curves of pictures, which no table shows


def of_topic(document, topic):
    """The part of a result document that is about one topic, with the command for that topic alone."""
    entries = [e for e in document["problems"] if e["topic"] == topic]
    figures = [e for e in document["figures"] if e["topic"] == topic]
    loads = [e["load"] for e in [*entries, *figures] if e.get("load") is not None]
    solvers = {row["solver"] for row in document["rows"] if row["topic"] == topic}
    return document | {
        "command": f"sparseopt bench {topic} {document['options']}".strip(),
        "other_load": max(loads, default=None),
        "loaded": not all(map(publishable, loads)),
        "solvers": [s for s in document["solvers"] if s["label"] in solvers],
        "rows": [_short(row) for row in document["rows"] if row["topic"] == topic],
        "problems": [{k: v for k, v in e.items() if k not in ("runs", "notes")} for e in entries],
        "figures": figures,
    }


def keep(document, folder):
    """Write ``folder/TOPIC.json`` for each topic that has results; return the paths, and the topics that failed."""
    topics = dict.fromkeys(row["topic"] for row in document["rows"])
    failed = {e["topic"] for e in [*document["problems"], *document["figures"]] if e.get("failed")}
    kept = []
    for topic in topics:
        if topic not in failed:
            kept.append(folder / f"{topic}.json")
            write(of_topic(document, topic), kept[-1])
    return kept, sorted(failed)


def write(document, path):
    """Write a document with a row a line, so that differences can be read."""
    rows = ",\n".join(json.dumps(row, allow_nan=False) for row in document["rows"])
    head = json.dumps({k: v for k, v in document.items() if k != "rows"}, indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head[:-2]},\n "rows": [\n{rows}\n ]\n}}\n', encoding="utf-8")


def measured(topic, rows, command, *, load=None, seed=0, seconds=None, packages=None, verdicts=(), label=None):
    """The document of rows that were measured without the runner.

    Parameters
    ----------
    topic : str
    rows : list of dict
        As a figure topic yields them.
    command : str
        What makes the rows again, typed in the root of a clone.
    load : float, optional
        Cores that other work kept busy meanwhile; None: not known.
    seed : int
    seconds : float, optional
        How long it took.
    packages : dict, optional
        Of solvers that are not ours: the names that pip knows, or None.
    verdicts : list of dict
    label : str, optional
        What the topic shows, in a line.

    Returns
    -------
    document : dict
        As `results.document` returns.
    """
    packages = packages or {}
    facts = machine.facts()
    threads = int(os.environ.get("OMP_NUM_THREADS") or machine.cores())
    common = {"topic": topic, "threads": threads}
    about = {"machine": machine.short(facts), "load": load, "publishable": publishable(load)}
    found = []
    for row in map(plain, rows):
        solver = row.get("solver", OURS)
        ours = solver not in packages
        version = our_version() if ours else packages[solver] and version_of(packages[solver])
        found.append(_short({**common, **STANDARD, **row, "ours": ours, "version": version, **about}))
    entry = common | {"label": label or topic, "seconds": seconds, "verdicts": plain([v for v in verdicts if v])}
    return {
        "format": FORMAT, "command": command, "options": "", "mode": "alone",
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "elapsed_seconds": seconds,
        "machine": facts, "other_load": load, "loaded": not publishable(load),
        "versions": {OURS: our_version()} | {name: version_of(name) for name in LIBRARIES},
        "solvers": [
            {"label": name, "name": package, "version": version_of(package), "ours": False}
            for name, package in packages.items() if package
        ],
        "absent": [], "missing_data": [], "settings": {"threads": [threads], "seed": seed}, "rows": found,
        "problems": [], "figures": [entry | {"pictures": []} | about],
    }  # fmt: skip


def _short(row):
    return {k: v for k, v in row.items() if not (isinstance(v, list) and len(v) > LONGEST)}
