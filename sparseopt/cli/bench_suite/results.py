"""The result document: all rows, and what is needed to read and repeat them."""

import datetime

from . import machine
from .figures import KEY
from .journal import FORMAT


def document(settings, described, facts, entries, elapsed, left=0):
    """Make the document of finished jobs; ``left`` are not finished."""
    entries = [{k: v for k, v in entry.items() if k != "spent"} for entry in entries]
    solvers = [s for topic in described["topics"] for s in topic["solvers"]]
    known = {s["label"]: {"version": s["version"], "ours": s["ours"]} for s in solvers}
    solvers += [s for topic in described["figures"] for s in topic["solvers"] if s["version"]]
    topics = [*described["topics"], *described["figures"]]
    place = machine.short(facts)
    rows, problems, figures = [], [], []
    for entry in entries:
        facts_of_entry = {"machine": place, "load": entry["load"], "publishable": publishable(entry["load"])}
        where = {"topic": entry["topic"], "problem": entry["label"], "threads": entry["threads"]}
        if entry["key"] == KEY:
            kept = {k: v for k, v in entry.items() if k not in ("rows", "pictures", "key")}
            figures.append(kept | {"pictures": list(entry["pictures"])} | facts_of_entry)
            rows += [{**where, **row, **facts_of_entry} for row in entry["rows"]]
        else:
            problems.append({k: v for k, v in entry.items() if k != "rows"})
            for row in entry["rows"]:
                rows.append({
                    **where, **row, **known[row["solver"]], "certificate": row.get("gap"),
                    **facts_of_entry,
                })  # fmt: skip
    loads = [entry["load"] for entry in entries if entry["load"] is not None]
    return {
        "format": FORMAT,
        "command": settings.command,
        "options": settings.options,
        "mode": settings.mode,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "elapsed_seconds": round(elapsed, 1),
        "left": left,
        "machine": facts,
        "other_load": max(loads, default=None),
        "loaded": not all(publishable(load) for load in loads),
        "versions": described["versions"],
        "solvers": _unique(solvers),
        "absent": _unique(a for topic in topics for a in topic["absent"]),
        "missing_data": _unique(m for topic in described["topics"] for m in topic["missing_data"]),
        "settings": {
            "threads": list(settings.threads),
            "repeats": settings.repeats,
            "cap_seconds": settings.cap,
            "patience": settings.patience,
            "seed": settings.seed,
        },
        "rows": rows,
        "problems": problems,
        "figures": figures,
    }


def publishable(load):
    """Whether a time may be published that was measured while others kept so many cores busy; None: not known."""
    return load is None or load <= machine.LOADED


def _unique(values):
    found = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
