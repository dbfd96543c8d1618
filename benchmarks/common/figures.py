"""What figure topics share: verdicts on their rows, and the command line with which each runs alone.

The contract of a `figure.py` is in `benchmarks/README.md`.
"""

import argparse
import json
import math
import time
from pathlib import Path

# the colours of the report, which draws them lighter on a dark page
COLOURS = ["#d1480a", "#0a6fb5", "#0b8f6a", "#7b4fc0", "#a87800", "#6b7280", "#c2367f", "#3b7a1f"]
INK = "#1c2430"


def verdict(measure, ours, theirs, peer, *, better="lower", timing=False, unit=None, problems=1):
    """One line of the summary: our value beside that of the best other method.

    ``better`` says whether lower or higher values are better, ``timing`` whether the values come from a clock and count
    on a quiet machine only; their ``unit`` is then "s" unless given.
    """
    return dict(
        measure=measure, ours=ours, theirs=theirs, peer=peer, better=better, timing=timing,
        unit=unit or ("s" if timing else ""), problems=problems,
    )  # fmt: skip


def geometric_mean(values):
    """Geometric mean of numbers that are not negative."""
    if min(values) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def versus(rows, measure, field, *, ours="sparseopt", peers, better="lower", timing=False, unit=None, floor=0.0,
           combine=geometric_mean):  # fmt: skip
    """Verdict on ``rows[field]``, combined over the problems that all methods solved.

    The peer is the one whose combined value is best; values below ``floor`` count as ``floor``. None where nothing can
    be compared.
    """
    by_solver = {}
    for row in rows:
        if row["solver"] in (ours, *peers) and row.get(field) is not None:
            by_solver.setdefault(row["solver"], {})[row["problem"]] = max(row[field], floor)
    mine = by_solver.pop(ours, {})
    common = set(mine).intersection(*by_solver.values())
    if not by_solver or not common:
        return None
    means = {solver: combine([values[p] for p in common]) for solver, values in by_solver.items()}
    peer = (min if better == "lower" else max)(means, key=means.get)
    own = combine([mine[p] for p in common])
    return verdict(measure, own, means[peer], peer, better=better, timing=timing, unit=unit, problems=len(common))


def lines(rows):
    """Rows as lines of text: their numbers and words, not their lists."""
    names = [n for n in dict.fromkeys(n for row in rows for n in row) if _short(next(r[n] for r in rows if n in r))]
    table = [names, *([_text(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(names))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]


def _short(value):
    return value is None or isinstance(value, bool | int | float | str)


def _text(value):
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def keep(topic, rows, command, *, run=None, **about):
    """Keep rows as `benchmarks/results/TOPIC.json`, or `TOPIC.RUN.json`, which tables of the pages are made from.

    ``command`` is what makes the rows again, typed in the root of a clone. ``about`` may have load (cores that other
    work kept busy), seed, seconds, packages (as `BASELINES`), verdicts and label.
    """
    from common.results import FOLDER

    from sparseopt.cli.bench_suite import keeping

    path = FOLDER / (f"{topic}.{run}.json" if run else f"{topic}.json")
    keeping.write(keeping.measured(topic, rows, command, **about), path)
    return path


def main(compute, draw, verdicts, description):
    """Run a topic alone: compute, print, write rows.json and the pictures."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder for rows.json and the pictures")
    parser.add_argument("--quick", action="store_true", help="small problems, some seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=Path, help="draw this rows.json instead of computing")
    parser.add_argument("--keep", action="store_true", help="also keep the rows in benchmarks/results, for the pages")
    options = parser.parse_args()
    if options.keep and options.rows:
        parser.error("--keep is for rows that are computed now")
    import matplotlib

    matplotlib.use("Agg")
    rows, load, seconds = _computed(compute, options)
    found = [line for line in verdicts(rows) if line is not None]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "rows.json").write_text(json.dumps(rows, default=lambda value: value.tolist()))
    if options.keep:
        here, seed = Path(compute.__code__.co_filename), options.seed
        command = f"python benchmarks/{here.parent.name}/{here.name}"
        command += " --quick" * options.quick + f" --seed {seed}" * bool(seed)
        packages = compute.__globals__.get("BASELINES")
        about = dict(load=load, seconds=round(seconds, 2), seed=seed, packages=packages, verdicts=found)
        print("kept:", keep(here.parent.name, rows, command, **about, label=description.splitlines()[0].rstrip(".")))
    print("\n".join(lines(rows)))
    for line in found:
        print(f"{line['measure']}: sparseopt {line['ours']:.4g}, {line['peer']} {line['theirs']:.4g}")
    for name, figure in draw(rows).items():
        figure.savefig(options.out / f"{name}.png", dpi=130, bbox_inches="tight")
        print(options.out / f"{name}.png")


def _computed(compute, options):
    """The rows, how busy others kept the machine meanwhile, and how long it took."""
    if options.rows:
        return json.loads(options.rows.read_text()), None, 0.0
    if not options.keep:
        return list(compute(options.quick, options.seed)), None, 0.0
    from sparseopt.cli.bench_suite.machine import OtherLoad

    load, start = OtherLoad(), time.monotonic()
    rows = list(compute(options.quick, options.seed))
    return rows, load.read(), time.monotonic() - start
