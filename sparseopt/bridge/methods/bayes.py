"""Turbo-VBI: the posterior of every weight to be needed, under a prior that knows which weights go together."""

from __future__ import annotations

import numpy as np

from ...solvers.turbo_vbi import solve_gram
from ...solvers.turbo_vbi.supports import ChainSupport, GridSupport, GroupSupport, IIDSupport, Support
from ..patterns import Cluster, Grouped, Pattern
from ..problem import LayerProblem
from ._found import Found, Settings, refit

NOISE = 0.03  # of the mean square of the weights; larger: the prior counts for more


def turbo_vbi(problem: LayerProblem, pattern: Pattern, k: int, settings: Settings) -> Found:
    """Keep the weights with the largest posterior log-odds, then refit.

    The prior is a lattice over images ("cluster:28x28"), a chain along rows ("cluster"), groups ("neuron", "block"), or
    independent weights.
    """
    unit = problem.unit
    noise = NOISE * float(np.mean(np.square(unit.free)))
    if noise == 0.0:
        mask = pattern.mask(np.square(unit.free), k)
        return Found(np.zeros(unit.shape), mask)
    found = solve_gram(
        unit.G, unit.B, support_prior(pattern, unit.shape, k / unit.W.size), noise_variance=noise,
        max_iter=settings.max_iter or 12, tol=1e-2, n_threads=settings.n_threads,
    )  # fmt: skip
    chosen = Cluster(pattern.grid, 0.0) if isinstance(pattern, Cluster) else pattern  # neighbours count in the prior
    mask = chosen.mask(found.log_odds, k)
    converged = found.converged or settings.max_iter is None
    return Found(refit(problem, mask, settings.n_threads), mask, found.n_iter, converged)


def support_prior(pattern: Pattern, shape: tuple[int, int], density: float, learn: bool = True) -> Support:
    """Return the prior that goes with a pattern; `learn` lets it learn its density."""
    density = min(max(density, 1e-3), 0.5)
    if isinstance(pattern, Cluster) and pattern.grid is not None:
        return GridSupport((shape[0], *pattern.grid), density=density, learn=learn)
    if isinstance(pattern, Cluster):  # learned transitions run to ever longer runs
        leave = max((1.0 - density) * (1.0 - pattern.strength**0.5), 1e-3)  # the correlation of neighbours is the root
        return ChainSupport(leave * density / (1.0 - density), leave, shape=shape, learn=False)
    if isinstance(pattern, Grouped):
        return GroupSupport(pattern.labels(shape).ravel(), density=density, learn=learn)
    return IIDSupport(density, learn=learn)
