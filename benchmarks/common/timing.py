"""Timing for the topics whose results are judged by the objective they reach instead of a gap."""

import os
import time
import warnings
from importlib.util import find_spec

PEERS_VARIABLE = "SPARSEOPT_BENCH_PEERS"  # "no": of other packages, only those that sparseopt needs itself
ALWAYS = ("sparseopt", "sklearn", "scipy", "numpy")


def in_turns(solvers, problem, repeats):
    """Run solvers on a problem, taking turns; {name: (what the last run returned, row)}.

    A solver is a function of the problem; the first round warms up, and its times do not count. The row has the best
    seconds and CPU seconds.
    """
    found = {}
    for turn in range(repeats + 1):
        for name, solve in solvers.items():
            wall, cpu = time.perf_counter(), time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = solve(problem)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            _, best = found.get(name, (None, dict(seconds=float("inf"), cpu_seconds=float("inf"))))
            if turn:
                best = dict(seconds=min(wall, best["seconds"]), cpu_seconds=min(cpu, best["cpu_seconds"]))
            found[name] = (result, best)
    return found


def importable(solvers):
    """Keep the solvers whose package can be imported; values are (module, function)."""
    limited = os.environ.get(PEERS_VARIABLE) == "no"
    return {
        name: solve
        for name, (module, solve) in solvers.items()
        if find_spec(module) and (module in ALWAYS or not limited)
    }
