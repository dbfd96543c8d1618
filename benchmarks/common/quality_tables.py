"""A table of topics that trade quality for time: both of every method, a line a problem."""

from common.markdown import table, timing


def quality_and_time(rows, field, word):
    """The field, called by the word, and the time of every method."""
    used = list(dict.fromkeys(row["solver"] for row in rows))
    found: dict = {}
    for row in rows:
        found.setdefault(row["problem"], {})[row["solver"]] = row
    lines = []
    for problem, by in found.items():
        lines.append([problem, *(cell for name in used for cell in _cells(by.get(name), field))])
    return table(["problem", *(f"{name}, {what}" for name in used for what in (word, "time"))], lines)


def _cells(row, field):
    return (None, None) if row is None else (f"{row[field]:.6f}", timing(row))
