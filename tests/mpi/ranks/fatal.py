"""A fit in which one rank raises or is killed: ``fatal.py FAULT FOLDER``."""

import os
import signal
import sys

import numpy as np

import sparseopt as so
from sparseopt.solvers import batch_path


def main(fault, folder):
    from mpi4py import MPI

    rank = MPI.COMM_WORLD.rank
    rng = np.random.default_rng(rank)
    X, y = rng.standard_normal((40, 200)), rng.standard_normal(40)
    certify, calls = batch_path.BatchPath.certify, []

    def certify_or_fail(self, batch):
        calls.append(batch)
        if rank == 1 and len(calls) == 3:
            if fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ZeroDivisionError("a rank met trouble of its own")
        return certify(self, batch)

    batch_path.BatchPath.certify = certify_or_fail
    so.mpi.fit(so.LassoCV(cv=2), (X, y), checkpoint=folder)
    print("finished")


if __name__ == "__main__":
    main(*sys.argv[1:])
