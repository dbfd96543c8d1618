"""Tables of docs/guide/sketch.md about time, accuracy and the rate of reading."""

from common.markdown import number, pivot, table, timing


def times(rows):
    """Seconds by solver and size."""
    rows = [row for row in rows if "standard_errors" in row]
    return pivot(rows, line="solver", column="problem", cell=lambda met: timing(met[0]))


def accuracy(rows):
    """The largest backward error of all sizes, and the largest error of a coefficient in standard errors."""
    rows = [row for row in rows if "standard_errors" in row]
    found = []
    for name in dict.fromkeys(row["solver"] for row in rows):
        mine = [row for row in rows if row["solver"] == name]
        found.append([name, *(number(max(row[key] for row in mine)) for key in ("certificate", "standard_errors"))])
    return table(["solver", "backward error", "error / standard error"], found)


def reading(rows):
    """GB/s by order, threads and block."""
    rows = [row for row in rows if "gb_per_second" in row]
    return pivot(rows, line="problem", column="solver", cell=lambda met: number(met[0]["gb_per_second"]))


TABLES = {"times": times, "accuracy": accuracy, "reading": reading}
