"""Tables of paths on several ranks."""

from common.markdown import number, ratio, seconds, table, timing


def _machine(rows):
    lines = [
        ("reads memory, products with one vector", "gb_per_second", "GB/s"),
        ("reads memory, products with twenty", "gb_per_second_20", "GB/s"),
        ("multiplies matrices", "gigaflops", "GFLOPS"),
    ]
    found = {row["ranks"]: row for row in rows if row["kind"] == "machine"}
    body = []
    for what, key, unit in lines:
        one, two = found[1][key], found[2][key]
        body.append([what, f"{number(one)} {unit}", f"{number(two)} {unit}", ratio(two / one)])
    return table(["what the cores do", "one", "two together", "gain"], body)


def _times(rows):
    body = [
        [
            row["problem"], f"{row['n']:,} x {row['p']:,}", row["ranks"], timing(row), seconds(row["cpu_seconds"]),
            seconds(row["model_seconds"]), ratio(row["speedup"]), ratio(row["cpu_speedup"]),
            f"{number(row['extra_mb'])} MB", f"{number(row['sent_mb'])} MB", row["messages"],
        ]
        for row in rows if row["kind"] == "path"
    ]  # fmt: skip
    header = [
        "problem", "size", "ranks", "time", "CPU time of a rank", "model", "faster", "by CPU time", "memory beside X",
        "sent by a rank", "messages",
    ]  # fmt: skip
    return table(header, body)


def _traffic(rows):
    body = [
        [row["ranks"], row["certified"], row["members"], f"{row['sent_mb']:.3f} MB", f"{row['model_mb']:.3f} MB",
         row["messages"], row["model_messages"]]
        for row in rows if row["kind"] == "traffic"
    ]  # fmt: skip
    return table(["ranks", "dual points", "columns used", "sent", "model", "messages", "model"], body)


def _counts(rows):
    body = [
        [row["loss"], row["penalty"], f"{row['n']:,} x {row['p']:,}", row["support"], f"{row['reductions']:.2f}",
         f"{row['gram']:.2f}", f"{row['lengths']:.2f}", f"{row['messages']:.1f}",
         f"{row['model_mb'] / row['sent_mb'] - 1.0:+.2%}" if "model_mb" in row else "-"]
        for row in rows if row["kind"] == "counts"
    ]  # fmt: skip
    header = ["loss", "penalty", "size", "coefficients at the end", "products", "Gram matrices", "all", "messages",
              "model of bytes off by"]  # fmt: skip
    return table(header, body)


def _predicted(rows):
    body = []
    some = [row for row in rows if row["kind"] == "model"]
    for ranks in dict.fromkeys(row["ranks"] for row in some):
        line = [f"{ranks:,}"]
        for scaling in ("strong", "weak"):
            row = next(r for r in some if r["ranks"] == ranks and r["problem"] == f"predicted, {scaling} scaling")
            parts = dict(zip(row["parts"], row["seconds_of_parts"], strict=True))
            line += [seconds(row["predicted_seconds"]), seconds(parts["messages"])]
        body.append(line)
    header = ["ranks", "1 TB in all", "of it messages", "10 GB a rank", "of it messages"]
    return table(header, body)


TABLES = {"machine": _machine, "times": _times, "traffic": _traffic, "counts": _counts, "predicted": _predicted}
