"""Pictures as inline SVG whose colours are CSS variables, so that they follow the page's theme."""

import io
import re

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

from .style import LIGHT
from .summary import contests
from .tables import plural, solver_names

# Stand-ins that survive matplotlib and are replaced by CSS variables afterwards.
INK, FAINT = "#010203", "#010204"
SERIES = [f"#0102{16 + i:02x}" for i in range(8)]
CSS = {INK: "var(--ink)", FAINT: "var(--faint)"} | {
    colour: f"var(--s{i})" for i, colour in enumerate(SERIES)
}
# Figure topics draw with the light colours, so that they also run alone; a white that stays white is another one.
LEGEND = "#fefefe"
CSS |= {LEGEND: "var(--paper)"} | {colour: f"var(--{name})" for name, colour in LIGHT.items() if name != "paper"}
# position in SERIES, marker, line style; the same in every picture
STYLES = {
    "sparseopt": (0, "o", "-"),
    "celer": (1, "s", "-"),
    "skglm": (2, "^", "-"),
    "adelie": (3, "D", "-"),
    "glmnet": (4, "v", "-"),
    "scikit-learn": (5, "X", "-"),
    "scikit-learn (gram)": (5, "P", ":"),
    "scikit-learn (liblinear)": (5, "P", ":"),
    "scikit-learn (saga)": (7, "p", "--"),
}
RC = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
}


TOPIC_RC = RC | {
    "axes.prop_cycle": cycler(color=[LIGHT[f"s{i}"] for i in range(8)]),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.facecolor": LEGEND,
}


def of_topic(topic, draw):
    """Pictures of a figure topic by name: SVG texts of the figures that ``draw`` returns."""
    mpl.use("Agg")
    with mpl.rc_context(TOPIC_RC):
        return {
            name: svg(figure, f"{topic}-{name}", f"{topic}: {name.replace('_', ' ')}")
            for name, figure in draw().items()
        }


def style(name):
    """Colour, marker and line of a solver; unknown ones share what is left."""
    index, marker, line = STYLES.get(name, (6, "*", "-"))
    wide = name == "sparseopt"
    return {
        "color": SERIES[index],
        "marker": marker,
        "linestyle": line,
        "linewidth": 2.2 if wide else 1.2,
        "markersize": 5.5 if wide else 4.5,
        "zorder": 5 if wide else 3,
    }


