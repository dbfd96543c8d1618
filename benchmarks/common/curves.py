"""Monte-Carlo curves: rows of numbers and pictures of them."""

import numpy as np

from .figures import COLOURS, INK

ORANGE, BLUE, GREEN, VIOLET, OCHRE, GREY, PINK, LEAF = COLOURS
COLORS = {
    "mm": ORANGE, "mm, one start": PINK, "numpy": INK, "mm, noise learned": OCHRE, "mm, coupled": PINK,
    "decompose": GREEN,
    "am": GREY, "svd": BLUE, "pc": LEAF, "KroneckerOMP": VIOLET, "classic SBL": INK, "oracle": INK,
    "on grid": BLUE, "off grid": ORANGE,
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
    """Draw one line a solver; hollow marks are published values."""
    for k, method in enumerate(dict.fromkeys(row["solver"] for row in rows)):
        mine = [row for row in rows if row["solver"] == method and row.get(y) is not None]
        if not mine:
            continue
        values = np.array([row[y] for row in mine], dtype=float)
        color = COLORS.get(method, COLOURS[k % len(COLOURS)])
        dashes = "--" if method == "oracle" or (method not in COLORS and k >= len(COLOURS)) else "-"
        ax.plot([row[x] for row in mine], transform(values) if transform else values, color=color, lw=1.6, ms=4,
                marker=MARKERS[k % len(MARKERS)], label=method, ls=dashes)  # fmt: skip
        marks = (published or {}).get(method)
        if marks:
            ax.plot(list(marks), list(marks.values()), color=color, ls="", marker=MARKERS[k % len(MARKERS)], ms=8,
                    mfc="none", mew=1.4)  # fmt: skip
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
