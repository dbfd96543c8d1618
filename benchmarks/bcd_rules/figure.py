"""Gap against iteration for partitions, selections and updates: the paper's figures 4, 5, 7 to 10, 12 and 13."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common import bcd_data, iterations
from common.figures import main

import sparseopt as so

BASELINES = {
    "Random-VB": None, "Cyclic-FB": None, "order": None, "avg": None, "PG-VB random": None, "PN-VB random": None,
    "TMP-VB random": None,
}  # fmt: skip
FB, VB = {"partition": "sort"}, {"partition": "variable"}
GRADIENT = [  # name, rules, published after 500 iterations for block sizes 5, 50, 100
    ("Random-VB", dict(selection="random", **VB), (0.29, 9.6e-3, 1.7e-3)),
    ("Cyclic-FB", dict(selection="cyclic", **FB), (0.087, 2.2e-6, 2.4e-7)),
    ("Lipschitz-FB", dict(selection="lipschitz", **FB), (0.10, 2.6e-4, 5.6e-5)),
    ("GS-FB", dict(selection="gs", **FB), (2.0e-2, 3.3e-4, 1.2e-4)),
    ("GSL-FB", dict(selection="gsl", **FB), (1.1e-3, 5.7e-7, 1.3e-7)),
    ("GS-VB", dict(selection="gs", **VB), (4.6e-3, 2.8e-7, 6.8e-8)),
    ("GSL-VB", dict(selection="gsd", diag="sirt", **VB), (1.1e-3, 1.4e-9, 4e-13)),
]
MATRIX = [
    ("GS-FB", dict(selection="gs", **FB), (1.8e-2, 1.3e-6, 6e-11)),
    ("GSL-FB", dict(selection="gsl", **FB), (6.6e-4, None, None)),
    ("GSD-FB", dict(selection="gsd", **FB), (6.6e-4, None, None)),
    ("GSQ-FB", dict(selection="gsq", **FB), (3.7e-4, None, None)),
    ("GS-VB", dict(selection="gs", **VB), (4.1e-4, 1.4e-9, 4.6e-12)),
    ("GSL-VB", dict(selection="gsd", diag="sirt", **VB), (8.9e-6, None, None)),
    ("GSD-VB", dict(selection="gsd", **VB), (9.3e-9, None, None)),
]
LOGISTIC = [  # update, name, rules, published objective for block sizes 5, 50 (693 at the start)
    ("gradient", "gradient GSL-FB", dict(selection="gsl", **FB), (61, None)),
    ("gradient", "gradient GS-VB", dict(selection="gs", **VB), (78, 18)),
    ("matrix", "matrix GSD-FB", dict(selection="gsd", **FB), (52, None)),
    ("matrix", "matrix GSD-VB", dict(selection="gsd", **VB), (25, 6.5)),
    ("newton", "Newton GS-VB", dict(selection="gs", **VB), (0.83, 2e-7)),
    ("newton", "Newton GSD-FB", dict(selection="gsd", **FB), (1.14, None)),
    ("newton", "Newton GSD-VB", dict(selection="gsd", **VB), (2.2e-3, None)),
]
CLASSES = [  # the same for the multinomial data, for block sizes 5, 50, 100 (3912 at the start)
    ("gradient", "gradient GS-FB", dict(selection="gs", **FB), (3510, None, None)),
    ("gradient", "gradient GSL-FB", dict(selection="gsl", **FB), (3350, None, None)),
    ("gradient", "gradient GS-VB", dict(selection="gs", **VB), (3090, None, None)),
    ("gradient", "gradient GSL-VB", dict(selection="gsd", diag="sirt", **VB), (3000, None, None)),
    ("newton", "Newton GSD-FB", dict(selection="gsd", **FB), (1670, 0.87, None)),
    ("newton", "Newton GS-VB", dict(selection="gs", **VB), (1070, 0.049, None)),
    ("newton", "Newton GSD-VB", dict(selection="gsd", **VB), (280, 1.6e-4, 1e-8)),
]
ADAPTED = [  # figure 9, fixed blocks in order: name, update, rule, published for A, B, C with blocks of 50
    ("GSL, global", "gradient", "gsl", (2.3e4, 69, 2560)), ("GSL, adapted", "backtrack", "gsl", (4.1e3, 11.2, 26)),
    ("random, global", "gradient", "random", (None, None, None)),
    ("random, adapted", "backtrack", "random", (None, 11, None)),
]  # fmt: skip
PARTITIONS = [("order", (1.3e5, 7.1e4, 2.2e4)), ("avg", (6.0e4, 3.2e3, 2.7e2)), ("sort", (8.4e3, 90, 4.5))]
BOUNDED = [("PG", "prox-gradient"), ("PN", "prox-newton"), ("TMP", "tmp")]


def compute(quick, seed):
    """Yield the curves."""
    size, sizes = ((300, 3000), (5, 50)) if quick else ((1000, 10000), (5, 50, 100))
    count = 70 if quick else 500
    X, y, w = bcd_data.dataset_a(*size, seed=seed + 1)
    least = so.Problem(X, y, penalty=so.penalties.Box(), fit_intercept=False)
    reference = not quick and seed == 0  # published values are those of the full data
    for update, rules in (("gradient", GRADIENT), ("matrix", MATRIX)):
        for k, tau in enumerate(sizes):
            for name, rule, published in rules:
                f = trace(least, count, update=update, block_size=tau, **rule)
                value = published[k] if reference else None
                yield iterations.row(f"A: {update}, blocks of {tau}", name, f / f[0], value)
    for k, tau in enumerate((5, 20, 50)):
        if quick and tau not in sizes:
            continue
        for partition, published in PARTITIONS:
            f = trace(least, count, partition=partition, selection="gsl", update="gradient", block_size=tau)
            value = published[k] / (f[0] * size[0]) if reference else None
            yield iterations.row(f"A: partitions, GSL, blocks of {tau}", partition, f / f[0], value)
    logistic = so.Problem(X, bcd_data.dataset_b(X, w), "logistic", so.penalties.Box(), fit_intercept=False)
    for k, tau in enumerate((5, 50)):
        for update, name, rule, published in LOGISTIC:
            f = trace(logistic, count, update=update, block_size=tau, **rule)
            value = published[k] / 693.15 if reference and published[k] is not None else None
            yield iterations.row(f"B: logistic, blocks of {tau}", name, f / f[0], value)
    classes = bcd_data.dataset_c(*((200, 100, 10) if quick else (1000, 1000, 50)), seed=seed)
    softmax = so.Problem(*classes, "multinomial", so.penalties.Box(), fit_intercept=False)
    for k, tau in enumerate(sizes):
        for update, name, rule, published in CLASSES:
            f = trace(softmax, count, update=update, block_size=tau, **rule)
            value = published[k] / 3912.0 if reference and published[k] is not None else None
            yield iterations.row(f"C: multinomial, blocks of {tau}", name, f / f[0], value)
    problems = {"A": least, "B": logistic, "C": softmax}
    yield from adapted_rows(problems, (50,) if quick else (5, 20, 50), count, reference)
    yield from bounded_rows(X, y, sizes, count)


def adapted_rows(problems, sizes, count, reference):
    """Yield figure 9: Lipschitz constants of the blocks, known or learnt."""
    for which, (letter, problem) in enumerate(problems.items()):
        for tau in sizes:
            for name, update, selection, published in ADAPTED:
                f = trace(problem, count, partition="order", selection=selection, update=update, block_size=tau)
                shown = reference and tau == 50 and published[which] is not None
                value = published[which] / (f[0] * problem.design.n_samples) if shown else None
                yield iterations.row(f"Constants: {letter}, blocks of {tau}", name, f / f[0], value)


def bounded_rows(X, y, sizes, count):
    """Yield the non-negative problem: greedy and random blocks, three updates."""
    problem = so.Problem(X, y, penalty=so.penalties.L1(50.0, positive=True), fit_intercept=False)
    best = so.block_coordinate_descent(problem, block_size=200, update="prox-newton", max_iter=60, tol=0).objective
    for tau in sizes:
        for name, update in BOUNDED:
            for tail, rule in (
                ("VB", dict(selection="gsd-q", **VB)), ("FB", dict(selection="gs-q", **FB)),
                ("VB random", dict(selection="random", **VB)),
            ):  # fmt: skip
                f = trace(problem, count, update=update, block_size=tau, **rule) - best
                yield iterations.row(f"A, non-negative: blocks of {tau}", f"{name}-{tail}", f / f[0])


def trace(problem, count, **rules):
    """Return the objective before the first and after every iteration."""
    return np.asarray(
        so.block_coordinate_descent(
            problem, max_iter=count, tol=0, track="objective", random_state=0, **rules
        ).objectives
    )


def verdicts(rows):
    """What greedy variable blocks leave, beside the rules that people use."""
    return iterations.verdicts(rows, [
        ("objective left, gradient updates: GSL, variable blocks", "GSL-VB", ("Random-VB", "Cyclic-FB")),
        ("objective left, matrix updates: GSD, variable blocks", "GSD-VB", ("GS-FB", "GSL-FB")),
        ("objective left, fixed partition: sorted", "sort", ("order", "avg")),
        ("loss left, Newton: GSD, variable blocks", "Newton GSD-VB", ("gradient GSL-FB",)),
        ("gap left, non-negative, two-metric: greedy blocks", "TMP-VB", ("PG-VB random", "TMP-VB random")),
    ])  # fmt: skip


def draw(rows):
    """Return the figures."""
    titles = {
        "gradient": ("A: gradient", "Least squares, gradient updates"),
        "matrix": ("A: matrix", "Least squares, matrix updates"),
        "partitions": ("A: partitions", "Least squares, fixed partitions"),
        "logistic": ("B: logistic", "Logistic regression, three updates"),
        "multinomial": ("C: multinomial", "Multinomial regression, two updates"),
        "constants_a": ("Constants: A", "Least squares: constants of blocks, known or learnt"),
        "constants_b": ("Constants: B", "Logistic regression: constants of blocks, known or learnt"),
        "constants_c": ("Constants: C", "Multinomial regression: constants of blocks, known or learnt"),
        "nonnegative": ("A, non-negative", "Non-negative least squares: identification"),
    }
    return {
        name: iterations.draw_panels([r for r in rows if r["problem"].startswith(start)], title)
        for name, (start, title) in titles.items()
    }


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
