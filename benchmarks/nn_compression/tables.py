"""Tables of the page about compression."""

from common.markdown import mean, number, pivot, ratio, seconds, table, timing


def _trained(rows):
    """Accuracy and clusters of networks that were trained while weights went: a line a variant, means over seeds."""
    variants = {}
    for row in sorted((row for row in rows if row.get("kind") == "lenet"), key=lambda row: row["seed"]):
        variants.setdefault((row["ratio"], row["variant"]), []).append(row)
    lines = []
    for (times, name), met in sorted(variants.items(), key=lambda item: (-item[0][0], item[0][1])):
        cells = [" / ".join(f"{row['accuracy_trained']:.2f}" for row in met), f"{mean(r['kept'] for r in met):.0f}"]
        for field in ("clusters", "clusters_image"):
            cells.append(f"{mean(r[field] for r in met):.0f}" if field in met[0] else None)
        cells.append(f"{mean(r['bytes'] for r in met) / 1024:.1f}" if "bytes" in met[0] else None)
        lines.append([name if times > 1 else "dense", *cells])
    header = ["variant", "test accuracy, a number a seed [%]", "weights", "runs, all layers", "patches, first layer"]
    header.append("matrices as stored [KiB]")
    return table(header, lines)


def _layers(rows):
    """Times and files of single layers, beside the dense one."""
    lines = [
        [
            row["problem"].removeprefix("layer "), row["solver"], seconds(row["seconds"]), ratio(row["ratio"]),
            number(row["bytes"] / 1024), ratio(row["size_ratio"]),
        ]
        for row in rows if row.get("kind") == "layer"
    ]  # fmt: skip
    return table(["layer", "what is left", "time", "faster by", "file [KiB]", "smaller by"], lines)


def _accuracy(rows, network):
    """Accuracy by share of weights that went; the dense network is where none did."""
    rows = [dict(row, level=f"{row['sparsity']:.0%}") for row in rows if row.get("network") == network]
    rows = sorted((row for row in rows if "accuracy" in row), key=lambda row: row["sparsity"])
    rows = [dict(row, solver="admm" if row["solver"] == "sparseopt" else row["solver"]) for row in rows]
    return pivot(rows, "solver", "level", lambda met: f"{met[0]['accuracy']:.2f}", header="method")


def _sentences(rows):
    """How near the embeddings of a compressed transformer stay to the dense ones."""
    lines = [
        [
            row["pattern"], row["method"], f"{row['cosine']:.3f}", f"{row['spearman']:.3f}", f"{row['top1']:.0%}",
            timing(row), f"{row['gigabytes']:.1f}",
        ]
        for row in rows if row.get("kind") == "transformer"
    ]  # fmt: skip
    header = [
        "half of the weights", "method", "mean cosine", "rank correlation of pairs", "same nearest neighbor", "time",
        "memory [GB]",
    ]  # fmt: skip
    return table(header, lines)


TABLES = {
    "trained": _trained,
    "layers": _layers,
    "mlpnet": lambda rows: _accuracy(rows, "MLPNet, MNIST"),
    "digits": lambda rows: _accuracy(rows, "digits 64-64-32-10"),
    "sentences": _sentences,
}
