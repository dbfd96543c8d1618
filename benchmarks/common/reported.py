"""What a number of draws can tell: values that others reported beside ours, one method beside another."""

import math

import numpy as np

OUTSIDE = " **outside**"
median = np.median  # along an axis, as a `statistic`


def compare(values, reported, trials, *, statistic=np.mean, scale="log", draws=2000):
    """Our statistic of `values`, an interval for that of `trials` new ones, and whether what was reported is in it.

    Both experiments vary: the interval (90 %) is our value, moved by differences of bootstrap samples of `trials` and
    of as many as we have. Scale "log": ratios instead of differences; "rate": differences within 0 and 1.
    """
    values = np.asarray(values, dtype=float)
    rng = np.random.default_rng(0)
    theirs, mine = (
        statistic(values[rng.integers(len(values), size=(draws, n))], axis=1) for n in (trials, len(values))
    )
    ours = float(statistic(values, axis=0))
    if scale == "log":
        tiny = 1e-300
        low, high = ours * np.quantile(np.maximum(theirs, tiny) / np.maximum(mine, tiny), (0.05, 0.95))
    else:
        low, high = np.clip(ours + np.quantile(theirs - mine, (0.05, 0.95)), 0.0, 1.0)
    slack = 1e-12 * (1.0 + abs(ours))
    return ours, float(low), float(high), bool(low - slack <= reported <= high + slack)


def difference(mine, theirs, *, statistic=np.median, draws=2000):
    """Difference of two statistics on the same draws in decibels, and its interval (90 %) by bootstrap of the draws."""
    mine, theirs = (np.asarray(v, dtype=float) for v in (mine, theirs))
    some = np.random.default_rng(0).integers(len(mine), size=(draws, len(mine)))
    ratios = statistic(mine[some], axis=1) / statistic(theirs[some], axis=1)
    found = [statistic(mine) / statistic(theirs), *np.quantile(ratios, (0.05, 0.95))]
    return tuple((10.0 * np.log10(found)).tolist())


def cell(values, reported, trials, show, **options):
    """A cell of a table: the report, ours with its interval, and whether the one is within the other."""
    ours, low, high, inside = compare(values, reported, trials, **options)
    return f"{show(reported)}; {show(ours)} [{show(low)}, {show(high)}]{'' if inside else OUTSIDE}"


def count(lines, columns):
    """A last line for a table: in how many cells of each of the last columns the report is within our interval."""
    shown = []
    for column in range(-columns, 0):
        outside = sum(line[column].endswith(OUTSIDE) for line in lines)
        shown.append(f"{len(lines) - outside} of {len(lines)} within")
    return ["together", *(["all"] * (len(lines[0]) - columns - 1)), *shown] if lines else []


def decibel(value):
    """Decibels of a ratio, as text; a dash for None."""
    return "-" if value is None else f"{10 * math.log10(max(value, 1e-30)):.1f}"
