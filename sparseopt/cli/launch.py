"""Commands under mpiexec: which rank speaks, and that all ranks end with the same status."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._ranks import Ranks

# set by the launchers of MPICH and its kin, Open MPI, PMIx and MVAPICH, before MPI is loaded
_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK")
PATIENCE = 5.0  # seconds


def rank() -> int | None:
    """The number of this process among those that mpiexec started; None without mpiexec."""
    for name in _VARIABLES:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return None


def hush() -> None:
    """Let the first rank alone print; failures of others are told by `leave`."""
    if rank():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the life of the process


def ranks() -> Ranks:
    """All processes that mpiexec started."""
    if rank() is None:
        from .._ranks import ALONE

        return ALONE
    from ..mpi import MpiRanks

    return MpiRanks()


def on_first_rank(ranks: Ranks, check) -> None:
    """Run a check on the first rank; what it raises is raised on all."""
    failure: Exception | None = None
    if ranks.index == 0:
        try:
            check()
        except Exception as error:
            if not ranks.several:
                raise
            failure = error
    failure = ranks.same(failure)
    if failure is not None:
        raise failure


def leave(status: int, message: str) -> int:
    """Wait for the other ranks, and return the largest status; a rank that fails alone says why and ends all."""
    if rank() is None or "mpi4py.MPI" not in sys.modules:
        return status
    import numpy as np

    from ..mpi import MpiRanks

    world = MpiRanks()
    every = np.empty(world.size, dtype=np.int32)
    request = world.comm.Iallgather(np.array([status], dtype=np.int32), every)
    if status == 0:
        request.Wait()
        return int(every.max())
    last = time.monotonic() + PATIENCE
    while not request.Test():
        if time.monotonic() > last:
            _tell(world.index, message)
            world.comm.Abort(status)
            os._exit(status)  # should the launcher take its time
        time.sleep(0.002)
    if world.index > 0 and every[0] == 0:
        _tell(world.index, message)
    return int(every.max())


def _tell(index: int, message: str) -> None:
    stream = sys.__stderr__
    if stream is not None:
        stream.write(f"sparseopt: rank {index}: {message}\n")
        stream.flush()
