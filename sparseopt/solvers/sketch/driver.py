"""Which solver, which sketch; the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ...exceptions import InvalidProblemError
from .certificate import Certificate, Judge
from .direct import corrected_normal_equations, lapack
from .iterate import certified_steps, conjugate_gradients, heavy_ball, inner_heavy_ball, refine
from .kinds import default_nonzeros
from .preconditioner import SINGLE_UNIT, UNIT, Preconditioner
from .size import power_of_two, sketch_size

SMALL = 100_000  # entries of X below which nothing beats LAPACK
CSNE_UP_TO = {"statistical": 400, "machine": 2500}  # columns; see benchmarks/sketch_speed
TALL = 32  # rows a column from which sketches beat products in float32
STEPS_FROM, STEPS_SIZE = 256, 8192  # columns from which rows of a sketch cost less than the reads that they save


@dataclass(frozen=True)
class LeastSquaresResult:
    """A least-squares solution with its certificates.

    Attributes
    ----------
    x : ndarray of shape (p,) or (p, k)
    bound : ndarray of the shape of x
        Bounds of the distances to the exact coefficients.
    stderr : ndarray of the shape of x
        Standard errors of ordinary least squares.
    backward_error : float or ndarray of shape (k,)
    gap : float or ndarray of shape (k,)
        Excess of the objective at most.
    sketched, half_width : ndarray of the shape of x
        The solution of the sketched problem, and the unit of its t-intervals; None without a sketch.
    degrees : int
        Degrees of freedom of the intervals.
    rank : int
    cond : float
        Estimated condition number of the columns, scaled to length one.
    n_iter : int
    n_passes : int
        How many times all of X was read.
    sketch_size : int
        0 without a sketch.
    solver : str
    converged : bool
    factor : Preconditioner
    shift, spread : ndarray
        See Certificate.
    """

    x: NDArray[np.float64]
    bound: NDArray[np.float64]
    stderr: NDArray[np.float64]
    backward_error: NDArray[np.float64]
    gap: NDArray[np.float64]
    rank: int
    cond: float
    n_iter: int
    n_passes: int
    solver: str
    converged: bool
    sketch_size: int = 0
    degrees: int = 0
    sketched: NDArray[np.float64] | None = field(default=None, repr=False)
    half_width: NDArray[np.float64] | None = field(default=None, repr=False)
    factor: Preconditioner | None = field(default=None, repr=False)
    shift: NDArray[np.float64] | None = field(default=None, repr=False)
    spread: NDArray[np.float64] | None = field(default=None, repr=False)


def solve_rows(rows, *, solver="auto", tol="machine", sketch="blocksum", m="auto", eps=0.5, delta=0.01, seed=0,
               max_iter=100, row_signs=True):  # fmt: skip
    """Solve a least-squares problem given as `Rows`; see `lstsq_sketched` for the options."""
    asked, (kind, m) = m, _sketch_for(rows, solver, sketch, m, eps, delta)
    n, p = rows.n, rows.p
    if solver != "csne" and (m is None or (solver == "auto" and (n < 4 * p or n * p < SMALL))):
        solver = "lapack"
    if rows.comm is not None and solver == "lapack":
        solver = "csne"
    if solver == "auto":
        solver = _choose(rows, tol)
    if asked == "auto" and solver == "heavy_ball" and tol != "machine" and kind == "blocksum" and p >= STEPS_FROM:
        while m < STEPS_SIZE and 16 * m <= n:
            m *= 2
    if solver == "csne":
        found = corrected_normal_equations(rows, tol, max_iter)
        if found is not None:
            return _result(rows, "csne", *found)
        if rows.comm is not None and m is None:
            raise InvalidProblemError("the columns are too dependent for normal equations, the rows too few to sketch")
        solver = "lapack" if m is None else "spir"
    if solver == "lapack":
        return _result(rows, "lapack", *lapack(rows, tol))
    return _sketched(rows, solver, tol, kind, m, delta, seed, max_iter, row_signs)


def _sketch_for(rows, solver, kind, m, eps, delta):
    """Return the kind and size of the sketch; size None where sketching cannot pay."""
    n, p = rows.n, rows.p
    alone = solver == "sketch_solve"
    if rows.is_sparse and kind == "blocksum":
        kind = "sjlt"  # Hadamard matrices would fill it
    if m == "auto" or m is None:
        if alone:
            m = sketch_size(p, eps, delta, rows.k, kind)
        else:
            m = max(256, power_of_two(8 * p))
            while 4 * m > n and m >= 8 * p and m > 256:
                m //= 2
    else:
        if m < p + 2:
            raise InvalidProblemError(f"m must be at least {p + 2}, two more than there are coefficients, got {m}")
        m = power_of_two(m) if kind == "blocksum" else int(m)
    if kind == "sjlt":
        s = default_nonzeros(kind, m, p, delta, coordinates=alone)
        m = -(-m // s) * s
    return kind, (None if (4 if alone else 2) * m > n or n <= p else m)


def _choose(rows, tol):
    """Return the fastest solver for data of this shape."""
    if rows.is_sparse:
        return "spir"
    limit = CSNE_UP_TO["statistical" if tol == "statistical" and rows.n >= TALL * rows.p else "machine"]
    if rows.p <= limit:
        return "csne"
    return "heavy_ball" if tol == "statistical" else "spir"


def _sketched(rows, solver, tol, kind, m, delta, seed, max_iter, row_signs):
    p, k = rows.p, rows.k
    alone = solver == "sketch_solve"
    s = default_nonzeros(kind, m, p, delta, coordinates=alone) if kind in ("sjlt", "countsketch") else 1
    rho = sqrt(p / m) + sqrt(2 * log(2 / delta) / m)
    steps = solver == "heavy_ball" and tol != "machine" and rho < 0.9
    found = None
    if steps and kind == "blocksum" and row_signs:
        both = rows.single_sketch(m, seed)
        found = None if both is None else Preconditioner.of_single_sketch(*both, rows.ridge)
    single = found is not None
    if found is None:
        SM = rows.sketch(kind, m, seed, s, row_signs)
        found = Preconditioner.of_sketch(SM[:, :p], SM[:, p:], rows.ridge, 2 * rho + rho**2)
    P, x, rss = found
    if single:
        rho += P.distortion  # of rounding
        P.distortion = 2 * rho + rho**2
    P.rho, P.sketched = rho, m
    if rows.comm is not None:  # ranks must not differ by rounding
        P, x, rss = rows.comm.bcast((P, x, rss) if rows.comm.Get_rank() == 0 else None)
    finite = max(0.0, (rows.n - m) / (rows.n - p)) if kind in ("blocksum", "srht") else 1.0
    unit = np.sqrt(finite * rss / (m - P.rank))
    width = unit * P.row_norms()[:, None]
    judge = Judge(rows, P, tol, inflation=sqrt(max(m - p - 1, 1) / m), delta=delta)
    sketched = x
    if alone:
        estimate = rss / max(1.0 - P.rank / m, 1e-3)
        nan = np.full(k, np.nan)
        one, every = (stats.t.ppf(1.0 - delta / (2 * count), m - P.rank) for count in (1, p * k))
        bound = every * width if P.rank == p else np.full((p, k), np.inf)
        certificate = Certificate(bound, judge.stderr(estimate), nan, nan, np.zeros((p, k)), one * unit)
        converged, n_iter = True, 1
    else:
        if steps and P.rank == p:
            noise = (SINGLE_UNIT if single else UNIT) * judge.size(x)
            law = kind in ("blocksum", "srht", "gaussian") and bool(np.all(noise <= 0.01 * np.sqrt(rss)))
            x, certificate, converged, n_iter = certified_steps(rows, P, judge, x, law, max_iter)
        elif solver == "heavy_ball":
            x, certificate, converged, n_iter = heavy_ball(rows, P, judge, x, min(p / m, 0.5), max_iter)
        else:
            inner = inner_heavy_ball if solver == "fossils" else conjugate_gradients
            x, certificate, converged, n_iter = refine(rows, P, judge, x, inner, min(p / m, 0.5), max_iter)
    x = P.shorten(x, rows.d)
    return _result(
        rows, solver, P, x, certificate, converged, n_iter, sketched=sketched, half_width=width, degrees=m - P.rank,
        sketch_size=m,
    )  # fmt: skip


def _result(rows, solver, P, x, certificate, converged, n_iter, **more):
    return LeastSquaresResult(
        x, certificate.bound, certificate.stderr, certificate.backward_error, certificate.gap, P.rank, P.cond,
        max(n_iter, 1), rows.n_passes, solver, converged, factor=P, shift=certificate.shift, spread=certificate.spread,
        **more,
    )  # fmt: skip
