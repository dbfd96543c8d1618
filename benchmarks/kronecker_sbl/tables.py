"""Tables of docs/guide/kronecker.md."""

import math
from statistics import fmean, median

from common import reported
from common.blocks import combine
from common.markdown import number, ratio, table
from common.reported import decibel
from published_recovery import PUBLISHED, TRIALS

METHODS = (
    "mm", "mm, one start", "mm, noise learned", "am", "svd", "decompose", "KroneckerOMP", "oracle",
)  # fmt: skip


def milliseconds(value):
    return "-" if value is None else f"{number(1e3 * value)} ms"


def _pivot(rows, cell, methods, first="setting"):
    """A line a problem, a column a method."""
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    by = {(row["problem"], row["solver"]): row for row in rows}
    used = [m for m in methods if any((p, m) in by for p in problems)]
    lines = [[p, *(cell(by[p, m]) if (p, m) in by else "-" for m in used)] for p in problems]
    return table([first, *used], lines)


def _errors(values, cell):
    def make(rows):
        mine = [r for r in rows if r["kind"] == "error" and r["values"] == values]
        found = combine(mine, ("nmse", "signal", "srr"))
        counts = sorted({r["trials"] for r in found})
        draws = " to ".join(str(c) for c in {counts[0]: 0, counts[-1]: 0})
        return _pivot(found, cell, METHODS, first=f"setting ({draws} draws)")

    return make


def times(rows):
    """Milliseconds of a fit, and how many times faster than numpy."""
    return _pivot(
        [r for r in rows if r["kind"] == "time"],
        lambda r: milliseconds(r["seconds"]) + ("" if r["solver"] == "numpy" else f" ({ratio(r['ratio'])})"),
        ("mm", "mm, one start", "mm, noise learned", "am", "svd", "decompose", "KroneckerOMP", "numpy"),
    )


def classic(rows):
    found = [r for r in rows if r["kind"] == "classic"]
    return table(
        ["method", "time", "times slower than `mm`", "NMSE [dB]"],
        [[r["solver"], milliseconds(r["seconds"]), ratio(r["seconds"] / found[-1]["seconds"]), decibel(r["nmse"])]
         for r in found],
    )  # fmt: skip


def users(rows):
    found = [r for r in rows if r["kind"] == "users"]
    lines = [[r["solver"], milliseconds(r["seconds"]), ratio(r["ratio"])] for r in found]
    return table([f"{found[0]['users']} users", "time a user", "times `one call`"], lines)


def published(rows):
    """Mean norm of the error over that of the signal, and support recovery rates, beside those of the paper."""
    mine = combine([r for r in rows if r["kind"] == "error" and r["values"] == "product"], ("nmse", "srr"))
    by = {(r["sweep"], r["x"], r["solver"]): r for r in mine}
    lines = []
    for sweep, method in PUBLISHED:
        for x, (error, rate) in PUBLISHED[sweep, method].items():
            if (row := by.get((sweep, x, method))) is not None:
                errors = [math.sqrt(e) for e in row["nmse"]]
                lines.append([
                    f"{sweep} = {x} ({row['trials']} draws)", method,
                    reported.cell(errors, error, TRIALS, lambda v: number(v, 2)),
                    reported.cell(row["srr"], rate, TRIALS, lambda v: f"{v:.2f}", scale="rate"),
                ])  # fmt: skip
    lines.append(reported.count(lines, 2))
    return table(["setting", "method", "error: paper; ours [90 %]", "support: paper; ours [90 %]"], lines)


def ahead(rows):
    """The median error of "mm" beside that of the better of the published algorithms, on the same draws."""
    found = combine([r for r in rows if r["kind"] == "error"], ("nmse",))
    by = {(r["problem"], r["solver"]): r["nmse"] for r in found}
    lines = []
    for problem in dict.fromkeys(r["problem"] for r in found):
        mine = by[problem, "mm"]
        peer = min(("am", "svd"), key=lambda method: median(by[problem, method]))
        value, low, high = reported.difference(mine, by[problem, peer])
        no_worse = sum(a <= b * (1.0 + 1e-3) for a, b in zip(mine, by[problem, peer], strict=True))
        lines.append([
            f"{problem} ({len(mine)} draws)", peer, f"{value:+.2f} [{low:+.2f}, {high:+.2f}]",
            f"{100 * no_worse / len(mine):.0f} %",
        ])  # fmt: skip
    header = ["setting", "best published", "`mm` less that, median, dB [90 %]"]
    header.append("draws on which `mm` is no worse, to 0.1 %")
    return table(header, lines)


def _median(row):
    return f"{decibel(median(row['nmse']))} / {decibel(fmean(row['nmse']))}"


TABLES = {
    "errors iid": _errors("iid", _median),
    "errors product": _errors("product", _median),
    "support iid": _errors("iid", lambda r: f"{fmean(r['srr']):.3f}"),
    "support product": _errors("product", lambda r: f"{fmean(r['srr']):.3f}"),
    "published": published,
    "ahead": ahead,
    "times": times,
    "classic": classic,
    "users": users,
}
