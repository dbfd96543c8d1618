"""Tables of docs/benchmarks_bcd.md."""

from common.quality_tables import quality_and_time


def errors(rows):
    """The lowest mean squared error and the time of every method, a line a problem."""
    return quality_and_time(rows, "mse", "error")


TABLES = {"errors": errors}
