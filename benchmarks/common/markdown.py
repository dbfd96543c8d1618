"""Markdown tables of results: what `tables.py` of the topics share. Imports nothing heavy, knows nothing of topics."""

import math


def table(header, rows):
    """A Markdown table; a column of numbers is set to the right."""
    rows = [[text(cell) for cell in row] for row in rows]
    right = [all(_numeric(row[i]) for row in rows) for i in range(len(header))]
    lines = [header, ["---:" if flag else "---" for flag in right], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def text(cell):
    """A cell as text; a number that is missing or not finite is a dash."""
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, float):
        return number(cell)
    return str(cell).replace("|", "\\|")


def number(value, digits=3):
    """Significant digits without an exponent where that is readable.

    >>> number(0.01234), number(123456.0), number(2.0), number(float("nan")), number(None)
    ('0.0123', '123000', '2', '-', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{max(digits - 2, 0)}e}"
    rounded = float(f"{value:.{digits}g}")
    decimals = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    shown = f"{rounded:.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def seconds(value):
    """A time with its unit.

    >>> seconds(0.01234), seconds(2.0), seconds(None)
    ('12.3 ms', '2 s', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    return f"{number(1000 * value)} ms" if value < 1 else f"{number(value)} s"


def timing(row, field="seconds"):
    """The time of a row; in parentheses when other work kept the machine busy."""
    shown = seconds(row.get(field))
    return shown if row.get("publishable", True) or shown == "-" else f"({shown})"


def ratio(value):
    """How many times.

    >>> ratio(3.456), ratio(34.56), ratio(None)
    ('3.46x', '35x', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.2f}x" if value < 10 else f"{value:.0f}x"


def mean(values):
    """The mean of the values that are there, or None."""
    found = [v for v in values if v is not None and math.isfinite(v)]
    return math.fsum(found) / len(found) if found else None


def median(values):
    """The median of the values that are there, or None."""
    found = sorted(v for v in values if v is not None and math.isfinite(v))
    if not found:
        return None
    middle = len(found) // 2
    return found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2


def pivot(rows, line, column, cell, *, header=None):
    """A table with a line for each value of the field ``line``, a column for each of ``column``.

    ``cell`` is a field, or a function of the rows that meet there (often one); no rows, a dash.
    """
    names = list(dict.fromkeys(row[column] for row in rows))
    groups = {}
    for row in rows:
        groups.setdefault(row[line], {}).setdefault(row[column], []).append(row)
    value = cell if callable(cell) else lambda met: mean(row.get(cell) for row in met)
    body = [[key, *(value(met[name]) if name in met else None for name in names)] for key, met in groups.items()]
    return table([header or line, *names], body)


def _numeric(cell):
    """Whether a cell shows a number, a dash or a quantity such as "12 ms" or "3.1x".

    >>> [_numeric(t) for t in ("12.3 ms", "-", "(2 s)", "> 2 s", "3.4x", "**1**", "no", "100 x 20")]
    [True, True, True, True, True, True, True, False]
    """
    bare = cell.strip("()*> ")
    if bare in ("", "-", "no", "error", "busy"):
        return True
    head, _, unit = bare.partition(" ")
    try:
        float(head.rstrip("x%").replace("+-", ""))
    except ValueError:
        return False
    return " " not in unit
