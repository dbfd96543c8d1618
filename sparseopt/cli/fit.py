"""`sparseopt fit`: read, fit, certify, show, write."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from . import data, launch, options
from .failures import WrongUse


@click.command(short_help="Fit a sparse model to a data file.")
@click.argument("path", metavar="DATA", type=click.Path(path_type=Path))
@click.option("--estimator", "name", required=True, metavar="NAME", help="For example Lasso.")
@click.option(
    "--param", "pairs", multiple=True, metavar="NAME=VALUE",
    help="A parameter of the estimator, for example alpha=0.1; repeatable.",
)  # fmt: skip
@data.target
@data.key
@data.drop
@click.option(
    "--cv", "n_folds", type=click.IntRange(min=2), metavar="K",
    help="K folds: choose the strength where NAME has a CV form (Lasso), else score NAME.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="MODEL.npz", help="Write the model here."
)
@click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="Threads. Default: physical cores."
)
@click.option(
    "--test-fraction", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="F",
    help="Hold this share of the rows back and score the model on it.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="S",
    help="Seed of the held-back rows (default 0); with --cv, also shuffles rows into folds.",
)  # fmt: skip
@click.option(
    "--checkpoint", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Keep finished work here; the same command continues after it was killed.",
)  # fmt: skip
@click.option(
    "--checkpoint-minutes", type=click.FloatRange(min=0), default=0.0, metavar="N",
    help="Write unfinished work at most every N minutes. Default: after each batch of alphas.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
@click.option("--verbose", is_flag=True, help="Log every iteration.")
@options.as_json
@options.debug
def fit(path, name, pairs, target, key, drop, n_folds, out, threads, test_fraction, seed,
        checkpoint, checkpoint_minutes, quiet, verbose, as_json):  # fmt: skip
    """Fit a sparse model to DATA and show its certificate.

    DATA is .npz, .npy, .csv, .tsv, .parquet, .svm/.libsvm or HDF5 (.h5); text also as .gz or .bz2.
    Values of --param are Python literals (alpha=0.1, positive=True), else text.

    \b
    sparseopt fit prices.csv --target price --estimator Lasso --param alpha=0.1
    sparseopt fit genes.npz --estimator Lasso --cv 5 --out model.npz
    mpiexec -n 4 sparseopt fit genes.npz --estimator Lasso --cv 5 --checkpoint work
    """  # noqa: D301 - click wants the character itself before lines it must not fill
    from .job import Job, run
    from .summary import for_people

    if quiet and verbose:
        raise WrongUse("--quiet and --verbose contradict each other")
    terminal = sys.stderr is not None and sys.stderr.isatty() and not quiet
    job = Job(
        path=path, name=name, pairs=pairs, target=target, key=key, drop=drop, n_folds=n_folds,
        out=out, threads=threads, test_fraction=test_fraction, seed=seed,
        checkpoint=checkpoint, checkpoint_minutes=checkpoint_minutes,
        verbose=2 if verbose else int(terminal),
    )  # fmt: skip
    started = time.perf_counter()
    facts = run(job, launch.ranks())
    facts["seconds"]["total"] = time.perf_counter() - started
    if as_json:
        from .json_text import to_json

        click.echo(to_json(facts))
    elif not quiet:
        click.echo(for_people(facts))
