"""Pictures of objective against iteration, and the command line of a figure topic.

A figure topic is a file `figure.py` with `compute(quick, seed) -> rows` and `draw(rows) -> {name: matplotlib figure}`.
A row is a dict: panel, curve, iterations, values (a share of the first), and `published`, the value that the paper
reports after the last iteration, or None.
"""

import argparse
import json
from pathlib import Path

COLOURS = ["#d1480a", "#0a6fb5", "#0b8f6a", "#7b4fc0", "#a87800", "#6b7280", "#c2367f", "#3b7a1f", "#1c2430", "#8a5a44"]
FLOOR = 1e-14  # below, rounding is all there is to see


def thin(values, count=120):
    """Return (iterations, values), at most about `count` of them, with the last."""
    step = max(1, len(values) // count)
    at = sorted({*range(0, len(values), step), len(values) - 1})
    return at, [float(values[k]) for k in at]


def row(panel, curve, values, published=None):
    """Return one curve."""
    at, kept = thin(values)
    return dict(panel=panel, curve=curve, iterations=at, values=kept, published=published)


def draw_panels(rows, title, label="objective gap, share of the first"):
    """Return a figure with one panel each; crosses mark what the paper reports."""
    import matplotlib

    matplotlib.use("Agg", force=False)
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys(r["panel"] for r in rows))
    colours = {}
    figure = Figure(figsize=(5.0 * len(panels), 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, panel in zip(axes, panels, strict=True):
        for r in (r for r in rows if r["panel"] == panel):
            colour = colours.setdefault(r["curve"], COLOURS[len(colours) % len(COLOURS)])
            values = [max(v, FLOOR) for v in r["values"]]
            axis.semilogy(r["iterations"], values, color=colour, linewidth=1.6, label=r["curve"])
            if r["published"] is not None:
                axis.plot([max(r["iterations"])], [r["published"]], "x", color=colour, markersize=9, clip_on=False)
        axis.set_title(panel, fontsize=11)
        axis.set_xlabel("iterations (block updates)")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8, framealpha=0.85, edgecolor="none", loc="best")
    axes[0].set_ylabel(label)
    crosses = any(r["published"] is not None for r in rows)
    figure.suptitle(title + "   (crosses: published, after the last iteration)" * crosses, fontsize=12)
    return figure


def table(rows):
    """Return lines: panel, curve, reached, published."""
    lines = [f"{'panel':34} {'curve':26} {'reached':>10} {'published':>10}"]
    for r in rows:
        published = "" if r["published"] is None else f"{r['published']:10.2g}"
        lines.append(f"{r['panel']:34} {r['curve']:26} {r['values'][-1]:10.2g} {published:>10}")
    return "\n".join(lines)


def main(compute, draw, description):
    """Run a figure topic alone: compute, draw, and write pictures and numbers to a folder."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", default="report", help="folder for the pictures and rows.json")
    parser.add_argument("--quick", action="store_true", help="small versions of the data")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = compute(options.quick, options.seed)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.json").write_text(json.dumps(rows))
    for name, figure in draw(rows).items():
        figure.savefig(folder / f"{name}.png", dpi=110)
        figure.savefig(folder / f"{name}.svg")
    print(table(rows))
