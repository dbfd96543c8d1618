"""From result rows to the numbers people ask for: ratios to the best peer, geometric means."""

import math
from collections import defaultdict

from . import machine


def geometric_mean(values):
    """Geometric mean of positive numbers, or None of none.

    >>> geometric_mean([1.0, 4.0])
    2.0
    """
    values = list(values)
    if not values:
        return None
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def contests(rows):
    """One entry a topic, problem, number of threads and target: ours, the peers, the ratio.

    ``ratio`` is the best peer's median time divided by ours (above one: we are faster); None when
    one side has no certified run, or when others kept the machine busy (``disturbed``).
    ``cpu_ratio`` is the same of CPU times, of the peer with the least.
    """
    groups = defaultdict(list)
    for row in rows:
        if "target" not in row:
            continue  # of a figure topic
        groups[row["topic"], row["problem"], row["threads"], row["target"]].append(row)
    found = []
    for (topic, problem, threads, target), members in groups.items():
        ours = next((r for r in members if r["ours"]), None)
        peers = [r for r in members if not r["ours"]]
        reached = [r for r in peers if r["status"] == "ok"]
        best = min(reached, key=lambda r: r["seconds"], default=None)
        both = ours is not None and ours["status"] == "ok" and best is not None
        disturbed = not all(r.get("publishable", True) for r in members)
        times = (ours["seconds"], best["seconds"]) if both else None
        both = both and not disturbed
        found.append(
            {
                "topic": topic,
                "problem": problem,
                "threads": threads,
                "target": target,
                "ours": ours,
                "peers": sorted(peers, key=lambda r: r.get("seconds", math.inf)),
                "best": best,
                "disturbed": disturbed,
                "times": times,
                "ratio": best["seconds"] / ours["seconds"] if both else None,
                "cpu_ratio": (
                    min(r["cpu_seconds"] for r in reached) / max(ours["cpu_seconds"], 1e-9)
                    if both
                    else None
                ),
            }
        )
    return found


def summarise(rows):
    """One line a topic, target and number of threads."""
    groups = defaultdict(list)
    for contest in contests(rows):
        groups[contest["topic"], contest["target"], contest["threads"]].append(contest)
    lines = []
    for (topic, target, threads), members in groups.items():
        ratios = [c["ratio"] for c in members if c["ratio"] is not None]
        ours = [c["ours"] for c in members if c["ours"] is not None]
        shown = [c for c in members if c["ratio"] is not None] or [c for c in members if c["times"] is not None]
        times = [geometric_mean(c["times"][side] for c in shown) for side in (0, 1)]
        if not shown:  # nobody to compare with
            times[0] = geometric_mean(r["seconds"] for r in ours if r["status"] == "ok")
        passes = [r["passes"] for r in ours if r.get("passes") is not None]
        lines.append(
            {
                "topic": topic,
                "target": target,
                "threads": threads,
                "problems": len(members),
                "compared": len(ratios),
                "disturbed": sum(c["disturbed"] for c in members),
                "times": times,
                "certified": sum(r["status"] == "ok" for r in ours),
                "alone": sum(
                    c["best"] is None and c["ours"] is not None and c["ours"]["status"] == "ok"
                    for c in members
                ),
                "ratio": geometric_mean(ratios),
                "cpu_ratio": geometric_mean(
                    c["cpu_ratio"] for c in members if c["cpu_ratio"] is not None
                ),
                "worst": min(ratios, default=None),
                "best": max(ratios, default=None),
                "max_passes": max(passes, default=None),
            }
        )
    return lines


def overview(document):
    """One line for what each topic is about: races first, then what figure topics say of themselves.

    Each is a dictionary with topic, threads, measure, problems, ours, theirs, peer, better (``lower`` or
    ``higher``), timing, disturbed, and ratio: how many times better we are, or None.
    """
    lines = []
    for line in summarise(document["rows"]):
        ours, theirs = line["times"]
        lines.append({
            "topic": line["topic"], "threads": line["threads"],
            "measure": f"time to a certified gap of {line['target']:.0e}", "problems": line["problems"],
            "ours": ours, "theirs": theirs, "peer": "each problem's fastest" if theirs else "none in time",
            "better": "lower", "timing": True, "unit": "s", "ratio": line["ratio"],
            "disturbed": line["disturbed"] > 0 and line["ratio"] is None,
        })  # fmt: skip
    for entry in document["figures"]:
        for verdict in entry["verdicts"]:
            disturbed = verdict["timing"] and not entry["publishable"]
            lines.append({
                **verdict, "topic": entry["topic"], "threads": entry["threads"], "disturbed": disturbed,
                "ratio": None if disturbed else advantage(verdict),
            })  # fmt: skip
    return lines


def advantage(verdict):
    """How many times better ours is; None where that is no number.

    >>> advantage({"ours": 2.0, "theirs": 3.0, "better": "lower"})
    1.5
    """
    ours, theirs = verdict["ours"], verdict["theirs"]
    if ours is None or theirs is None:
        return None
    above, below = (theirs, ours) if verdict["better"] == "lower" else (ours, theirs)
    return above / below if above > 0 and below > 0 else None


def warnings_of(document):
    """What a reader must know before believing the numbers."""
    notes = []
    if document.get("left"):
        notes.append(f"Not finished: {document['left']} of the problems are left; the same command goes on with them.")
    if document["loaded"]:
        notes.append(
            f"The machine was busy with other work (up to {document['other_load']:.2f} cores, "
            f"limit {machine.LOADED:g}) during some measurements. Their times are in parentheses and enter no "
            "ratio: they are not for publication. Passes, accuracy and quality do not depend on that."
        )
    for entry in [*document["problems"], *document["figures"]]:
        if entry.get("failed"):
            notes.append(f"FAILED: {entry['topic']}, {entry['label']}: {entry['failed']}")
    missed = [r for r in document["rows"] if "target" in r and r["ours"] and r["status"] != "ok"]
    if missed:
        reasons = list(dict.fromkeys(r["note"] or r["status"] for r in missed))
        places = [f"{r['topic']}, {r['problem']} ({r['target']:.0e})" for r in missed]
        notes.append(
            f"sparseopt did not certify {len(missed)} of its results: {'; '.join(places[:4])}"
            f"{', ...' if len(places) > 4 else ''}: {'; '.join(reasons[:2])}."
        )
    if document["absent"]:
        names = ", ".join(a["name"] for a in document["absent"])
        hint = " ".join(a["install"].removeprefix("pip install ") for a in document["absent"])
        notes.append(f"Not installed here and left out: {names} (pip install {hint}).")
    if document["missing_data"]:
        notes.append("Left out: " + "; ".join(document["missing_data"]) + ".")
    return notes
