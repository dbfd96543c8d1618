"""Tables of docs/guide/channel.md."""

from statistics import fmean, median

from common import reported
from common.blocks import combine
from common.markdown import number, ratio, table
from common.reported import decibel
from published_channel import PUBLISHED, SNRS, TRIALS

METHODS = ("mm", "mm, one start", "mm, noise learned", "mm, coupled", "decompose", "svd", "am", "pc")


def _pivot(rows, cell, methods=METHODS, first="pilots x configurations"):
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    by = {(row["problem"], row["solver"]): row for row in rows}
    used = [m for m in methods if any((p, m) in by for p in problems)]
    lines = [[p, *(cell(by[p, m]) if (p, m) in by else "-" for m in used)] for p in problems]
    return table([first, *used], lines)


def _irs(cell):
    def make(rows):
        found = combine([r for r in rows if r["panel"] == "irs"], ("nmse", "aggregated", "ser", "efficiency"))
        return _pivot([dict(r, problem=f"{r['problem']}, {r['trials']} channels") for r in found], cell)

    return make


def published(rows):
    """Mean and median over channels of the mean error over configurations, and symbol errors, beside the paper's."""
    found = combine([r for r in rows if r["panel"] == "irs" and r["setting"] == "3 x 6"], ("nmse", "ser"))
    by = {(r["x"], r["solver"]): r for r in found}
    lines = []
    for method, report in PUBLISHED.items():
        for x, mean, middle, ser in zip(SNRS, report["mean"], report["median"], report["ser"], strict=True):
            if (row := by.get((x, method))) is not None:
                lines.append([
                    f"{x} dB ({row['trials']} channels)", method,
                    reported.cell(row["nmse"], 10 ** (mean / 10), TRIALS, decibel),
                    reported.cell(row["nmse"], 10 ** (middle / 10), TRIALS, decibel, statistic=reported.median),
                    reported.cell(row["ser"], ser, TRIALS, lambda v: number(v, 2), scale="rate"),
                ])  # fmt: skip
    lines.append(reported.count(lines, 3))
    names = ("mean NMSE [dB]", "its median [dB]", "symbol errors")
    return table(["SNR", "method", *(f"{name}: paper; ours [90 %]" for name in names)], lines)


def times(rows):
    def cell(row):
        shown = f"{number(1e3 * row['seconds'])} ms"
        return shown if row["solver"] == "numpy" else f"{shown} ({ratio(row['ratio'])})"

    return _pivot([r for r in rows if r["panel"] == "time"], cell, (*METHODS, "numpy"), first="")


def angles(rows):
    found = combine([r for r in rows if r["panel"] == "angles"], ("angles", "nmse"))
    by = {(r["x"], r["solver"]): r for r in found}
    lines = []
    for x in sorted({r["x"] for r in found}):
        on, off = by[x, "on grid"], by[x, "off grid"]
        lines.append([
            f"{x} dB", str(on["trials"]), number(median(on["angles"])), number(median(off["angles"])),
            ratio(1 / 18 / median(off["angles"])), decibel(median(on["nmse"])), decibel(median(off["nmse"])),
        ])  # fmt: skip
    header = ["SNR", "channels", "angle, on grid", "off grid", "below half a step", "NMSE, on grid", "off grid"]
    return table(header, lines)


TABLES = {
    "errors": _irs(lambda r: f"{decibel(median(r['nmse']))} / {decibel(fmean(r['aggregated']))}"),
    "symbols": _irs(lambda r: number(fmean(r["ser"]), 2)),
    "published": published,
    "times": times,
    "angles": angles,
}
