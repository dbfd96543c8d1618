"""Pictures of objective against iteration.

A row has problem (a panel), solver (a curve), iterations, values (a share of the first), reached (the last of them)
and `published`, the value that the paper reports after the last iteration, or None.
"""

from .figures import COLOURS, INK, geometric_mean, verdict

COLOURS = [*COLOURS, INK, "#8a5a44"]
FLOOR = 1e-14  # below, rounding is all there is to see


def thin(values, count=120):
    """Return (iterations, values), at most about `count` of them, with the last."""
    step = max(1, len(values) // count)
    at = sorted({*range(0, len(values), step), len(values) - 1})
    return at, [float(values[k]) for k in at]


def row(panel, curve, values, published=None):
    """Return one curve."""
    at, kept = thin(values)
    return dict(
        problem=panel, solver=curve, iterations=at, values=kept, reached=kept[-1], published=published
    )  # fmt: skip


def draw_panels(rows, title, label="objective gap, share of the first"):
    """Return a figure with one panel each; crosses mark what the paper reports."""
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys(r["problem"] for r in rows))
    colours = {}
    figure = Figure(figsize=(5.0 * len(panels), 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, panel in zip(axes, panels, strict=True):
        for r in (r for r in rows if r["problem"] == panel):
            colour = colours.setdefault(r["solver"], COLOURS[len(colours) % len(COLOURS)])
            values = [max(v, FLOOR) for v in r["values"]]
            axis.semilogy(r["iterations"], values, color=colour, linewidth=1.6, label=r["solver"])
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


def verdicts(rows, pairs):
    """Verdicts for (measure, our rule, rules to beat): geometric means over the panels that have them all.

    With published values beside, also how many of them were reached, within a factor of two.
    """
    found = []
    for measure, ours, peers in pairs:
        panels = {}
        for r in rows:
            if r["solver"] in (ours, *peers):
                panels.setdefault(r["problem"], {})[r["solver"]] = max(r["reached"], FLOOR)
        panels = [values for values in panels.values() if len(values) == 1 + len(peers)]
        if panels:
            means = {name: geometric_mean([values[name] for values in panels]) for name in (ours, *peers)}
            peer = min(peers, key=means.get)
            found.append(verdict(measure, means[ours], means[peer], peer, problems=len(panels)))
    known = [r for r in rows if r["published"] is not None]
    if known:
        met = sum(r["reached"] <= 2 * max(r["published"], FLOOR) for r in known)
        found.append(
            verdict("published values reached", met, len(known), "published", better="higher", problems=len(known))
        )
    return found
