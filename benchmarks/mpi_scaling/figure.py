"""Paths on several MPI ranks: time, memory and traffic counted, and what a model says of many more ranks.

Every rank has one thread. Rows of kind "machine" tell how fast this machine's cores read memory, multiply and talk,
alone and together: the constants of the model (`model.py`), but for the network of a cluster, which is set.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[0]))

import model  # noqa: E402
from common.figures import COLOURS, INK, main, verdict  # noqa: E402

SIZES = {"2 GB, n > p": (50_000, 5_000, 1e-2), "2 GB, n < p": (12_500, 20_000, 5e-2)}
QUICK = {"small": (2_000, 500, 1e-2)}
NETWORK = dict(latency=2e-6, bandwidth=1e10)  # of a cluster: what this machine cannot tell
COURSE = ("certified", "rounds", "members", "arrivals", "support_entries", "inner")
COUNTED = [
    ("squared", "L1"), ("squared", "elastic net"), ("squared", "groups of five"),
    ("logistic", "L1"), ("logistic", "elastic net"), ("logistic", "groups of five"),
    ("multinomial", "L1"), ("multinomial", "rows"), ("multinomial", "groups of five"),
    ("poisson", "L1"), ("poisson", "groups of five"), ("huber", "L1"), ("huber", "groups of five"),
]  # fmt: skip
FAR = [4**k for k in range(9)] + [100_000]


def mpiexec():
    """The mpiexec beside this Python, or on the path; None without MPI."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    return found if find_spec("mpi4py") and find_spec("psutil") else None


def measure(ranks, *job):
    """What rank 0 of so many ranks prints about a job."""
    package = str(Path(find_spec("sparseopt").origin).parents[1])
    variables = dict(
        PYTHONPATH=package, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MPIR_CVAR_POLLS_BEFORE_YIELD="10",
        OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", PRTE_MCA_hwloc_default_binding_policy="none",
        PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe",
    )  # fmt: skip
    command = [mpiexec(), "-n", str(ranks), sys.executable, "-m", "mpi4py", str(HERE / "rank.py"), *map(str, job)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-500:])
    return json.loads(done.stdout)


def machine(facts, ranks=1, **network):
    """The constants of the model, from what so many ranks measured together."""
    network = network or dict(latency=facts["latency"], bandwidth=facts["reduce_gb_per_second"] * 1e9)
    return model.Machine(read=facts["gb_per_second"] * 1e9 / ranks, products=facts["gb_per_second_20"] * 2.5e9 / ranks,
                         flops=facts["gigaflops"] * 5e8 / ranks, **network)  # fmt: skip


def modelled(row, facts):
    """Seconds that the model says a measured path takes."""
    course = model.Course(row["n"], row["p"], **{field: row[field] for field in COURSE})
    return sum(model.seconds(course, machine(facts, row["ranks"]), row["ranks"]).values())


def name(ranks):
    return f"{ranks} rank{'s' if ranks > 1 else ''}"


def compute(quick=False, seed=0):
    """Yield rows: the machine, paths on one and two ranks, traffic on up to eight, and predictions."""
    if mpiexec() is None:
        yield dict(problem="no MPI here: pip install 'sparseopt[mpi]' psutil", solver="sparseopt", kind="absent")
        return
    facts = {}
    for ranks in (1, 2):
        facts[ranks] = measure(ranks, "machine", *((40, 0.1) if quick else (800, 2.0)))
        yield dict(problem="machine", solver=name(ranks), kind="machine", ranks=ranks, **facts[ranks])
    for problem, (n, p, eps) in (QUICK if quick else SIZES).items():
        alone = None
        for ranks in (1, 2):
            row = measure(ranks, "path", n, p, eps, 1 if quick else 3)
            alone = alone or row
            row = dict(problem=problem, solver=name(ranks), kind="path", ranks=ranks, n=n, p=p, **row,
                       speedup=alone["seconds"] / row["seconds"], cpu_speedup=alone["cpu_seconds"] / row["cpu_seconds"])
            yield row | dict(model_seconds=modelled(row, facts[ranks]))
    for _, run in pieces(quick, seed):
        yield from run()
    yield from predictions(facts[1])


