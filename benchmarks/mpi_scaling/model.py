"""What a path on spread rows sends and how long it takes: an alpha-beta model whose constants are measured or set.

A reduction of L bytes over P ranks takes ``2 log2(P) latency + 2 (1 - 1/P) L / bandwidth`` (recursive halving and
doubling). The model takes the course of a path as given: how many dual points were checked against all columns, and
how many columns were in use. `course` watches a path on one rank for these numbers.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, log2

TRIANGLE = 1 << 22  # numbers of a Gram triangle in one message


@dataclass(frozen=True)
class Machine:
    """What a rank can do, and the network between ranks.

    Attributes
    ----------
    latency : float
        Seconds for a message.
    bandwidth : float
        Bytes a second between two ranks.
    read : float
        Bytes of X a second that a rank reads.
    products : float
        Multiplications a second, each with an addition, that a rank does for the products of X with some vectors.
    flops : float
        The same for Gram matrices.
    """

    latency: float = 2e-6
    bandwidth: float = 1e10
    read: float = 1e10
    products: float = 1e10
    flops: float = 2e10


@dataclass(frozen=True)
class Course:
    """What happens along a path with squared loss.

    Attributes
    ----------
    n, p : int
        Rows of all ranks, columns.
    certified : int
        Dual points whose products with all columns were taken, alphas that were tried again included.
    rounds : int
        Readings of X for them: several at a time.
    members : int
        Columns whose Gram matrix was formed.
    arrivals : int
        Times at which columns joined.
    support_entries : int
        Sum over rounds of columns times residuals that were updated.
    inner : float
        Seconds that every rank spends without data: on the Gram matrix.
    itemsize : int
    """

    n: int
    p: int
    certified: int
    rounds: int
    members: int
    arrivals: int
    support_entries: int = 0
    inner: float = 0.0
    itemsize: int = 8


@dataclass(frozen=True)
class SmoothCourse:
    """What happens along a path with another smooth loss.

    Attributes
    ----------
    n, p, n_outputs : int
        Rows of all ranks, columns, outputs.
    certified : int
        Dual points whose products with all columns were taken.
    looks, looked : int
        Ends of steps that were looked at, and the entries whose products were taken there, all together.
    matrices : tuple of int
        Entries of every Gram matrix that was formed, when it was forgotten.
    centres : int
        Points for which the best intercept was looked for.
    by_rows : bool
        Whether features join for all classes: a Gram matrix is sent as one symmetric block for each pair of these.
    """

    n: int
    p: int
    n_outputs: int = 1
    certified: int = 0
    looks: int = 0
    looked: int = 0
    matrices: tuple = ()
    centres: int = 0
    by_rows: bool = False


def _smooth_numbers(course: SmoothCourse) -> dict:
    K, joined, sizes, blocks = course.n_outputs, sum(course.matrices), course.matrices, 1
    if course.by_rows:
        sizes, blocks = [m // K for m in sizes], K * (K - 1) // 2
    return {  # the moments of columns come first, and the products that say where the path starts
        "products": 4 * course.p + 1 + (course.certified + 1) * course.p * K + course.looked + course.looks * (K + 2)
        + (joined if K == 1 else 0),  # centres of columns
        "gram": blocks * sum(m * (m + 1) // 2 for m in sizes),
        "sums": (blocks * sum(sizes) if course.by_rows else K * joined if K > 1 else 0) + 12 * course.centres,
    }  # fmt: skip


def numbers(course) -> dict:
    """Return the numbers of eight bytes that each rank sends, by purpose."""
    if isinstance(course, SmoothCourse):
        return _smooth_numbers(course)
    m = course.members
    return {
        "products": 4 * course.p + 1 + course.certified * course.p,  # the moments of columns come first
        "gram": m * (m + 1) // 2,
        "sums": 2 * course.certified + 10,
    }


def n_bytes(course) -> int:
    """Return the bytes that each rank sends."""
    return 8 * sum(numbers(course).values())


def n_messages(course: Course) -> int:
    """Return the number of reductions and broadcasts."""
    gram = max(course.arrivals, ceil(numbers(course)["gram"] / TRIANGLE))
    return 2 * course.rounds + gram + 12


def seconds(course: Course, machine: Machine, ranks: int) -> dict:
    """Return the seconds of a fit by what they are spent on."""
    share = course.n * course.p * course.itemsize / ranks
    m, rows = course.members, course.n / ranks
    residuals = course.certified / max(course.rounds, 1)
    # several residuals are multiplied while X is read once: the slower of the two counts
    reading = (
        2 * share / machine.read  # mean and squares, then products with y
        + course.rounds * max(share / machine.read, rows * course.p * residuals / machine.products)
    )
    products = rows * (m * (m + 1) / 2 + course.support_entries) / machine.flops
    talk = 0.0
    if ranks > 1:
        talk = (
            n_messages(course) * 2.0 * log2(ranks) * machine.latency
            + 2.0 * (1.0 - 1.0 / ranks) * n_bytes(course) / machine.bandwidth
        )
    return {"reading": reading, "Gram matrices": products, "inner problem": course.inner, "messages": talk}


@contextmanager
def course():
    """Watch the path that is computed in this block; yields a dict which in the end holds the fields of `Course`."""
    import time

    from sparseopt.solvers.batch_path import BatchPath

    seen = {"certified": 0, "rounds": 0, "support_entries": 0, "inner": 0.0}
    products, solve = BatchPath._products, BatchPath.solve

    def watched(self, W):
        seen["certified"] += len(W)
        seen["rounds"] += 1
        seen["support_entries"] += int((W != 0.0).any(axis=0).sum()) * len(W)
        return products(self, W)

    def timed(self, i, start):
        self.gram.form()  # which asks all ranks
        seen["members"], seen["arrivals"] = len(self.gram), len(self.gram.formed_at)
        begin = time.perf_counter()
        try:
            return solve(self, i, start)
        finally:
            seen["inner"] += time.perf_counter() - begin

    BatchPath._products, BatchPath.solve = watched, timed
    try:
        yield seen
    finally:
        BatchPath._products, BatchPath.solve = products, solve


@contextmanager
def smooth_course():
    """The same for `SmoothCourse`."""
    from sparseopt.solvers._newton_model import OutputModel, ScalarModel
    from sparseopt.solvers._spread_newton import SpreadNewton

    seen = {"certified": 0, "looks": 0, "looked": 0, "matrices": (), "centres": 0, "by_rows": False}
    kept = [(SpreadNewton, "products"), (SpreadNewton, "_look"), (SpreadNewton, "_center")]
    kept += [(model, "extend") for model in (ScalarModel, OutputModel)]
    methods = [(owner, name, getattr(owner, name)) for owner, name in kept]

    def note(name, self, args):
        if name == "products":
            seen["certified"] += args[1] is None
        elif name == "_look":
            seen["looks"] += 1
            seen["looked"] += args[1].size
        elif name == "_center":
            seen["centres"] += 1
        else:
            before = () if self.cols.size == 0 else (self.cols.size,)
            earlier = seen["matrices"][: len(seen["matrices"]) - len(before)]
            seen["matrices"] = (*earlier, self.cols.size + args[0].size)
            seen["by_rows"] = isinstance(self, OutputModel) and self.softmax and self.rows

    def watched(name, method):
        def call(self, *args, **options):
            note(name, self, args)
            return method(self, *args, **options)

        return call

    for owner, name, method in methods:
        setattr(owner, name, watched(name, method))
    try:
        yield seen
    finally:
        for owner, name, method in methods:
            setattr(owner, name, method)