def svg(figure, name, description):
    """The figure as an ``<svg>`` element for use inside a page."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):  # unlike ids: pictures share one page
        figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", pad_inches=0.05)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(
        r"font(-family)?: ([\d.]+px )?[^;\"]*sans-serif[^;\"]*", r"font: \2sans-serif", text
    )
    for stand_in, variable in CSS.items():
        text = text.replace(stand_in, variable)
    width = float(re.search(r'width="([\d.]+)pt"', text).group(1))
    text = re.sub(r'\s(width|height)="[\d.]+pt"', "", text, count=2)
    return text.replace(
        "<svg",
        f'<svg role="img" aria-label="{description}" style="max-width:{1.6 * width:.0f}px"',
        1,
    )


def curves(document, topic, threads):
    """Time against certified gap, one panel a problem."""
    problems = [
        p
        for p in document["problems"]
        if p["topic"] == topic and p["threads"] == threads and any(p["runs"].values())
    ]
    if not problems:
        return None
    with mpl.rc_context(RC):
        columns = min(3, len(problems))
        lines = -(-len(problems) // columns)
        figure = Figure(figsize=(3.4 * columns, 2.5 * lines + 0.4), layout="constrained")
        axes = np.atleast_1d(figure.subplots(lines, columns, squeeze=False)).ravel()
        handles = {}
        for axis, problem in zip(axes, problems, strict=False):
            for name in solver_names(document, topic):
                points = frontier(problem["runs"].get(name, []))
                if points:
                    x, y = zip(*points, strict=True)
                    (handles[name],) = axis.plot(x, y, label=name, **style(name))
            decorate(axis, problem["label"])
        for axis in axes[len(problems) :]:
            axis.set_axis_off()
        for axis in axes[::columns]:
            axis.set_ylabel("certified gap")
        for axis in axes[max(0, len(problems) - columns) : len(problems)]:
            axis.set_xlabel("seconds")
        figure.legend(
            handles.values(), handles.keys(), loc="outside upper left", ncols=len(handles)
        )
        what = f"time against certified gap, {topic}, {plural(threads, 'thread')}"
        return svg(figure, f"curves-{topic}-{threads}", what)


def frontier(runs):
    """Seconds and gap of the runs that no other run of the solver beats in both.

    >>> frontier([{"seconds": s, "gap": g} for s, g in [(2.0, 1e-3), (1.0, 1e-2), (3.0, 1e-2), (4.0, None)]])
    [(1.0, 0.01), (2.0, 0.001)]
    """
    found = []
    for seconds, gap in sorted((r["seconds"], max(r["gap"], 1e-15)) for r in runs if r["gap"] is not None):
        if gap < min([1.0, *(best for _, best in found)]):
            found.append((seconds, gap))
    return found


def decorate(axis, title):
    """Logarithmic axes with few ticks."""
    axis.set(xscale="log", yscale="log", title=title)
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, 1e-16), high)
    axis.yaxis.set_major_locator(mpl.ticker.LogLocator(base=10, numticks=6))
    axis.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
    axis.minorticks_off()
    axis.grid(visible=True, axis="both")
    low, high = axis.get_xlim()
    steps = (1, 2, 5) if high / low < 25 else (1,)  # a decade alone shows hardly a tick
    axis.xaxis.set_major_locator(mpl.ticker.LogLocator(base=10, subs=steps, numticks=8))


def slowdowns(document, topic, threads, target):
    """Time of each solver divided by ours, one line a problem; None where no peer was in time."""
    found = [
        c
        for c in contests(document["rows"])
        if (c["topic"], c["threads"], c["target"]) == (topic, threads, target)
        and c["ours"] is not None
        and c["ours"]["status"] == "ok"
    ]
    if not any(row["status"] == "ok" for contest in found for row in contest["peers"]):
        return None
    found = found[::-1]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(8.6, 0.32 * len(found) + 1.1), layout="constrained")
        axis = figure.subplots()
        handles = {}
        for height, contest in enumerate(found):
            ours = contest["ours"]["seconds"]
            for row in contest["peers"]:
                if row["status"] != "ok":
                    continue
                look = style(row["solver"]) | {"linestyle": "none", "markersize": 6}
                (handles[row["solver"]],) = axis.plot(row["seconds"] / ours, height, **look)
        axis.axvline(1, color=SERIES[0], linewidth=2.2)
        axis.set_yticks(range(len(found)), [c["problem"] for c in found])
        axis.set_ylim(-0.7, len(found) - 0.3)
        axis.set_xscale("log")
        low, high = axis.get_xlim()
        axis.set_xlim(min(low, 0.8), max(high, 3))
        axis.xaxis.set_major_locator(mpl.ticker.LogLocator(base=10, subs=(1, 2, 5), numticks=12))
        axis.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda v, _: f"{v:g}x"))
        axis.minorticks_off()
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        axis.grid(visible=True)
        axis.set_xlabel(f"time relative to sparseopt, certified gap {target:.0e}")
        names = [n for n in solver_names(document, topic) if n in handles]
        figure.legend(
            [handles[n] for n in names], names, loc="outside upper left", ncols=max(len(names), 1)
        )
        what = f"time relative to sparseopt, {topic}, {plural(threads, 'thread')}"
        return svg(figure, f"slowdowns-{topic}-{threads}-{target}", what)


def coefficient_path(story):
    """Coefficients and cross-validated error along the path, with the models chosen."""
    alphas, coefs = story["alphas"], story["coefs"]
    chosen = int(np.argmin(np.abs(alphas - story["alpha"])))
    named = np.argsort(-np.abs(coefs[chosen]))[:6]
    named = named[coefs[chosen][named] != 0]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(8.6, 5.6), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [2.2, 1]})
        others = np.setdiff1d(np.flatnonzero(np.any(coefs != 0, axis=0)), named)
        top.plot(alphas, coefs[:, others], color=FAINT, linewidth=0.8)
        for colour, j in zip(SERIES, named, strict=False):
            top.plot(alphas, coefs[:, j], color=colour, linewidth=1.8, label=story["names"][j])
        top.axhline(0, color=INK, linewidth=0.6)
        top.set_ylabel("coefficient")
        top.legend(loc="lower left", ncols=2)
        bottom.fill_between(
            alphas,
            story["mean"] - story["error"],
            story["mean"] + story["error"],
            color=SERIES[1],
            alpha=0.25,
            linewidth=0,
        )
        bottom.plot(alphas, story["mean"], color=SERIES[1], linewidth=1.8)
        bottom.set_ylabel("mean squared error")
        bottom.set_xlabel("alpha")
        bottom.set_xscale("log")
        bottom.invert_xaxis()
        for axis in (top, bottom):
            axis.minorticks_off()
            axis.grid(visible=True)
            axis.axvline(story["alpha"], color=INK, linewidth=1.2, linestyle="--")
            axis.axvline(story["alpha_1se"], color=INK, linewidth=1.2, linestyle=":")
        place = {"transform": top.get_xaxis_transform(), "va": "bottom", "fontsize": 8}
        top.text(story["alpha"], 1.0, "least error", ha="center", **place)
        top.text(story["alpha_1se"], 1.0, "one standard error", ha="center", **place)
        bottom.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
        return svg(figure, "coefficients", "coefficients along the path and cross-validated error")