def pieces(quick=False, seed=0):
    """Yield (name, function that returns rows) for what is counted: squared loss on up to eight ranks, all on two."""
    for ranks in (2,) if quick else (1, 2, 3, 4, 6, 8):
        yield f"traffic on {ranks}", partial(traffic, ranks)
    for loss, penalty in COUNTED[:1] if quick else COUNTED:
        for n, p in ((200, 300),) if quick else ((400, 1_000),):
            yield f"counts {loss}, {penalty}, {n} x {p}", partial(counts, loss, penalty, n, p, 10 if quick else 100)


def traffic(ranks):
    """What a path with squared loss sends on so many ranks."""
    row = measure(ranks, "path", 1_600, 1_200, 1e-2, 1)
    row = {key: row[key] for key in ("sent_mb", "model_mb", "messages", "model_messages", "certified", "members")}
    return [dict(problem="1,600 x 1,200", solver=name(ranks), kind="traffic", ranks=ranks, **row)]


def counts(loss, penalty, n, p, n_alphas):
    """What a path with any loss sends."""
    row = measure(2, "counts", loss, penalty, n, p, n_alphas)
    return [dict(problem=f"{n:,} x {p:,}", solver=f"{loss}, {penalty}", kind="counts", loss=loss, penalty=penalty, n=n,
                 p=p, n_alphas=n_alphas, **row)]  # fmt: skip


def predictions(one):
    """Yield what the model says of a terabyte, and of as much as ten gigabytes a rank."""
    cluster = machine(one, **NETWORK)
    for ranks in FAR:
        for scaling, n in (("strong", 12_500_000), ("weak", 125_000 * ranks)):
            course = model.Course(n, 10_000, certified=130, rounds=7, members=1_000, arrivals=7,
                                  support_entries=130 * 400, inner=0.5)  # fmt: skip
            parts = model.seconds(course, cluster, ranks)
            yield dict(problem=f"predicted, {scaling} scaling", solver=name(ranks), kind="model", ranks=ranks,
                       predicted_seconds=sum(parts.values()), parts=list(parts), seconds_of_parts=list(parts.values()),
                       sent_mb=model.n_bytes(course) / 1e6)  # fmt: skip


def verdicts(rows):
    """Two ranks against one, and bytes against the model."""
    found = []
    times = {(row["problem"], row["ranks"]): row["seconds"] for row in rows if row["kind"] == "path"}
    for problem in dict.fromkeys(problem for problem, _ in times):
        two, one = times[problem, 2], times[problem, 1]
        found.append(verdict(f"path on two ranks, {problem}", two, one, "1 rank", timing=True))
    most = [row["reductions"] for row in rows if row["kind"] == "counts" and row["n_alphas"] == 100]
    if most:
        found.append(verdict("reductions for an alpha, at most", max(most), 6.0, "the bound", problems=len(most)))
    off = [abs(row["model_mb"] / row["sent_mb"] - 1.0) for row in rows if "model_mb" in row]
    if off:
        worst = max(off)
        found.append(verdict("share of bytes the model is off, at most", worst, 0.05, "the bound", problems=len(off)))
    return found


def draw(rows):
    """Return the pictures: predicted strong and weak scaling."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if row["kind"] == "model"]
    if not rows:
        return {}
    figure = Figure(figsize=(9.6, 3.8))
    for axes, scaling in zip(figure.subplots(1, 2), ("strong", "weak"), strict=True):
        some = [row for row in rows if row["problem"] == f"predicted, {scaling} scaling"]
        ranks = [row["ranks"] for row in some]
        for k, part in enumerate(some[0]["parts"]):
            seconds = [row["seconds_of_parts"][k] or float("nan") for row in some]  # a single rank sends nothing
            axes.plot(ranks, seconds, color=COLOURS[k + 1], marker=".", label=part)
        axes.plot(ranks, [row["predicted_seconds"] for row in some], color=INK, lw=2, label="together")
        axes.set(xscale="log", yscale="log", xlabel="ranks", ylabel="predicted seconds", title=f"{scaling} scaling")
        axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(0.02, 0.32))
    figure.tight_layout()
    return {"mpi_scaling": figure}


if __name__ == "__main__":
    main(compute, draw, verdicts, __doc__)
