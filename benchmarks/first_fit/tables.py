"""Tables of the documentation about the first fit in a fresh process."""

from common.markdown import table


def times(rows):
    """Seconds of every solver, the fastest first."""
    shown = sorted(rows, key=lambda row: row["seconds"])
    header = ["solver", "version", "median, s", "least, s", "most, s", "CPU, s", "processes", "gap reached"]
    return table(header, [
        [
            row["solver"], row["version"], row["seconds"], row["seconds_min"], row["seconds_max"], row["cpu_seconds"],
            row["repeats"], row["certificate"],
        ]
        for row in shown
    ])  # fmt: skip


TABLES = {"times": times}
