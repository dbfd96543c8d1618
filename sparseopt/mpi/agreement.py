"""Ranks that agree: on what they hold, on what they were asked, and on whether somebody failed."""

from __future__ import annotations

import joblib

from .._validation import short
from ..exceptions import RankMismatchError
from .ranks import MpiRanks

SHOWN = 4  # differences named in a message


def assert_replicated(value, comm=None, *, what="value") -> None:
    """Raise RankMismatchError on all ranks unless they hold equal values, bit for bit.

    Parameters
    ----------
    value : object
        Arrays, numbers, or anything that pickles.
    comm : mpi4py communicator or MpiRanks, optional
        Default: ``COMM_WORLD``.
    what : str
        What the message calls it.

    Raises
    ------
    RankMismatchError
        On all ranks, naming those that differ from the first.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> so.mpi.assert_replicated(np.arange(3.0), what="coefficients")  # passes: there is one rank
    """
    ranks = comm if isinstance(comm, MpiRanks) else MpiRanks(comm)
    own = joblib.hash(value)
    if ranks.any(own != ranks.same(own)):
        hashes = ranks.shared(own)
        different = [k for k, each in enumerate(hashes) if each != hashes[0]]
        raise RankMismatchError(f"the {what} should be the same on all ranks, but differs on {named(different)}")


def compare(ranks: MpiRanks, facts: dict) -> None:
    """Raise RankMismatchError on all ranks unless the facts, by name, are equal on all of them."""
    digests = {name: joblib.hash(value) for name, value in facts.items()}
    first = ranks.same(digests)
    differing = [name for name in {**first, **digests} if first.get(name) != digests.get(name)]
    if not ranks.any(differing):
        return
    shown = ranks.same({name: short(value) for name, value in facts.items()})
    said = ranks.shared([(name, short(facts.get(name))) for name in differing])
    parts = [
        f"{name}: {shown.get(name)} on rank 0, {value} on rank {k}"
        for k, pairs in enumerate(said)
        for name, value in pairs
    ]
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    raise RankMismatchError(f"ranks disagree: {'; '.join(parts[:SHOWN])}{more}")


def together(ranks: MpiRanks, work):
    """Return what local work returns; when it fails on any rank, raise the same error on all, naming the rank."""
    result, failure = None, None
    try:
        result = work()
    except Exception as error:
        failure = error
    if not ranks.any(failure is not None):
        return result
    said = ranks.shared(None if failure is None else (type(failure), str(failure)))
    failed = [(k, *each) for k, each in enumerate(said) if each is not None]
    k, kind, message = failed[0]
    where = "" if len(failed) == ranks.size else f"rank {k} of {ranks.size}: "
    more = f" (and {named([k for k, *_ in failed[1:]])} failed)" if where and len(failed) > 1 else ""
    raise kind(f"{where}{message}{more}") from failure


def named(numbers) -> str:
    """Return "rank 1" or "ranks 1, 2 and 5 more"."""
    shown = ", ".join(map(str, numbers[:SHOWN]))
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"rank{'s' if len(numbers) > 1 else ''} {shown}{more}"
