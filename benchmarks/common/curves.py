"""Monte-Carlo curves: rows of numbers, pictures of them, and a small command line."""

import argparse
import csv
from pathlib import Path

import numpy as np

COLORS = {
    "mm": "#d1495b", "mm, 5 starts": "#8d3b72", "mm, noise learned": "#edae49", "mm, coupled": "#8d3b72",
    "decompose": "#00798c",
    "am": "#7a7a7a",
    "svd": "#3d6b99", "pc": "#66a182", "KroneckerOMP": "#b08968", "classic SBL": "#111111", "oracle": "#c9c9c9",
    "on grid": "#3d6b99", "off grid": "#d1495b", "loop": "#7a7a7a", "one call": "#d1495b",
}  # fmt: skip
MARKERS = "osD^vP*Xh<>"


def decibel(x):
    """Ten times the decadic logarithm, and a floor instead of minus infinity."""
    return 10.0 * np.log10(np.maximum(x, 1e-30))


def summary(values):
    """Mean, median and number of entries."""
    values = np.asarray(values, dtype=float)
    return dict(mean=float(values.mean()), median=float(np.median(values)), trials=len(values))


def lines(ax, rows, x, y, *, transform=None, published=None):
    """Draw one line a method; hollow marks are published values."""
    for k, method in enumerate(dict.fromkeys(row["method"] for row in rows)):
        mine = [row for row in rows if row["method"] == method and row.get(y) is not None]
        if not mine:
            continue
        values = np.array([row[y] for row in mine], dtype=float)
        color = COLORS.get(method, f"C{k}")
        ax.plot([row[x] for row in mine], transform(values) if transform else values, color=color, lw=1.6, ms=4,
                marker=MARKERS[k % len(MARKERS)], label=method, ls="--" if method == "oracle" else "-")  # fmt: skip
        marks = (published or {}).get(method)
        if marks:
            ax.plot(list(marks), list(marks.values()), color=color, ls="", marker=MARKERS[k % len(MARKERS)], ms=8,
                    mfc="none", mew=1.4)  # fmt: skip
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)


def main(compute, draw, doc):
    """Run `python figure.py --out DIR [--full] [--seed N]`: a table and pictures."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--out", type=Path, default=Path("report"))
    parser.add_argument("--full", action="store_true", help="as many trials as the papers, instead of a few")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = compute(not options.full, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (options.out / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    for name, figure in draw(rows).items():
        figure.savefig(options.out / f"{name}.png", dpi=130, bbox_inches="tight")
        print(options.out / f"{name}.png")
