"""Timing for the figures whose results are judged by the objective they reach instead of a gap."""

import time
import warnings


def in_turns(solvers, problem, repeats):
    """Run solvers on a problem, taking turns; {name: (coefficients, best seconds, best CPU seconds)}.

    A solver is a function of the problem; the first round warms up, and its times do not count.
    """
    found = {}
    for turn in range(repeats + 1):
        for name, solve in solvers.items():
            wall, cpu = time.perf_counter(), time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                coef = solve(problem)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if turn:
                _, best_wall, best_cpu = found[name]
                found[name] = (coef, min(wall, best_wall), min(cpu, best_cpu))
            else:
                found[name] = (coef, float("inf"), float("inf"))
    return found


def importable(solvers):
    """Keep the solvers whose package can be imported; values are (module, function)."""
    from importlib.util import find_spec

    return {name: solve for name, (module, solve) in solvers.items() if find_spec(module)}
