"""`sparseopt bench`: measure solvers against each other and write a report."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path

import click

from .._suggest import suggestion
from . import options
from .failures import JobFailed, WrongUse

NEEDED = {"benchopt": "benchopt", "matplotlib": "matplotlib", "yaml": "benchopt"}
MINUTES = {"tiny": 0.2, "quick": 0.6, "full": 21.0}
CAP = {"tiny": 2.0, "quick": 2.0, "full": 10.0}  # seconds of one run of a peer
PATIENCE = {"tiny": 10.0}  # a peer is stopped at so many times the best peer's time; else 3
REPEATS = {"tiny": 3, "quick": 3}  # else 5
FIGURE_LIMIT = {"tiny": 60.0, "quick": 90.0}  # seconds of a figure topic; most take a fifth
TARGETS = {"quick": (1e-6,)}  # relative gaps, where not those of the topic


class ThreadCounts(click.ParamType):
    """Numbers of threads separated by commas."""

    name = "N[,N]"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            counts = tuple(dict.fromkeys(int(part) for part in str(value).split(",")))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 1,2", param, ctx)
        if min(counts) < 1:
            self.fail(f"{value!r}: at least one thread is needed", param, ctx)
        return counts


@click.command(short_help="Measure solvers against each other and write a report.")
@click.argument("topics", nargs=-1, metavar="[TOPIC ...|list]")
@click.option("--quick", "mode", flag_value="quick", help="Bundled data, under three minutes (default).")
@click.option("--full", "mode", flag_value="full", help="All problems, and figures as published: hours.")
@click.option("--tiny", "mode", flag_value="tiny", hidden=True)
@click.option(
    "--peers/--no-peers",
    default=True,
    help="Run all installed peers (default), or scikit-learn only.",
)
@click.option(
    "--threads",
    type=ThreadCounts(),
    help="Threads, such as 1,2; each is measured by itself.  [default: 1; with --full 1,2]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="SPARSEOPT_DATA",
    help="Folder with further real data sets (benchmarks/README.md lists them); $SPARSEOPT_DATA if not given.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("report"),
    show_default=True,
    help="Folder of the report; an interrupted run in it is continued.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also keep each topic's results in DIR/TOPIC.json, as tables of the documentation are made from.",
)
@click.option(
    "--compare",
    "old",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="OLD.json",
    help="Also say what became slower or worse since these results.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE.json",
    help="Show (and compare) these results instead of measuring.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Time to spend on races between solvers.  [default: 0.6; with --full 21]",
)
@click.option(
    "--problems",
    metavar="PATTERN",
    help="Only problems of races whose name has this in it, such as 'dense*max/10'.",
)
@click.option(
    "--stop-after",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Begin nothing new after so many seconds; the same command continues.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where the benchmark definitions are, if not in or above the current folder.",
)
@options.as_json
@options.debug
def bench(
    topics, mode, peers, threads, data, out, keep, old, results, seed, minutes, problems, stop_after, root, as_json
):
    """Run every method on the same problems, beside what else there is, and write a report.

    TOPIC is one or several of the topics that `sparseopt bench list` shows; all of them by
    default. The report is one HTML page without external references; results.json beside it
    carries all numbers. Exit status 1 when a topic failed; the others are reported all the same.
    """
    mode = mode or "quick"
    _check_dependencies()
    from .bench_suite import compare, output, runner
    from .bench_suite.process import BenchError

    earlier = _read(old) if old else None
    if results:
        document = _read(results)
        if earlier:
            document["comparison"] = compare.compare(earlier, document)
        output.show(document, as_json)
        if keep:
            _keep(document, keep)
        return
    settings = _settings(
        topics, mode, peers, threads, data, seed, minutes, root, problems=problems, stop_after=stop_after
    )
    if "list" in topics:
        output.list_topics(runner.plan(settings), as_json)
        return
    _check_writable(out / "index.html", *([keep / ".writable"] if keep else []))
    with _progress() as progress:
        try:
            document, pictures = runner.run(settings, out, progress)
        except runner.NoProblemError as error:
            raise WrongUse(f"{error}; `sparseopt bench list` shows the names") from None
        except BenchError as error:
            raise JobFailed(f"{error}; {out / 'bench.log'} says more") from None
        if earlier:
            document["comparison"] = compare.compare(earlier, document)
        output.write_results(document, out)
        if not document["left"]:
            progress.stage("drawing the report")
            output.write_page(document, pictures, out, progress)
    output.show(document, as_json)
    if keep and not document["left"]:
        _keep(document, keep)
    if not as_json:
        click.echo(f"Results so far: {out / 'results.json'}" if document["left"] else f"Report: {out / 'index.html'}")
    failed = output.failures(document)
    if failed:
        raise JobFailed(f"failed: {', '.join(failed)}; {out / 'bench.log'} says more")


def _settings(topics, mode, peers, threads, data, seed, minutes, root, **part):
    """Check the arguments, and fill in what the mode decides."""
    from .bench_suite import locate, machine, runner

    try:
        folder = locate.find_root(root)
    except locate.NotFoundError as error:
        raise WrongUse(str(error)) from None
    known = locate.topics(folder)
    unknown = [name for name in topics if name not in [*known, "list"]]
    if unknown:
        hints = [name + suggestion(name, known) for name in unknown]
        raise WrongUse(f"no topic {'; '.join(hints)}: choose from {', '.join(known)}")
    if threads is None:
        threads = (1, 2) if mode == "full" and machine.cores() > 1 else (1,)
    if max(threads) > machine.cores():
        raise WrongUse(
            f"--threads {max(threads)}: only {machine.cores()} cores are available, "
            "timings would be of no use"
        )
    return runner.Settings(
        root=folder,
        topics=[name for name in known if name in topics] or known,
        chosen=tuple(name for name in known if name in topics),
        options=_options(mode, peers, threads, data, seed, minutes, part["problems"]),
        mode=mode,
        threads=threads,
        minutes=minutes or MINUTES[mode],
        cap=CAP[mode],
        repeats=REPEATS.get(mode, 5),
        patience=PATIENCE.get(mode, 3.0),
        targets=TARGETS.get(mode, ()),
        figure_limit=FIGURE_LIMIT.get(mode, 2 * 3600.0),
        seed=seed,
        data=data.resolve() if data else None,
        solvers=() if peers else ("sparseopt", "scikit-learn"),
        **part,
    )


def _read(path):
    from .bench_suite import compare

    try:
        return compare.read(path)
    except compare.NotResultsError as error:
        raise WrongUse(str(error)) from None


def _check_dependencies():
    missing = sorted({p for m, p in NEEDED.items() if importlib.util.find_spec(m) is None})
    if missing:
        raise WrongUse(
            f"bench needs {' and '.join(missing)}: pip install '.[bench]' in the clone, "
            f"or pip install {' '.join(missing)}"
        )


def _options(mode, peers, threads, data, seed, minutes, problems):
    """The options that do the same again, all choices spelled out; in how many pieces does not matter."""
    parts = [f"--{mode}"]
    parts.append("--peers" if peers else "--no-peers")
    parts.append("--threads " + ",".join(map(str, threads)))
    if seed:
        parts.append(f"--seed {seed}")
    if minutes:
        parts.append(f"--minutes {minutes:g}")
    if problems is not None:
        parts.append(f"--problems {shlex.quote(problems)}")
    if data:
        parts.append("--data DATA")  # the reader's folder has another name
    return " ".join(parts)


def _keep(document, folder):
    from .bench_suite import keeping

    try:
        kept, failed = keeping.keep(document, folder)
    except OSError as error:
        raise JobFailed(f"{error.filename}: cannot be written ({error.strerror})") from None
    for path in kept:
        click.echo(f"kept: {path}", err=True)
    for topic in failed:
        click.echo(f"not kept, because it failed: {topic}", err=True)


def _check_writable(*paths):
    """Find out before the measuring, not after it."""
    for path in paths:
        try:
            new = not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a"):
                pass
            if new:
                path.unlink()
        except OSError as error:
            raise WrongUse(f"{error.filename}: cannot be written ({error.strerror})") from None


def _progress():
    """A bar on a terminal, silence elsewhere."""
    from .bench_suite.progress import Bar, Quiet

    return Bar() if sys.stderr.isatty() else Quiet()
