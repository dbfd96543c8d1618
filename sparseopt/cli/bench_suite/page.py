"""One HTML page without any external reference."""

import html

from . import machine, tables
from .results import publishable
from .style import STYLE
from .summary import summarise, warnings_of

MANY = 12  # pictures with more panels than this are folded away
LONG = 400  # rows of a topic that its table shows; results.json has all
BUSY = " <b>Others kept the machine busy: these times are not for publication.</b>"
BOOKKEEPING = {
    "topic", "threads", "ours", "machine", "load", "publishable", "note", "version", "memory_mb",
}  # fmt: skip


def escape(value):
    """Text for HTML."""
    return html.escape(str(value), quote=True)


def table(header, rows, highlight=None, link=False, words=(0,)):
    """An HTML table.

    ``highlight`` is the column set in bold, ``words`` are the columns with text, ``link`` makes first cells lead to
    their topic.
    """
    kinds = ["key" if i == highlight else "words" if i in words else "" for i in range(len(header))]
    kinds = [f' class="{kind}"' if kind else "" for kind in kinds]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, header, strict=True))
    body = []
    for row in rows:
        cells = [f"<td{kind}>{escape(value)}</td>" for kind, value in zip(kinds, row, strict=True)]
        if link:
            cells[0] = f'<td class="words"><a href="#{escape(row[0])}-{escape(row[1])}">{escape(row[0])}</a></td>'
        body.append("<tr>" + "".join(cells) + "</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def tiles(document):
    """The few numbers that matter most, large."""
    found = []
    for line in summarise(document["rows"]):
        if line["threads"] != document["settings"]["threads"][0] or line["ratio"] is None:
            continue
        found.append(
            f'<div class="tile"><b>{tables.ratio(line["ratio"])}</b>'
            f"<span>{escape(line['topic'])}, gap {line['target']:.0e}: the best peer's time "
            f"divided by ours, geometric mean of {line['compared']} problems</span></div>"
        )
    passes = [
        line["max_passes"]
        for line in summarise(document["rows"])
        if line["topic"] == "path" and line["max_passes"] is not None
    ]
    if passes:
        found.append(
            f'<div class="tile"><b>{max(passes):.3g}</b><span>most passes over the data that a '
            "whole path of ours needed</span></div>"
        )
    return f'<div class="tiles">{"".join(found)}</div>' if found else ""


def figure(picture, caption, folded=False):
    """A picture with its caption, or nothing."""
    if picture is None:
        return ""
    inner = f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
    return f"<details><summary>{caption}</summary>{inner}</details>" if folded else inner


def render(document, story=None, drawn=None):
    """The page as a string.

    Parameters
    ----------
    document : dict
        Result of `runner.run`.
    story : dict, optional
        Result of `models.diabetes_path`.
    drawn : dict, optional
        SVG texts by topic and name.
    """
    from . import pictures

    drawn = drawn or {}

    facts = document["machine"]
    parts = [
        "<h1>sparseopt benchmark</h1>",
        f'<p class="lead">{escape(machine.short(facts))}. Finished {escape(document["finished"])} '
        f"after {document['elapsed_seconds']:.0f} s.</p>",
    ]
    parts += [f'<p class="note">{escape(note)}</p>' for note in warnings_of(document)]
    parts += [
        tiles(document),
        '<h2 id="summary">Summary</h2>',
        "<p>Every topic against the best other method there. Times of races are geometric means over problems, "
        "the fastest peer <em>on each problem</em> beside ours; only certified runs count. Above 1x sparseopt is "
        "better.</p>",
        table(tables.OVERVIEW_HEADER, tables.overview_rows(document), highlight=7, link=True, words=(0, 2, 6)),
    ]
    if "comparison" in document:
        parts.append(_comparison(document["comparison"]))
    if story is not None:
        parts += ["<h2>A model on real data</h2>", _story(story, pictures)]
    if tables.sections(document):
        parts += [
            "<h2>Races to a certified gap</h2>",
            "<p>Geometric means, and the problem where the best peer is closest (worst) and farthest (best).</p>",
            table(tables.SUMMARY_HEADER, tables.summary_rows(document), highlight=6),
        ]
    for topic, threads in tables.sections(document):
        busy = BUSY if any(r["topic"] == topic and not r["publishable"] for r in document["rows"]) else ""
        targets = sorted({r["target"] for r in document["rows"] if r["topic"] == topic})
        name = f"{topic}, {tables.plural(threads, 'thread')}"
        parts.append(f'<h2 id="{escape(topic)}-{threads}">{escape(name)}</h2>')
        for target in reversed(targets):
            parts.append(
                figure(
                    pictures.slowdowns(document, topic, threads, target),
                    f"Right of the line: slower than sparseopt ({name}, gap {target:.0e}).{busy}",
                )
            )
        n_panels = sum((p["topic"], p["threads"]) == (topic, threads) for p in document["problems"])
        parts.append(
            figure(
                pictures.curves(document, topic, threads),
                f"Time against certified gap ({name}): runs that no other run of the same solver beats in both. "
                f"Down and to the left is better.{busy}",
                folded=n_panels > MANY,
            )
        )
        for target in reversed(targets):
            header, rows = tables.peer_rows(document, topic, threads, target)
            parts.append(f"<h3>{escape(name)}, gap {target:.0e}</h3>")
            parts.append(table(header, rows, highlight=1))
    for entry in document["figures"]:
        parts.append(_topic(document, entry, drawn.get(entry["topic"], {})))
    parts.append(_fine_print(document))
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<title>sparseopt benchmark</title><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _comparison(comparison):
    parts = [
        "<h2>Since earlier results</h2>",
        f"<p>{comparison['compared']} of our results compared with those of {escape(comparison['since'])}: "
        f"{len(comparison['worse'])} are worse, {len(comparison['better'])} better.</p>",
    ]
    for name in ("worse", "better"):
        if comparison[name]:
            rows = tables.comparison_rows(comparison[name])
            parts.append(f"<h3>{name}</h3>{table(tables.COMPARISON_HEADER, rows, highlight=6, words=(0, 2, 3))}")
    parts += [f'<p class="note">{escape(note)}</p>' for note in comparison["notes"]]
    return "\n".join(parts)


def _topic(document, entry, drawn):
    """The section of a figure topic."""
    name, rows = entry["topic"], [r for r in document["rows"] if r["topic"] == entry["topic"]]
    parts = [
        f'<h2 id="{escape(name)}-{entry["threads"]}">{escape(name)}</h2>',
        f"<p>{escape(entry['label'])}. {tables.plural(len(rows), 'result')}"
        + (f" in {tables.seconds(entry['seconds'])}" if entry.get("seconds") is not None else "")
        + (f", at most {entry['memory_mb']:.0f} MB beyond the start" if entry.get("memory_mb") is not None else "")
        + ".</p>",
    ]
    if entry.get("failed"):
        return "".join([*parts, f'<p class="note">FAILED: {escape(entry["failed"])}</p>'])
    parts += [f'<p class="note">{escape(r["problem"])}</p>' for r in rows if r.get("kind") == "absent"]
    if not entry["publishable"]:
        load = f"{entry['load']:.2f}"
        parts.append(f'<p class="note">Others kept {load} cores busy: the times here are not for publication.</p>')
    if entry["verdicts"]:
        lines = [r for r in tables.overview_rows(document) if r[0] == name]
        parts.append(table(tables.OVERVIEW_HEADER[2:], [r[2:] for r in lines], highlight=5, words=(0, 4)))
    parts += [figure(picture, escape(f"{name}: {key.replace('_', ' ')}")) for key, picture in drawn.items()]
    header, cells = tables.result_rows(rows[:LONG], BOOKKEEPING)
    words = [i for i, name in enumerate(header) if any(isinstance(row.get(name), str) for row in rows)]
    more = f" (the first {LONG})" if len(rows) > LONG else ""
    parts.append(f"<details><summary>All results{more}</summary>{table(header, cells, words=words)}</details>")
    command = f"sparseopt bench {name} {document['options']}"
    parts.append(f"<p>Again, alone: <code>{escape(command)}</code></p>")
    return "\n".join(parts)


def _story(story, pictures):
    time = tables.timing({"seconds": story["seconds"], "publishable": publishable(story["load"])})
    text = (
        f"LassoCV ({story['n_splits']} folds, {len(story['alphas'])} alphas) on scikit-learn's "
        f"diabetes data with products of columns, {story['n_samples']} patients and "
        f"{story['n_features']} features, took {time}. Least "
        f"cross-validated error: {story['n_nonzero']} features (dashed). The sparsest model "
        f"within one standard error of it: {story['n_nonzero_1se']} features (dotted). Every "
        f"model on the path below is certified: largest relative gap "
        f"{tables.gap(story['gap'])}, {story['passes']:.3g} passes over the data."
    )
    return f"<p>{escape(text)}</p>" + figure(
        pictures.coefficient_path(story),
        "Above: coefficients, the six largest of the chosen model named. Below: "
        "cross-validated error with its standard error.",
    )


def _fine_print(document):
    facts, settings = document["machine"], document["settings"]
    method = tables.METHOD.format(
        **settings
    )
    items = "".join(f"<li>{_code(item)}</li>" for item in method.removeprefix("- ").split("\n- "))
    versions = [(s["label"], s["version"]) for s in document["solvers"]]
    versions += [(name, v) for name, v in document["versions"].items() if v]
    unique = dict(versions)
    rows = [
        ("processor", facts["processor"]),
        ("cores", facts["cores"]),
        ("memory", f"{facts['memory_gb']} GB" if facts["memory_gb"] else "-"),
        ("system", facts["system"]),
        ("Python", facts["python"]),
        ("load average at the start", tables.number(facts["load_average"])),
        ("other work while timing", f"{tables.number(document['other_load'])} cores at most"),
        *unique.items(),
    ]
    return (
        f"<h2>How it was measured</h2><ul>{items}</ul>"
        f"<h2>Machine and versions</h2>{table(['what', 'value'], rows)}"
        f"<h2>Run it again</h2><pre>{escape(document['command'])}</pre>"
    )


def _code(text):
    pieces = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))
