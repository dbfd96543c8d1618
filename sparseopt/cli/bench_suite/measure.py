"""Run one solver on one problem: the ladder of tolerances, then repetitions. Timers live here.

Both are generators of plain dictionaries, so that they can run in a forked process whose parent
stops it when one call takes too long: a solver in compiled code cannot be interrupted otherwise.
Fork also makes a stop cheap, as data and compiled code are already in memory.
"""

import gc
import json
import math
import os
import select
import signal
import time
import traceback

from . import machine

EVALUATION_LIMIT = 120.0  # seconds for a certificate; only a broken machine needs longer
SHORT = 0.3  # seconds: a first run this short is made twice, as it also loads, and allocates, what later runs share
GROWTH = 1.3  # the next, tighter run is expected to take this much longer than the last


def finite(value):
    """Numbers as JSON can carry them."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def timed(solver, tolerance):
    """Run once; wall-clock and CPU seconds, and MB of memory beyond what was there before."""
    gc.collect()
    measurable = machine.reset_peak_memory()
    before = machine.peak_memory("VmRSS")
    cpu, wall = time.process_time(), time.perf_counter()
    solver.run(tolerance)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = None
    if measurable and before is not None:
        memory = round(max(machine.peak_memory() - before, 0.0), 1)
    return wall, cpu, memory


def ladder(objective, solver, targets, limit, budget):
    """Run at ever tighter tolerances until every target is certified, then at looser ones.

    The tolerance to begin with is the solver's guess of what the loosest target needs, so that
    a slow solver does not spend its time on runs that nobody asked for; the looser runs show
    whether one of them would have done, and complete its curve. It ends early when the next run
    would take more than ``limit`` seconds, or all runs together more than ``budget``.
    """
    skip, reason = solver._set_objective(objective)
    if skip:
        yield {"event": "skipped", "note": reason}
        return
    first, spent, last = solver.first, 0.0, 0.0
    tighter = list(solver.tolerances[first:])
    looser = list(solver.tolerances[:first])[::-1]
    while tighter or looser:
        expected = last * GROWTH if tighter else last
        if tighter and (expected > limit or spent + expected > budget):
            yield {"event": "stopped"}
            tighter = []
            continue
        if spent + expected > budget:
            return
        tolerance = tighter.pop(0) if tighter else looser.pop(0)
        yield {"event": "start", "limit": limit}
        seconds, cpu, memory = timed(solver, tolerance)
        if not last and seconds < SHORT:
            seconds, cpu, _ = timed(solver, tolerance)
        yield {"event": "evaluate", "limit": EVALUATION_LIMIT}
        outcome = objective.evaluate_result(**solver.get_result())
        info = solver.info or {}
        yield {
            "event": "run",
            "tolerance": tolerance,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "gap": finite(outcome["gap"]),
            "objective": finite(outcome["value"]),
            "n_nonzero": outcome.get("n_nonzero"),
            "passes": finite(info.get("n_passes")),
            "memory_mb": memory,
        }
        spent, last = spent + seconds, seconds
        if outcome["gap"] <= min(targets):
            tighter = []


def repetitions(objective, entries, limit):
    """Time chosen runs again, the solvers taking turns; each round starts with another one.

    ``entries`` are ``(key, solver, tolerance, count)``.
    """
    for solver in {id(e[1]): e[1] for e in entries}.values():
        solver._set_objective(objective)
    for turn in range(max((count for *_, count in entries), default=0)):
        shift = turn % len(entries)
        for key, solver, tolerance, count in entries[shift:] + entries[:shift]:
            if turn < count:
                yield {"event": "start", "limit": limit}
                seconds, cpu, _ = timed(solver, tolerance)
                yield {"event": "timed", "key": key, "seconds": seconds, "cpu_seconds": cpu}


def in_fork(messages):
    """Yield the dictionaries of the generator ``messages``, which runs in a forked process.

    A message with a ``limit`` gives the seconds until the next one; silence beyond it ends the
    process and yields ``{"event": "killed"}``. Without fork (Windows) the generator runs here and
    cannot be stopped.
    """
    if not hasattr(os, "fork"):
        yield from _guarded(messages)
        return
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        status = 1
        gc.freeze()  # hundreds of imported modules need not be searched for garbage again
        try:
            with os.fdopen(writer, "w", buffering=1) as out:
                for message in _guarded(messages):
                    out.write(json.dumps(message) + "\n")
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    killed = True  # also when the caller stops listening
    buffer, limit = b"", EVALUATION_LIMIT
    try:
        while True:
            ready, _, _ = select.select([reader], [], [], limit)
            if not ready:
                break
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                killed = False
                break
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                message = json.loads(line)
                limit = message.get("limit", EVALUATION_LIMIT)
                yield message
    finally:
        os.close(reader)
        if killed:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if killed:
        yield {"event": "killed"}
    elif status:
        yield {"event": "error", "note": f"the process ended with status {status}"}


def _guarded(messages):
    """A failing peer is a result, not the end of the benchmark."""
    try:
        yield from messages
    except Exception as error:
        traceback.print_exc()  # into the log
        text = " ".join(str(error).split())
        yield {"event": "error", "note": f"{type(error).__name__}: {text}"[:200]}
