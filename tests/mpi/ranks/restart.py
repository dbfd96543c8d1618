"""A path of which one rank is killed, and the same again: ``restart.py KIND FOLDER kill|go_on``."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from sklearn.base import clone

import sparseopt as so
from sparseopt.solvers.batch_path import BatchPath
from sparseopt.solvers.checkpoint import Checkpoint
from sparseopt.solvers.group_path import GroupPath
from sparseopt.solvers.prox_newton import ProxNewton

KINDS = {  # estimator, what works on alphas, the work at which a rank is killed
    "lasso": (so.LassoCV(n_alphas=60, cv=2), (BatchPath, "certify"), 5),
    "group": (so.GroupLassoCV(n_alphas=40, cv=2, groups=5), (GroupPath, "certify"), 2),
    "logistic": (so.SparseLogisticRegressionCV(n_alphas=20, cv=2), (ProxNewton, "run"), 28),
}


def watch(owner, name, before):
    """Let `before` be called before every call of a method."""
    method = getattr(owner, name)

    def watched(self, *args):
        before(self, *args)
        return method(self, *args)

    setattr(owner, name, watched)


def main(kind, folder, fault):
    from mpi4py import MPI

    rank = MPI.COMM_WORLD.rank
    model, (owner, work), fatal = KINDS[kind]
    rng = np.random.default_rng(rank)
    X, y = rng.standard_normal((60, 150)), rng.standard_normal(60)
    y += X[:, :8].sum(axis=1)
    if kind == "logistic":
        y = y > 0.0
    calls, alphas = [], set()

    def kill(self, *args):
        calls.append(args)
        if rank == 1 and len(calls) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    if fault == "kill":
        watch(owner, work, kill)
        so.mpi.fit(model, (X, y), checkpoint=folder)
        return
    if owner is not ProxNewton:
        watch(owner, "solve", lambda self, i, start: alphas.add((id(self), i)))
    else:
        watch(owner, work, lambda self, levels, *args: alphas.add((id(self), levels)))
    keeper, other = Checkpoint(folder), Checkpoint(Path(folder) / "whole")
    so.mpi.fit(model, (X, y), checkpoint=keeper)
    touched = len(alphas)
    whole = so.mpi.fit(clone(model), (X, y), checkpoint=other)
    plain = so.mpi.fit(clone(model), (X, y))
    scores = "mse_path_" if hasattr(whole, "mse_path_") else "score_path_"
    for name in ("coef_", "intercept_", "alphas_", scores):
        here, there = np.asarray(getattr(model, name)), np.asarray(getattr(whole, name))
        np.testing.assert_allclose(here, there, rtol=1e-10, atol=1e-10 * np.abs(there).max(), err_msg=name)
    np.testing.assert_allclose(model.alpha_, plain.alpha_, rtol=1e-12)
    np.testing.assert_allclose(getattr(model, scores), getattr(plain, scores), rtol=1e-4)  # tol is 1e-6
    again = Checkpoint(folder)
    so.mpi.fit(clone(model), (X, y), checkpoint=again)
    if rank == 0:
        print(json.dumps({
            "restored": keeper.restored, "solved": keeper.solved, "touched": touched, "total": other.solved,
            "passes": model.n_passes_, "passes of the whole": whole.n_passes_, "left": again.solved,
        }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
