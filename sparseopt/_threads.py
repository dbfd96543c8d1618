"""How many threads a fit uses, and keeping BLAS out of their way."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import cache
from numbers import Integral
from typing import Any

import joblib
from threadpoolctl import ThreadpoolController

_THREADS_PAY = 4096  # order of the matrices beyond which several threads of BLAS are worth their waiting

_lock = threading.Lock()
_depth = 0
_libraries: list[Any] | None = None  # controllers of the BLAS libraries in this process
_changed: list[tuple[Any, int]] = []  # those that are held, with the number of threads to give back
_several = False  # whether this process asked for several threads
_orphaned = False  # whether it is a fork of one that did


def resolve_n_threads(n_threads: int | None = None) -> int:
    """Return the number of OpenMP threads a fit should use.

    Parameters
    ----------
    n_threads : int or None
        None: the environment's ``OMP_NUM_THREADS`` when it is set, else the physical cores that this
        process may use; one thread inside a joblib worker, so that nested parallelism does not
        oversubscribe the machine. A positive integer: that many, but at most 64 or four for each
        processor. -1: the same as None outside workers.

    Returns
    -------
    int
        At least 1; 1 in a fork of a process that used several, whose threads a fork does not have: GNU's OpenMP
        would wait for them for ever.
    """
    global _several
    n = _wanted(n_threads)
    if _orphaned:
        return 1
    _several = _several or n > 1
    return n


def _after_fork() -> None:
    """Give up what threads of the parent may hold or be waited for, which do not exist here."""
    global _lock, _orphaned
    _lock = threading.Lock()
    _orphaned = _orphaned or _several


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _wanted(n_threads: int | None) -> int:
    if n_threads is not None and (not isinstance(n_threads, Integral) or isinstance(n_threads, bool)):
        raise TypeError(f"n_threads must be None, -1 or a positive integer, got {n_threads!r}")
    if n_threads is not None and n_threads != -1:
        if n_threads < 1:
            raise ValueError(f"n_threads must be None, -1 or a positive integer, got {n_threads}")
        return min(int(n_threads), _most_threads())
    if n_threads is None and threading.current_thread() is not threading.main_thread():
        return 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit() and int(asked) > 0:
        return min(int(asked), _most_threads())
    return _physical_cores()


@cache
def _most_threads() -> int:
    """Return how many threads are started at most: asked for far too many, OpenMP runtimes kill the process."""
    return max(64, 4 * (os.cpu_count() or 1))


@cache
def _physical_cores() -> int:
    return max(1, joblib.cpu_count(only_physical_cores=True))


@contextlib.contextmanager
def serial_blas() -> Iterator[None]:
    """Hold BLAS at one thread while our own threads call it.

    Our kernels cut the work into tiles and give each thread whole tiles; a BLAS that starts threads of
    its own inside them would only get in the way, and its results could depend on their number. The
    limit is global to the process, so calls from several threads share one: the first sets it and the
    last lifts it.
    """
    global _depth
    with _lock:
        if _depth == 0:
            _hold()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _let_go()


def blas_of_order(order: float) -> contextlib.AbstractContextManager:
    """Hold BLAS at one thread where matrices are of this order or smaller.

    NumPy and SciPy bring a BLAS each, whose waiting threads get in each other's way when a solver calls both in turn.
    """
    return serial_blas() if order <= _THREADS_PAY else contextlib.nullcontext()


def _hold() -> None:
    global _libraries
    if _libraries is None:
        _libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    for library in _libraries:
        before = library.get_num_threads()
        if before != 1:
            library.set_num_threads(1)
            if library.get_num_threads() == 1:
                _changed.append((library, before))


def _let_go() -> None:
    while _changed:
        library, before = _changed.pop()
        # newer releases of threadpoolctl let only the thread that set a limit change it, and never say so
        give_up = getattr(library, "clear_controlling_thread", lambda force: None)
        give_up(force=True)
        library.set_num_threads(before)
        give_up(force=True)
