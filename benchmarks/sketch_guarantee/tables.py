"""Tables of docs/guide/sketch.md about errors of single coefficients."""

from common.markdown import number, table


def errors(rows):
    """Quantiles of the largest error of a coordinate, the length of all errors, coverage."""
    return table(
        ["design", "sketch", "median", "90%", "99%", "length of all errors", "coverage of 95% intervals"],
        [[r["problem"], r["solver"], *(number(r[f"eps_{q}"]) for q in ("median", "90", "99")), number(r["l2"]),
          f"{100 * r['coverage']:.0f}%"] for r in rows],
    )  # fmt: skip


TABLES = {"errors": errors}
