"""What ranks run: ``rank.py machine MB SECONDS``, ``path N P EPS REPEATS`` or ``counts LOSS PENALTY N P N_ALPHAS``.

The first rank prints JSON.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import model
import psutil
from mpi4py import MPI

import sparseopt as so
from sparseopt.designs import as_design
from sparseopt.mpi import MpiRanks, RowDesign

COMM = MPI.COMM_WORLD
BLOCKS = 8  # of rows: the data are the same for any number of ranks up to this


def rate(work, amount, seconds):
    """Amount of work a second on all ranks together, all working at the same time."""
    work()
    COMM.Barrier()
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        work()
        done += 1
    return float(sum(COMM.allgather(done * amount / (time.perf_counter() - begin))))


def each(work, count):
    """Seconds of one of so many calls that all ranks make together."""
    work()
    COMM.Barrier()
    begin = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - begin) / count


def machine(megabytes, seconds):
    """How fast ranks read, multiply and talk."""
    n = int(float(megabytes) * 1e6 / 8 / 500 / COMM.size)
    X = np.ones((n, 500), order="F")
    columns, r, R = as_design(X).columns(), np.ones(n), np.ones((n, 20), order="F")
    seconds = float(seconds)
    A = np.random.default_rng(0).standard_normal((600, 600))
    one, many = np.ones(1), np.ones(1_000_000)
    got_one, got_many = np.empty(1), np.empty(1_000_000)
    return dict(
        gb_per_second=rate(lambda: columns.rmatvec(r), X.nbytes, seconds) / 1e9,
        gb_per_second_20=rate(lambda: columns.rmatmat(R), X.nbytes, seconds) / 1e9,
        gigaflops=rate(lambda: A @ A, 2 * 600**3, seconds) / 1e9,
        latency=each(lambda: COMM.Allreduce(one, got_one), 2000),
        reduce_gb_per_second=8e-3 / each(lambda: COMM.Allreduce(many, got_many), 20),
    )


def data(n, p):
    """Rows of this rank: the blocks of rows that fall to it."""
    mine = np.array_split(np.arange(BLOCKS), COMM.size)[COMM.rank]
    height = n // BLOCKS
    X, y = np.empty((height * len(mine), p), order="F"), np.empty(height * len(mine))
    w = np.zeros(p)
    w[:: max(1, p // 60)] = np.random.default_rng(0).standard_normal(len(w[:: max(1, p // 60)]))
    for k, block in enumerate(mine):
        rng = np.random.default_rng([1, block])
        rows = slice(k * height, (k + 1) * height)
        X[rows] = rng.standard_normal((height, p), dtype=np.float32)
        y[rows] = X[rows] @ w + 3.0 * rng.standard_normal(height)
    return X, y


def path(n, p, eps, repeats):
    """Fit a path of 100 alphas; return the best time, and what was sent."""
    n, p = int(n), int(p)
    X, y = data(n, p)
    process = psutil.Process()
    seconds, cpu = [], []
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making the data
    resident = peak(process)
    for _ in range(int(repeats)):
        ranks = MpiRanks(COMM)
        with model.course() as seen:
            COMM.Barrier()
            begin, begin_cpu = time.perf_counter(), time.process_time()
            found = so.solution_path(RowDesign(X, ranks), y, eps=float(eps), n_threads=1)
            cpu.append(max(COMM.allgather(time.process_time() - begin_cpu)))
            seconds.append(max(COMM.allgather(time.perf_counter() - begin)))
    course = model.Course(BLOCKS * (n // BLOCKS), p, **seen)
    extra = max(COMM.allgather(peak(process) - resident))
    return dict(
        seconds=min(seconds), cpu_seconds=min(cpu), gb=sum(COMM.allgather(X.nbytes)) / 1e9, extra_mb=extra / 1e6,
        passes=found.n_passes, certificate=float(np.max(found.gaps) / found.null_objective),
        support=int(np.count_nonzero(found.coefs[-1])), sent_mb=ranks.traffic.n_bytes / 1e6,
        model_mb=model.n_bytes(course) / 1e6, messages=ranks.traffic.n_messages,
        model_messages=model.n_messages(course), **seen,
    )  # fmt: skip


PENALTIES = {
    "L1": so.penalties.L1(), "elastic net": so.penalties.ElasticNet(l1_ratio=0.5),
    "groups of five": so.penalties.Group(groups=5), "rows": so.penalties.RowGroup(),
}  # fmt: skip


def target(loss, y):
    """What the loss takes, of the numbers of `data`: classes by the sign or in thirds, counts of a few."""
    if loss == "multinomial":
        return np.digitize(y, [-3.5, 3.5])
    return {"logistic": np.sign(y), "poisson": np.round(np.exp(y / 8.0))}.get(loss, y)


def counts(loss, penalty, n, p, n_alphas):
    """Count what a path sends, in lengths of the coefficients for an alpha, and what the model says of it."""
    n, p, n_alphas = int(n), int(p), int(n_alphas)
    X, y = data(n, p)
    ranks, smooth = MpiRanks(COMM), loss != "squared"
    with model.smooth_course() if smooth else contextlib.nullcontext() as seen:
        found = so.solution_path(RowDesign(X, ranks), target(loss, y), loss=loss, penalty=PENALTIES[penalty],
                                 n_alphas=n_alphas, n_threads=1)  # fmt: skip
    size, traffic = found.coefs[-1].size, ranks.traffic
    row = dict(
        support=int(np.count_nonzero(found.coefs[-1])), certificate=float(np.max(found.gaps) / found.null_objective),
        reductions=traffic.reductions(size) / n_alphas, gram=traffic.reductions(size, "gram") / n_alphas,
        lengths=traffic.n_bytes / (8 * size * n_alphas), messages=traffic.n_messages / n_alphas,
        sent_mb=traffic.n_bytes / 1e6,
    )  # fmt: skip
    if smooth:
        course = model.SmoothCourse(BLOCKS * (n // BLOCKS), p, n_outputs=size // p, **seen)
        row["model_mb"] = model.n_bytes(course) / 1e6
    return row


def peak(process):
    """Largest resident memory so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    return process.memory_info().rss


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = {"machine": machine, "path": path, "counts": counts}[sys.argv[1]](*sys.argv[2:])
    if COMM.rank == 0:
        print(json.dumps(found))
