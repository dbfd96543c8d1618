"""Tables of docs/benchmarks_bcd.md."""

from common.quality_tables import quality_and_time


def minima(rows):
    """The objective of the minimum found and the time of every method, a line a problem."""
    return quality_and_time(rows, "objective", "objective")


TABLES = {"minima": minima}
