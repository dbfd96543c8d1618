"""Tables of the page about Turbo-VBI."""

from common.markdown import mean, number, pivot, ratio, seconds, table


def _with_draws(rows):
    return [dict(row, problem=f"{row['problem']} ({row['trials']} draws)") for row in rows]


def _recovery(rows, first):
    """Median error, mean error, share of failures: a line a method, a column a setting."""
    rows = [row for row in rows if row["problem"].startswith(first)]

    def cell(met):
        row = met[0]
        return f"{row['median_db']:.1f} / {row['mean_db']:.1f} / {row['failures']:.2f}"

    return pivot(_with_draws(rows), "solver", "problem", cell, header="median / mean NMSE [dB] / failures")


def _support(rows):
    return pivot(rows, "solver", "problem", lambda met: f"{met[0]['f1']:.3f}", header="F1 of the support")


def _intervals(rows):
    def cell(met):
        row = met[0]
        shares = (row.get("coverage_found"), row["coverage"], row["coverage_new"])
        return " / ".join("-" if share is None else f"{100 * share:.0f}" for share in shares)

    rows = [row for row in rows if row.get("coverage") is not None]
    return pivot(rows, line="solver", column="problem", cell=cell, header="found active / active / new data [%]")


def _noise(rows):
    """Intervals of the methods that know of no structure, beside the default."""
    kept = [row for row in rows if row["solver"] in ("SBL", "extrinsic", "extrinsic, iid")]
    names = {"SBL": "SBLRegressor", "extrinsic": "TurboVBIRegressor", "extrinsic, iid": 'TurboVBIRegressor, "iid"'}
    return _intervals([dict(row, solver=names[row["solver"]]) for row in kept])


def _density(rows):
    """Coverage on chains of the model: a line a density, a column a number of measurements."""

    def cell(met):
        row = met[0]
        return " / ".join(f"{100 * row[name]:.0f}" for name in ("coverage_found", "coverage", "coverage_new"))

    rows = [dict(row, density=f"{100 * row['density']:.0f}% active") for row in rows]
    return pivot(rows, line="density", column="problem", cell=cell, header="found active / active / new data [%]")


def _formulas(rows):
    """Both on every draw, and the ratio."""
    draws = {}
    for row in rows:
        if row.get("draw") is not None:
            draws.setdefault(row["draw"], {})[row["solver"]] = row
    lines = []
    for draw, pair in draws.items():
        ours, theirs = pair["sparseopt"], pair["numpy, formulas"]
        lines.append([
            str(draw), ours["nonzeros"], f"{ours['iterations']} / {theirs['iterations']}",
            f"{ours['error_db']:.1f} / {theirs['error_db']:.1f}", seconds(ours["seconds"]), seconds(theirs["seconds"]),
            ratio(theirs["seconds"] / ours["seconds"]), _early(pair, theirs),
        ])  # fmt: skip
    names = ("sparseopt", "numpy, formulas", "sparseopt, tol=1e-3")
    total = [mean(b[s]["seconds"] for b in draws.values()) for s in names]
    early = f"{seconds(total[2])}, {ratio(total[1] / total[2])}"
    lines.append(["mean", "", "", "", *map(seconds, total[:2]), ratio(total[1] / total[0]), early])
    both = "ours / formulas"
    header = ["draw", "non-zeros", f"iterations, {both}", f"NMSE [dB], {both}", "ours", "formulas", "ratio"]
    return table([*header, "ours, tol=1e-3: NMSE [dB], time, ratio"], lines)


def _early(pair, theirs):
    row = pair["sparseopt, tol=1e-3"]
    return f"{row['error_db']:.1f}, {seconds(row['seconds'])}, {ratio(theirs['seconds'] / row['seconds'])}"


def _long(rows):
    header = ["problem", "non-zeros", "iterations", "time of the fit", "memory of the fit [MB]", "NMSE [dB]"]
    lines = [
        [row["problem"], row["nonzeros"], row["iterations"], seconds(row["seconds"]), number(row["memory_mb"]),
         f"{row['error_db']:.1f}"]
        for row in rows if row.get("draw") is None
    ]  # fmt: skip
    return table(header, lines)


TABLES = {
    "chain": lambda rows: _recovery(rows, "chain"),
    "complex": lambda rows: _recovery(rows, "complex"),
    "patches": lambda rows: _recovery(rows, "patches"),
    "support": _support,
    "intervals": _intervals,
    "density": _density,
    "noise": _noise,
    "formulas": _formulas,
    "long": _long,
}
