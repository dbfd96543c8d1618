"""Result tables: their cells, and text for terminals."""

from .summary import contests, overview, summarise, warnings_of

STATUS = {"stopped": "stopped", "not reached": "no", "error": "error"}


def seconds(value):
    """Three significant digits with a unit.

    >>> seconds(0.01234), seconds(2.0)
    ('12.3 ms', '2 s')
    """
    if value is None:
        return "-"
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def timing(row):
    """The time of a row; in parentheses when others kept the machine busy.

    >>> timing({"seconds": 0.5, "publishable": False})
    '(500 ms)'
    """
    text = seconds(row.get("seconds"))
    return text if row.get("publishable", True) or text == "-" else f"({text})"


def gap(value):
    """A certified gap, or a dash."""
    return "-" if value is None else f"{value:.0e}" if value > 0 else "0"


def ratio(value, disturbed=False):
    """A ratio to the best peer; none is given when others kept the machine busy."""
    if disturbed:
        return "busy"
    if value is None:
        return "-"
    return f"{value:.2f}x" if value < 10 else f"{value:.0f}x" if value < 1e4 else f"{value:.0e}x"


def contest_ratio(contest):
    """The ratio of one problem."""
    return ratio(contest["ratio"], contest["disturbed"] and contest["times"] is not None)


def number(value):
    """A count that may be missing."""
    return "-" if value is None else f"{value:.4g}"


def plural(count, noun):
    """1 thread, 2 threads.

    >>> plural(2, "thread")
    '2 threads'
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def aligned(header, rows):
    """Columns of equal width; the first one is text, the others are set to the right."""
    table = [header, *rows]
    widths = [max(len(str(row[i])) for row in table) for i in range(len(header))]
    lines = []
    for row in table:
        cells = [str(row[0]).ljust(widths[0])]
        cells += [str(c).rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


OVERVIEW_HEADER = ["topic", "threads", "what", "problems", "sparseopt", "best other", "which", "better by"]


def overview_rows(document):
    """What each topic is about, ours beside the best other."""
    rows = []
    for line in overview(document):
        shown = [_with_unit(line[k], line["unit"]) for k in ("ours", "theirs")]
        if line["disturbed"]:
            shown = [f"({text})" if text != "-" else text for text in shown]
        rows.append([
            line["topic"], line["threads"], line["measure"], line["problems"], *shown, line["peer"] or "-",
            ratio(line["ratio"], line["disturbed"]),
        ])  # fmt: skip
    return rows


def _with_unit(value, unit):
    if unit == "s":
        return seconds(value)
    return f"{number(value)} {unit}".strip() if value is not None else "-"


SUMMARY_HEADER = [
    "topic",
    "threads",
    "gap",
    "problems",
    "certified",
    "no peer in time",
    "faster than the best peer",
    "worst",
    "best",
    "most passes",
]


def summary_rows(document):
    """The geometric means."""
    return [
        [
            line["topic"],
            line["threads"],
            f"{line['target']:.0e}",
            line["problems"],
            line["certified"],
            line["alone"],
            ratio(line["ratio"], line["disturbed"] and line["ratio"] is None),
            ratio(line["worst"]),
            ratio(line["best"]),
            number(line["max_passes"]),
        ]
        for line in summarise(document["rows"])
    ]


DETAIL_HEADER = ["problem", "gap <=", "sparseopt", "certified", "passes", "best peer", "", "ratio"]


def detail_rows(document, topic, threads):
    """Our time beside the best peer's, a line a problem and target."""
    rows = []
    for contest in contests(document["rows"]):
        if contest["topic"] != topic or contest["threads"] != threads:
            continue
        ours, best = contest["ours"] or {}, contest["best"] or {}
        rows.append(
            [
                contest["problem"],
                f"{contest['target']:.0e}",
                timing(ours),
                gap(ours.get("gap")),
                number(ours.get("passes")),
                timing(best),
                best.get("solver", "none in time"),
                contest_ratio(contest),
            ]
        )
    return rows


def sections(document):
    """Races and numbers of threads in the order they were run."""
    return list(dict.fromkeys((r["topic"], r["threads"]) for r in document["rows"] if "target" in r))


COMPARISON_HEADER = ["topic", "threads", "problem", "what", "before", "now", "times"]


