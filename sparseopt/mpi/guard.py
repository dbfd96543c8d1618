"""No rank left hanging: ranks leave a piece of work together, or MPI is aborted.

An error that all ranks meet together (a wrong parameter) is raised on all of them like any other. An error on some
ranks only leaves the others waiting in a message that never comes. So whoever leaves, with an error or without, says so
in a communicator of its own: a rank with an error waits a few seconds for the others, and when they do not come, it
prints its number and the reason and aborts all.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Iterator

import numpy as np

from ..exceptions import RankMismatchError
from .ranks import MpiRanks

PATIENCE = 5.0  # seconds


@contextlib.contextmanager
def guarded(ranks: MpiRanks) -> Iterator[None]:
    """Make sure that all ranks leave the block: all with success, or all with an error."""
    if ranks.size == 1:
        yield
        return
    watch = ranks.comm.Dup()
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
    failed = _leave(watch, ranks, failure)
    watch.Free()
    if failure is not None:
        raise failure
    if failed.any():
        k = int(np.argmax(failed))
        raise RankMismatchError(f"rank {k} of {ranks.size} failed in work that succeeded here; its message says why")


def _leave(watch, ranks: MpiRanks, failure):
    """Tell the others; return which ranks failed."""
    mine = np.array([failure is not None], dtype=np.int8)
    all_of_them = np.empty(ranks.size, dtype=np.int8)
    request = watch.Iallgather(mine, all_of_them)
    if failure is None:
        request.Wait()
        return all_of_them
    last = time.monotonic() + PATIENCE
    while not request.Test():
        if time.monotonic() > last:
            _abort(ranks, failure)
        time.sleep(0.002)
    return all_of_them


def _abort(ranks: MpiRanks, failure) -> None:
    reason = "".join(traceback.format_exception(failure))
    name = type(failure).__name__
    sys.stderr.write(
        f"{reason}sparseopt: rank {ranks.index} of {ranks.size} failed ({name}: {failure}) while others were still "
        "at work; all ranks are ended\n"
    )
    sys.stderr.flush()
    ranks.comm.Abort(1)
    os._exit(1)  # should the launcher take its time
