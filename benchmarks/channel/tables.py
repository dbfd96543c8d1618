"""Tables of docs/guide/channel.md."""

import math

from common.markdown import number, ratio, table

METHODS = ("mm", "mm, one start", "mm, noise learned", "mm, coupled", "decompose", "svd", "am", "pc")


def decibel(value):
    return f"{10 * math.log10(max(value, 1e-30)):.1f}"


def _pivot(rows, cell, methods=METHODS):
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    by = {(row["problem"], row["solver"]): row for row in rows}
    used = [m for m in methods if any((p, m) in by for p in problems)]
    lines = [[p, *(cell(by[p, m]) if (p, m) in by else "-" for m in used)] for p in problems]
    return table(["pilots x configurations", *used], lines)


def _irs(cell):
    return lambda rows: _pivot([r for r in rows if r["panel"] == "irs"], cell)


def times(rows):
    def cell(row):
        shown = f"{number(1e3 * row['seconds'])} ms"
        return shown if row["solver"] == "numpy" else f"{shown} ({ratio(row['ratio'])})"

    return _pivot([r for r in rows if r["panel"] == "time"], cell, (*METHODS, "numpy"))


def angles(rows):
    found = [r for r in rows if r["panel"] == "angles"]
    points = sorted({r["x"] for r in found})
    by = {(r["x"], r["solver"]): r for r in found}
    lines = []
    for x in points:
        on, off = by[x, "on grid"], by[x, "off grid"]
        lines.append([
            f"{x} dB", number(on["angle"]), number(off["angle"]), ratio(1 / 18 / off["angle"]),
            decibel(on["nmse_aggregated_median"]), decibel(off["nmse_aggregated_median"]),
        ])  # fmt: skip
    header = ["SNR", "angle, on grid", "angle, off grid", "below half a step", "NMSE, on grid", "NMSE, off grid"]
    return table(header, lines)


TABLES = {
    "errors": _irs(lambda r: f"{decibel(r['nmse_median'])} / {decibel(r['nmse_aggregated'])}"),
    "symbols": _irs(lambda r: number(r["ser"], 2)),
    "times": times,
    "angles": angles,
}