def comparison_rows(changes):
    """Changes since earlier results; a certificate lost or won is no ratio."""
    return [
        [
            c["topic"], c["threads"], c["problem"], c["what"],
            *(v if isinstance(v, str) else _with_unit(v, c["unit"]) for v in (c["old"], c["new"])),
            ratio(c["ratio"]) if 1e-8 < c["ratio"] < 1e8 else "-",
        ]
        for c in changes
    ]  # fmt: skip


def comparison_text(comparison):
    """What became slower or worse, as lines of text."""
    worse, better = len(comparison["worse"]), len(comparison["better"])
    parts = [f"Since {comparison['since']}: {comparison['compared']} results compared, {worse} worse, {better} better"]
    for name in ("worse", "better"):
        if comparison[name]:
            rows = comparison_rows(comparison[name])
            parts += ["", name, aligned(COMPARISON_HEADER, rows)]
    return "\n".join([*parts, "", *(f"Note: {note}" for note in comparison["notes"])]).rstrip() + "\n"


def terminal(document):
    """The report people see when the command ends."""
    parts = []
    for topic, threads in sections(document):
        parts.append(f"{topic}, {plural(threads, 'thread')}\n")
        parts.append(aligned(DETAIL_HEADER, detail_rows(document, topic, threads)) + "\n")
    if parts:
        parts.append("Geometric means\n")
        parts.append(aligned(SUMMARY_HEADER, summary_rows(document)) + "\n")
    parts.append("Summary\n")
    parts.append(aligned(OVERVIEW_HEADER, overview_rows(document)) + "\n")
    if "comparison" in document:
        parts.append(comparison_text(document["comparison"]))
    parts += [f"Note: {note}" for note in warnings_of(document)]
    return "\n".join(parts)


def solver_names(document, topic):
    """Labels of the solvers that ran in a topic, ours first."""
    rows = [r for r in document["rows"] if r["topic"] == topic]
    names = list(dict.fromkeys(r["solver"] for r in rows))
    ours = {r["solver"] for r in rows if r["ours"]}
    return sorted(names, key=lambda name: name not in ours)


def peer_rows(document, topic, threads, target):
    """Every solver's median time, a line a problem."""
    names = solver_names(document, topic)
    rows = []
    for contest in contests(document["rows"]):
        if (contest["topic"], contest["threads"], contest["target"]) != (topic, threads, target):
            continue
        times = {r["solver"]: r for r in [contest["ours"] or {}, *contest["peers"]] if r}
        cells = [cell(times.get(name)) for name in names]
        ours = contest["ours"] or {}
        rows.append([contest["problem"], *cells, number(ours.get("passes")), contest_ratio(contest)])
    return ["problem", *names, "our passes", "ratio"], rows


def result_rows(rows, hidden):
    """Header and cells of whatever a figure topic found: its numbers and words, not its lists."""
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in hidden and any(isinstance(row.get(name), bool | int | float | str) for row in rows)
    ]
    return names, [[_value(name, row) for name in names] for row in rows]


def _value(name, row):
    value = row.get(name)
    if name == "seconds":
        return timing(row)
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, bool | int | str) else "-"


def cell(row):
    """Time of one solver, or why there is none."""
    if row is None:
        return "-"
    if row["status"] == "ok":
        return timing(row)
    if row["status"] == "stopped":
        return f"> {seconds(row['limit'])}"
    return STATUS.get(row["status"], row["status"])


METHOD = """\
- Objective: `||y - Xw||^2 / (2n) + alpha ||w||_1`, no intercept, X as given, the same for all.
  `max/10` is a tenth of the smallest alpha whose solution is zero.
- Every solver is run with ever smaller tolerances. After each run, outside the timer, the duality
  gap is recomputed from the coefficients in float64 (a solver may hand in its own dual points;
  they count if they are better). The time for a gap is that of the solver's fastest run whose
  recomputed gap is at most that fraction of the objective at zero. On a path the worst of its
  gaps counts.
- Times are medians of {repeats} repetitions (fewer for a run that is slow and far behind), the
  solvers taking turns in one process after a warm-up; the number of threads is set in the
  environment before numerical libraries are loaded. With two threads only solvers that use
  threads and the two fastest others are repeated.
- A peer is stopped (`> time`) after {cap_seconds:g} s, or at {patience:g} times what the best peer needs.
  `no`: its tightest tolerance did not certify the gap.
- Passes: how many times all of X was read. Simulated data use seed {seed}."""
