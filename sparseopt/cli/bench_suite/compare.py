"""What became slower, and what became worse, since earlier results."""

import json
from collections import Counter

from .results import publishable
from .summary import advantage

SLOWER = 1.15  # ratio of median times; the ranges of the repetitions must be apart as well
WORSE = 1.05  # ratio of passes, or of what a topic is about
LARGER = (1.5, 20.0)  # ratio of peak memory, and the MB beyond which that counts


class NotResultsError(ValueError):
    """The file holds no results of a benchmark."""


def read(path):
    """Return the results in a file.

    Raises
    ------
    NotResultsError
        When it holds something else; the message says what.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise NotResultsError(f"{path}: not a results.json ({error})") from None
    if not isinstance(document, dict) or not {"rows", "machine", "settings", "mode"} <= set(document):
        raise NotResultsError(f"{path}: not a results.json of `sparseopt bench`")
    return document | {"figures": document.get("figures", [])}


def compare(old, new):
    """Compare our own results; those of peers and those that only one of the two has are left out.

    Returns
    -------
    comparison : dict
        ``worse`` and ``better``, lists of topic, problem, threads, what, old, new, unit, ratio (above one: worse);
        ``compared``, how many results both have; ``notes``, what could not be compared and why.
    """
    changes, notes = [], []
    timed = _place(old) == _place(new)
    if not timed:
        notes.append(f"Other machine ({_place(old)}): times were not compared.")
    before, after = _ours(old), _ours(new)
    both = [key for key in after if key in before]
    busy = 0
    for key in both:
        a, b = before[key], after[key]
        fair = timed and _publishable(a) and _publishable(b)
        busy += not fair and bool(b.get("seconds"))
        changes += [dict(_where(b), **change) for change in _changes(a, b, fair)]
    same_task = (old["mode"], old["settings"].get("seed")) == (new["mode"], new["settings"].get("seed"))
    if same_task:
        changes += _verdict_changes(old, new, timed)
    else:
        notes.append("Other problems (mode or seed): what figure topics conclude was not compared.")
    if timed and busy:
        notes.append(f"{busy} times were not compared: the machine was busy, now or then.")
    running = {row["topic"] for row in new["rows"]}
    gone = [key for key in before if key not in after and key[0] in running]
    if gone:
        example = ", ".join(gone[0][:2])
        notes.append(f"{len(gone)} earlier results have none to compare with, such as {example}.")
    changes.sort(key=lambda change: -change["ratio"])
    return {
        "since": old.get("finished"),
        "compared": len(both),
        "worse": [c for c in changes if c["ratio"] > 1],
        "better": [c for c in changes[::-1] if c["ratio"] < 1],
        "notes": notes,
    }


def _place(document):
    facts = document["machine"]
    return f"{facts['processor']}, {facts['cores']} cores"


def _publishable(row):
    return publishable(row.get("load"))


def _ours(document):
    """Our rows by what they measure; rows that agree in that are told apart by their order."""
    found, seen = {}, Counter()
    for row in document["rows"]:
        if row["ours"]:
            key = (row["topic"], row["problem"], row["threads"], row["solver"], row.get("target"))
            found[(*key, seen[key])] = row
            seen[key] += 1
    return found


def _where(row):
    return {"topic": row["topic"], "problem": row["problem"], "threads": row["threads"]}


def _changes(a, b, fair):
    """What differs between two rows; a ratio above one is worse."""
    if "target" in b and a["status"] != b["status"]:
        ratio = 1e9 if a["status"] == "ok" else 1e-9
        yield {"what": "certified", "old": a["status"], "new": b["status"], "unit": "", "ratio": ratio}
        return
    if fair and a.get("seconds_max") and b.get("seconds_max"):
        ratio = b["seconds"] / a["seconds"]
        apart = b["seconds_min"] > a["seconds_max"] or b["seconds_max"] < a["seconds_min"]
        if apart and not 1 / SLOWER <= ratio <= SLOWER:
            yield {"what": "time", "old": a["seconds"], "new": b["seconds"], "unit": "s", "ratio": ratio}
    counters = [("passes", WORSE, 0.0)]
    if "target" in b:  # rows of a figure topic have the peak of the whole topic
        counters.append(("memory_mb", *LARGER))
    for what, factor, least in counters:
        x, y = a.get(what), b.get(what)
        if x and y and not 1 / factor <= y / x <= factor and abs(y - x) > least:
            unit = "MB" if what == "memory_mb" else ""
            yield {"what": what.removesuffix("_mb"), "old": x, "new": y, "unit": unit, "ratio": y / x}


def _verdict_changes(old, new, timed):
    """What figure topics conclude, before and now."""
    before = {
        (entry["topic"], verdict["measure"]): (verdict, entry)
        for entry in old["figures"]
        for verdict in entry["verdicts"]
    }
    for entry in new["figures"]:
        if entry.get("failed") and any(topic == entry["topic"] for topic, _ in before):
            yield _where(entry | {"problem": entry["label"]}) | {
                "what": "failed", "old": "ok", "new": entry["failed"], "unit": "", "ratio": 1e9,
            }  # fmt: skip
        for verdict in entry["verdicts"]:
            earlier, then = before.get((entry["topic"], verdict["measure"]), (None, None))
            if earlier is None or (
                verdict["timing"] and not (timed and _publishable(then) and _publishable(entry))
            ):  # fmt: skip
                continue
            change = advantage({"ours": earlier["ours"], "theirs": verdict["ours"], "better": verdict["better"]})
            limit = SLOWER if verdict["timing"] else WORSE
            if change is not None and not 1 / limit <= change <= limit:
                yield _where(entry | {"problem": f"{verdict['problems']} problems"}) | {
                    "what": verdict["measure"], "old": earlier["ours"], "new": verdict["ours"],
                    "unit": verdict["unit"], "ratio": change,
                }  # fmt: skip
