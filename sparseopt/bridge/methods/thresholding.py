"""Methods that alternate small steps of the fit with a return to the pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..._ext._prune_rows import threshold_rows
from ..._threads import serial_blas
from ..patterns import Pattern
from ..problem import LayerProblem
from ._found import Found, Settings, refit

STAGES = 16  # of `bcd`, from the dense layer to the wanted number of weights


def iht(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Iterative hard thresholding: gradient steps of length 1/L, each followed by the projection, then a refit."""
    unit = problem.unit
    step = 1.0 / _largest_eigenvalue(unit.G)
    mask = first = pattern.mask(np.square(unit.free), k)
    V = refit(problem, mask, settings.n_threads) * problem.scale
    converged, it = False, 0
    for it in range(1, (settings.max_iter or 200) + 1):
        T = V - step * (V @ unit.G - unit.B)
        new = pattern.mask(np.square(T), k)
        V = np.where(new, T, 0.0)
        converged = bool(np.array_equal(new, mask)) and it > 1
        mask = new
        if converged:
            break
    return _better(problem, mask, first, it, converged, settings)


def srste(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Straight-through gradient steps on dense weights, whose pruned part decays (SR-STE; Zhou et al., ICLR 2021).

    The gradient is taken at the projection. With inputs of unit size the decay is 1/2; without it masks never settle.
    """
    unit, decay = problem.unit, 0.5
    step = 1.0 / (_largest_eigenvalue(unit.G) + decay)
    A = np.array(unit.free)
    mask = first = pattern.mask(np.square(A), k)
    still, it, most = 0, 0, settings.max_iter or 500
    while it < most and still < 25:
        A -= step * (np.where(mask, A, 0.0) @ unit.G - unit.B + np.where(mask, 0.0, decay * A))
        new = pattern.mask(np.square(A), k)
        still = still + 1 if np.array_equal(new, mask) else 0
        mask = new
        it += 1
    return _better(problem, mask, first, it, still >= 25, settings)


def bcd(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Coordinate descent with hard thresholds that rise in stages until about k weights are left, then a refit."""
    unit = problem.unit
    V, Q = np.array(unit.free), np.zeros(problem.shape)
    if unit.asymmetric:
        Q = np.ascontiguousarray(unit.B - V @ unit.G)
    G, size = np.ascontiguousarray(unit.G), V.size
    tol = 1e-6 * unit.at_zero / size
    total, converged = 0, True
    for stage in range(1, STAGES + 1):
        count = round(size * (k / size) ** (stage / STAGES))
        values = np.square(V + Q).ravel()
        lam = float(np.partition(values, size - count)[size - count]) if count < size else 0.0
        with serial_blas():
            sweeps = threshold_rows(G, lam, V, Q, tol, settings.max_iter or 100, settings.n_threads)
        total += sweeps
        converged = sweeps < (settings.max_iter or 100)
    mask = pattern.mask(np.square(V + Q), k)
    first = pattern.mask(np.square(unit.free), k)
    return _better(problem, mask, first, total, converged, settings)


def _largest_eigenvalue(G: NDArray) -> float:
    n = len(G)
    return float(linalg.eigvalsh(G, subset_by_index=[n - 1, n - 1])[0])


def _better(problem: LayerProblem, mask, first, n_iter, converged, settings) -> Found:
    """Refit the support that was found and the one it came from, and return the better."""
    found = Found(refit(problem, mask, settings.n_threads), mask, n_iter, converged)
    if np.array_equal(mask, first):
        return found
    start = Found(refit(problem, first, settings.n_threads), first, n_iter, converged)
    return found if problem.objective(found.weight) <= problem.objective(start.weight) else start
