"""Tables of races to a certified gap, for all topics with an `objective.py`."""

from common.markdown import table


def summary(rows):
    """Geometric means of ratios to the best peer, a line a gap and number of threads."""
    from sparseopt.cli.bench_suite import tables

    header, *lines = zip(*[tables.SUMMARY_HEADER, *tables.summary_rows({"rows": rows})], strict=True)
    lines = [line for line in lines if line[0] != "topic"]  # the page says it
    shown = list(zip(*lines, strict=True))
    return table(shown[0], shown[1:])


def times(rows):
    """The time of every solver on every problem."""
    from sparseopt.cli.bench_suite import tables

    parts = []
    for topic, threads in tables.sections({"rows": rows}):
        for target in sorted({row["target"] for row in rows if row["threads"] == threads}, reverse=True):
            header, body = tables.peer_rows({"rows": rows}, topic, threads, target)
            parts += [f"*{tables.plural(threads, 'thread')}, gap at most {target:.0e}*", table(header, body)]
    return "\n\n".join(parts)


def passes(rows):
    """How often our solver read the data, a line a problem."""
    ours = {(row["problem"], row["target"]): row for row in rows if row["ours"] and row["threads"] == 1}
    header = ["problem", "gap at most", "gap reached", "passes over X", "coefficients", "memory beyond the data"]
    return table(header, [
        [problem, f"{target:.0e}", row.get("gap"), row.get("passes"), row.get("n_nonzero"), _megabytes(row)]
        for (problem, target), row in ours.items()
    ])  # fmt: skip


def _megabytes(row):
    return None if row.get("memory_mb") is None else f"{row['memory_mb']:.0f} MB"


TABLES = {"summary": summary, "times": times, "passes": passes}
