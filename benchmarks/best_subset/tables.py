"""Tables of docs/benchmarks_bcd.md."""

from common.markdown import table, timing


def errors(rows):
    """The lowest mean squared error and the time of every method, a line a problem."""
    used = list(dict.fromkeys(row["solver"] for row in rows))
    found: dict = {}
    for row in rows:
        found.setdefault(row["problem"], {})[row["solver"]] = row
    lines = []
    for problem, by in found.items():
        cells = [cell for name in used for cell in _cells(by.get(name))]
        lines.append([problem, *cells])
    return table(["problem", *(f"{name}, {what}" for name in used for what in ("error", "time"))], lines)


def _cells(row):
    return (None, None) if row is None else (f"{row['mse']:.6f}", timing(row))


TABLES = {"errors": errors}
