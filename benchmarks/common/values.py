"""Pictures for solvers that are judged by the value they reach."""

import numpy as np

from .figures import COLOURS


def draw_excess(rows, field, title):
    """Percent above the lowest value that anyone found on a problem, against seconds."""
    from matplotlib.figure import Figure

    best = {}
    for row in rows:
        best[row["problem"]] = min(best.get(row["problem"], np.inf), row[field])
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for name, marker, colour in zip(dict.fromkeys(row["solver"] for row in rows), "os^vD", COLOURS, strict=False):
        mine = [row for row in rows if row["solver"] == name]
        excess = [100 * (row[field] / best[row["problem"]] - 1) for row in mine]
        seconds = [row["seconds"] for row in mine]
        axis.scatter(seconds, excess, marker=marker, color=colour, label=name, alpha=0.75)
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=0.1)
    axis.set_ylim(bottom=-0.02)
    axis.set_xlabel("seconds")
    axis.set_ylabel(f"{field} above the lowest found, %")
    axis.set_title(title)
    axis.legend(frameon=False)
    return figure
