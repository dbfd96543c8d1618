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
    one side has no certified run. ``cpu_ratio`` is the same of CPU times, of the peer with the
    least; on a machine with other work it is the fairer of the two.
    """
    groups = defaultdict(list)
    for row in rows:
        groups[row["topic"], row["problem"], row["threads"], row["target"]].append(row)
    found = []
    for (topic, problem, threads, target), members in groups.items():
        ours = next((r for r in members if r["ours"]), None)
        peers = [r for r in members if not r["ours"]]
        reached = [r for r in peers if r["status"] == "ok"]
        best = min(reached, key=lambda r: r["seconds"], default=None)
        both = ours is not None and ours["status"] == "ok" and best is not None
        found.append(
            {
                "topic": topic,
                "problem": problem,
                "threads": threads,
                "target": target,
                "ours": ours,
                "peers": sorted(peers, key=lambda r: r.get("seconds", math.inf)),
                "best": best,
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
        passes = [r["passes"] for r in ours if r.get("passes") is not None]
        lines.append(
            {
                "topic": topic,
                "target": target,
                "threads": threads,
                "problems": len(members),
                "compared": len(ratios),
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


def warnings_of(document):
    """What a reader must know before believing the numbers."""
    notes = []
    if document["loaded"]:
        notes.append(
            f"The machine was busy with other work (up to {document['other_load']:.2f} cores, "
            f"limit {machine.LOADED:g}) while timing: do not publish these times."
        )
    for problem in document["problems"]:
        if problem.get("failed"):
            notes.append(f"{problem['topic']}, {problem['label']}: {problem['failed']}")
    missed = [r for r in document["rows"] if r["ours"] and r["status"] != "ok"]
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
