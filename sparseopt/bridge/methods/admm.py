"""The alternating direction method of multipliers on the support, with a penalty that grows until it stands."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from ..patterns import Pattern
from ..problem import LayerProblem
from ._found import Found, Settings, refit

EVERY = 3  # iterations between changes of rho
SINGLE = 5e7  # multiplications of half an iteration from which they are made in float32: a support needs no more digits
STEPS = ((0.1, 1.3), (0.005, 1.2), (0.0, 1.1))  # (share of the support that changed, factor of rho)


def admm(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Split the fit from the pattern; rho grows slowly while the support still changes, then the support is refitted.

    minimise f(Z) subject to Z = D, D in the pattern (Meng, Behdin, Wang, Mazumder, "ALPS", NeurIPS 2024), with inputs
    of unit size. It ends when the support stands still.
    """
    unit = problem.unit
    kind = np.float32 if unit.B.size * len(unit.G) >= SINGLE else np.float64
    values, Q, B, start = (array.astype(kind, copy=False) for array in (*linalg.eigh(unit.G), unit.B, unit.free))
    mask = first = pattern.mask(np.square(start), k)
    rho, grown = 0.1, False
    D, V = np.where(mask, start, 0.0), np.zeros_like(start)
    support, converged = mask, False
    most = settings.max_iter or 300
    it = 0
    while it < most and not converged:
        Z = (((B - V + rho * D) @ Q) / (values + rho)) @ Q.T
        T = Z + V / rho
        mask = pattern.mask(np.square(T), k)
        D = np.where(mask, T, 0.0)
        V += rho * (Z - D)
        it += 1
        if it % EVERY:
            continue
        changed = int(np.sum(mask != support)) / max(1, int(mask.sum()))
        support = mask
        if changed > STEPS[-1][0] and (grown or changed > STEPS[1][0]):
            rho *= next(factor for share, factor in STEPS if changed > share)
            grown = True
        elif grown:
            converged = True
        else:  # rho is so large that nothing moves: start again with less
            rho /= 5.0
            D, V, support = np.where(first, start, 0.0), np.zeros_like(start), first
            converged = rho < 1e-6
    found = Found(refit(problem, mask, settings.n_threads), mask, it, converged)
    if problem.objective(found.weight) <= unit.objective(np.where(first, unit.free, 0.0)):
        return found
    # inputs that hardly depend on each other: the dual variables led away from what was right at the start
    return Found(refit(problem, first, settings.n_threads), first, it, converged)
