"""One fit from file to model file, and the facts about it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._ranks import ALONE, Ranks
from . import data, notices, scores
from .certificate import certificate
from .failures import WrongUse
from .launch import on_first_rank
from .model_file import Model, save
from .output import check_output
from .parameters import build, parsed

logger = logging.getLogger("sparseopt")

_LARGEST = 10


@dataclass(frozen=True)
class Job:
    """The options of `sparseopt fit`."""

    path: Path
    name: str
    pairs: tuple[str, ...] = ()
    target: str | None = None
    key: str | None = None
    drop: tuple[str, ...] = ()
    n_folds: int | None = None
    out: Path | None = None
    threads: int | None = None
    test_fraction: float | None = None
    seed: int | None = None
    checkpoint: Path | None = None
    checkpoint_minutes: float = 0.0
    verbose: int = 0


def run(job: Job, ranks: Ranks = ALONE) -> dict:
    """Do the job, under mpiexec on all ranks; what can be checked without work is checked first."""
    from sklearn.exceptions import ConvergenceWarning

    params = parsed(job.pairs)
    estimator = build(job.name, params, cv=_folds(job), threads=job.threads)
    if job.seed is not None and "random_state" not in params:
        _set(estimator, "random_state", job.seed)
    asked = estimator.get_params(deep=False)
    if "verbose" not in params:
        _set(estimator, "verbose", job.verbose)
    if job.n_folds and "cv" not in asked and ranks.several:
        raise WrongUse(f"--cv under mpiexec needs an estimator with a CV form, {job.name} has none")
    keeper = _keeper(job)
    on_first_rank(ranks, lambda: _check_out(job))
    with notices.collected() as seen, notices.logged(job.verbose > 1):
        start = time.perf_counter()
        table = data.load(job.path, ranks, target=job.target, key=job.key, drop=job.drop)
        read_seconds = time.perf_counter() - start
        logger.info("read %d x %d from %s in %.3g s", *table.X.shape, job.path, read_seconds)
        train, test = table, None
        if job.test_fraction is not None:
            train, test = data.split(table, job.test_fraction, job.seed or 0, ranks)
        cross_validation = None
        try:
            if job.n_folds and "cv" not in asked:
                cross_validation = scores.cross_validated(estimator, train, _folds(job))
            start = time.perf_counter()
            _fit(estimator, train, ranks, keeper)
            fit_seconds = time.perf_counter() - start
        except ValueError as error:
            if data.is_about_finiteness(error):
                data.refuse_nonfinite(train, error)
            raise
        proof = certificate(estimator, train.y, seen.has(ConvergenceWarning), ranks)
        if job.out is not None and ranks.index == 0:
            save(job.out, _model(estimator, asked, proof, train))
    facts = {
        "data": _data_facts(job, table, ranks),
        "estimator": type(estimator).__name__,
        "parameters": asked,
        "converged": proof["converged"],
        "certificate": proof,
        "n_nonzero": int(np.count_nonzero(estimator.coef_)),
        "n_coefficients": int(np.size(estimator.coef_)),
        "intercept": estimator.intercept_,
        "largest_coefficients": _largest(estimator.coef_, train.feature_names),
        "seconds": {"read": read_seconds, "fit": fit_seconds},
    }
    if job.n_folds or hasattr(estimator, "alpha_"):
        facts["cross_validation"] = cross_validation or scores.chosen(estimator, job.n_folds)
    if test is not None:
        facts["test"] = scores.held_out(estimator, test, ranks)
    if job.out is not None:
        facts["out"] = str(job.out)
    if ranks.several:
        facts["ranks"] = ranks.size
    if keeper is not None:
        facts["checkpoint"] = {
            "folder": str(job.checkpoint), "restored": keeper.restored, "solved": keeper.solved,
        }  # fmt: skip
    return facts


def _check_out(job: Job) -> None:
    if job.out is not None:
        check_output(job.out, (".npz",), inputs=(job.path,) if job.path.exists() else ())


def _keeper(job: Job):
    if job.checkpoint is None:
        return None
    from ..solvers.checkpoint import Checkpoint

    return Checkpoint(job.checkpoint, minutes=job.checkpoint_minutes)


def _fit(estimator, train, ranks: Ranks, keeper) -> None:
    if ranks.several:
        from .. import mpi

        mpi.fit(estimator, (train.X, train.y), ranks, checkpoint=keeper)
        return
    from ..solvers.checkpoint import kept_in

    with kept_in(keeper):
        estimator.fit(train.X, train.y)


def _folds(job: Job):
    """The `cv` argument: a number as scikit-learn means it, or shuffled folds given a seed."""
    if job.n_folds is None or job.seed is None:
        return job.n_folds
    from sklearn.model_selection import KFold

    return KFold(job.n_folds, shuffle=True, random_state=job.seed)


def _set(estimator, name: str, value) -> None:
    if name in estimator.get_params(deep=False):
        estimator.set_params(**{name: value})


def _model(estimator, asked: dict, proof: dict, train) -> Model:
    import sparseopt

    for name in ("alpha", "l1_ratio"):  # what a CV class chose belongs to the model
        if hasattr(estimator, f"{name}_"):
            asked = {**asked, f"{name}_": getattr(estimator, f"{name}_")}
    return Model(
        coef=np.asarray(estimator.coef_, dtype=np.float64),
        intercept=np.asarray(estimator.intercept_, dtype=np.float64),
        feature_names=train.feature_names,
        estimator=type(estimator).__name__,
        parameters=asked,
        certificate=proof,
        sparseopt_version=sparseopt.__version__,
        classes=getattr(estimator, "classes_", None),
    )


def _data_facts(job: Job, table, ranks: Ranks) -> dict:
    n, p = ranks.place(table.X.shape[0])[1], table.X.shape[1]
    sparse = hasattr(table.X, "nnz")
    stored = ranks.total(float(table.X.nnz)) if sparse else float(n * p)
    return {
        "path": str(job.path),
        "n_samples": n,
        "n_features": p,
        "sparse": sparse,
        "density": stored / (n * p),
        "dtype": str(table.X.dtype),
        "held_out": job.test_fraction,
    }


def _largest(coef, feature_names) -> list[dict]:
    """The largest coefficients by size, over all targets."""
    coef = np.atleast_2d(coef)
    size = np.abs(coef).max(axis=0)
    order = np.argsort(-size, kind="stable")[:_LARGEST]
    return [
        {"feature": feature_names[j], "coef": coef[:, j] if coef.shape[0] > 1 else coef[0, j]}
        for j in order.tolist()
        if size[j] > 0
    ]
