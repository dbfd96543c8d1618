"""Gap against iteration on graphs: blocks without edges, forests, grown trees (the paper's figure 6)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common import bcd_data, iterations
from common.figures import main
from scipy.sparse.linalg import spsolve

import sparseopt as so
from sparseopt.solvers.bcd.message_passing import comb

BASELINES = {"general": None, "red-black": None, "random tree": None}
CYCLIC = {"selection": "cyclic", "update": "message"}


def compute(quick, seed):
    """Yield the curves."""
    count = 150 if quick else 500
    reference = not quick and seed == 0
    side = 25 if quick else 50
    A, c, row, column = bcd_data.lattice(side, side, labels=25 if quick else 100, seed=seed + 1)
    runs = [
        ("general", dict(selection="gs", update="matrix", block_size=root(c.size)), 5.7e-2),
        ("red-black", dict(partition="colour", **CYCLIC), 1.7e-8),
        ("random tree", dict(selection="random", update="message"), 1.1e-10),
        ("forest partition", dict(partition="forest", **CYCLIC), None),
        ("combs", dict(partition=comb(row, column), **CYCLIC), 2.1e-14),
        ("greedy tree", dict(selection="gs", update="message"), 1e-14),
    ]
    yield from graph_rows("D: lattice", A, c, runs, count, reference)
    A, c = bcd_data.moons(500 if quick else 2000, 25 if quick else 100, seed=seed + 1)
    runs = [
        ("general", dict(selection="gs", update="matrix", block_size=root(c.size)), 0.22),
        ("red-black", dict(partition="colour-sort", **CYCLIC), 2.8e-3),
        ("random tree", dict(selection="random", update="message"), 7e-5),
        ("forest partition", dict(partition="forest-sort", **CYCLIC), 2.4e-6),
        ("greedy tree", dict(selection="gs", update="message"), 1.1e-7),
    ]
    yield from graph_rows("E: two moons", A, c, runs, count, reference)


def root(n):
    """The cube root, whose dense systems cost about what a forest costs."""
    return int(round(n ** (1 / 3) - 1e-9))


def graph_rows(panel, A, c, runs, count, reference):
    """Yield the curves of one graph."""
    problem = so.Problem.quadratic(A, c)
    x = spsolve(A.tocsc(), c)
    best = 0.5 * x @ (A @ x) - c @ x
    for name, rules, published in runs:
        result = so.block_coordinate_descent(
            problem, max_iter=count, tol=0, track="objective", random_state=0, **rules
        )
        gap = np.asarray(result.objectives) - best
        yield iterations.row(panel, name, gap / gap[0], published if reference else None)


def verdicts(rows):
    """What greedy trees leave, beside blocks without edges and random trees."""
    return iterations.verdicts(rows, [("gap left: greedy trees", "greedy tree", tuple(BASELINES))])


def draw(rows):
    """Return the figure."""
    return {"trees": iterations.draw_panels(rows, "Label propagation on graphs")}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
