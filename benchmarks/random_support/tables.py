"""Tables of docs/guide/random_support.md."""

import math
from statistics import mean, median

from common.markdown import number, ratio, table

SHOWN = (
    "sparseopt", "LassoCV", "Lasso exact*", "ridge threshold", "PCR", "OMP", "OMP*", "stepwise + swaps", "stepwise*",
    "abess", "abess*", "Puffer", "factor-adjusted", "true support",
)  # fmt: skip
OWN = ("sparseopt", "sparseopt, one round", "sparseopt, Lasso", "sparseopt, averaged")


def short(value):
    """.014, and 1.0 for what is one."""
    return f"{value:.3f}".removeprefix("0") if value < 0.9995 else f"{value:.1f}"


def _errors(rows):
    found: dict = {}
    for row in rows:
        if row["kind"] == "error":
            found.setdefault(row["family"], {}).setdefault(row["solver"], []).append(row["error"])
    return found


def errors(rows):
    """Mean / median, a line a family."""
    found = _errors(rows)
    used = [m for m in SHOWN if any(m in methods for methods in found.values())]
    lines = []
    for family, methods in found.items():
        cells = [f"{short(mean(methods[m]))} / {short(median(methods[m]))}" if m in methods else "-" for m in used]
        lines.append([family, f"**{cells[0]}**", *cells[1:]])
    return table(["family", *used], lines)


def gains(rows):
    """Our mean and median beside the best that a user could have run."""
    lines = []
    for family, methods in _errors(rows).items():
        theirs = {m: v for m, v in methods.items() if m not in OWN and not m.endswith("*") and m != "true support"}
        cells = []
        for average in (mean, median):
            best = min(theirs, key=lambda m: average(theirs[m]))
            own = average(methods["sparseopt"])
            cells += [best, ratio(average(theirs[best]) / own)]
        floor = mean(methods["sparseopt"]) / mean(methods["true support"])
        lines.append([family, *cells, ratio(floor)])
    header = ["family", "best mean of others", "over ours", "best median", "over ours", "ours over true support"]
    return table(header, lines)


def parts(rows):
    """What each part of the method does."""
    lines = [
        [family, *(f"{short(mean(methods[m]))} / {short(median(methods[m]))}" if m in methods else "-" for m in OWN)]
        for family, methods in _errors(rows).items()
    ]
    header = ["family", "all levels", "`max_rounds=1`", '`base="lasso", refit="none"`', "`average=True`"]
    return table(header, lines)


def order(rows):
    """Greedy selection charged for its order, and for the set."""
    found: dict = {}
    for row in rows:
        if row["kind"] == "order":
            found.setdefault(row["family"], {}).setdefault(row["solver"], []).append(row["error"])
    names = ("for the order", "for the set", "stepwise + swaps")
    lines = [
        [family, str(len(v[names[0]])), *(f"{short(mean(v[m]))} / {short(median(v[m]))}" for m in names)]
        for family, v in found.items()
    ]
    return table(["family", "seeds", *names], lines)


def growth(rows):
    found = [r for r in rows if r["kind"] == "growth"]
    families = list(dict.fromkeys(r["family"] for r in found))
    by = {(r["n"], r["d"], r["family"], r["solver"]): r["seconds"] for r in found}
    lines = []
    for n, d in dict.fromkeys((r["n"], r["d"]) for r in found):
        line = [f"{n} x {d}"]
        for family in families:
            own, numpy = by.get((n, d, family, "sparseopt")), by.get((n, d, family, "numpy"))
            line += [number(own), number(numpy), ratio(numpy / own if numpy and own else None)]
        lines.append(line)
    header = ["n x d"]
    for family in families:
        header += [f"{family}, s", "numpy, s", "ratio"]
    return table(header, lines)


def exponents(rows):
    """Slopes of log time against log size."""
    found = [r for r in rows if r["kind"] == "growth" and r["solver"] == "sparseopt"]
    lines = []
    for family in dict.fromkeys(r["family"] for r in found):
        for free, fixed, value in (("d", "n", 1000), ("n", "d", 10_000)):
            points = [(r[free], r["seconds"]) for r in found if r["family"] == family and r[fixed] == value]
            if len(points) > 2:
                lines.append([family, f"{free}, {fixed} = {value}", f"{slope(points):.2f}"])
    return table(["family", "time against", "exponent"], lines)


def slope(points):
    x, y = zip(*((math.log(a), math.log(b)) for a, b in points), strict=True)
    mx, my = mean(x), mean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def real(rows):
    found = [r for r in rows if r["kind"] == "real"]
    names = list(dict.fromkeys(r["problem"] for r in found))
    methods = list(dict.fromkeys(r["solver"] for r in found))
    by = {(r["problem"], r["solver"]): r for r in found}
    lines = []
    for name in names:
        first = next(r for r in found if r["problem"] == name)
        cells = [by[name, m] if (name, m) in by else None for m in methods]
        best = min(r["error"] for r in cells if r)
        shown = [
            "-" if r is None else f"**{short(r['error'])}** ({r['size']:.0f})" if r["error"] == best
            else f"{short(r['error'])} ({r['size']:.0f})" for r in cells
        ]  # fmt: skip
        lines.append([name, f"{first['n']} x {first['d']}", *shown])
    return table(["data", "rows x columns", *methods], lines)


TABLES = {
    "errors": errors, "gains": gains, "parts": parts, "order": order, "growth": growth, "exponents": exponents,
    "real": real,
}  # fmt: skip
