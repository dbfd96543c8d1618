"""The iteration: posterior of x, evidence, support prior, noise; until the mean does not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._threads import blas_of_order
from ...exceptions import IncompatibleError
from .evidence import make_evidence
from .posterior import Active, Cavi, Full, Woodbury, norm2
from .supports._base import Messages, Support

SOLVERS = ("active", "auto", "cavi", "full", "woodbury")
LARGEST = 2e11  # operations of an exact iteration; larger problems get coordinate sweeps
LEAST_ITERATIONS = 6
CAP = 1e8  # largest ratio of the mean of |y|^2 and the noise variance
CALM = 1e-2  # change of the mean below which steps are not damped, as long as changes fall
NOISE_TOL = 0.01  # of the noise: where it has come to rest
ANNEAL_START, ANNEAL_FACTOR = 0.1, 0.9


@dataclass
class TurboResult:
    """The posterior of one or several targets that share a support prior.

    Attributes
    ----------
    mean : ndarray of shape (n_targets, n)
    variance : ndarray of shape (n_targets, n)
    prob : ndarray of shape (n,)
        Posterior probability that a coefficient is active.
    log_odds : ndarray of shape (n,)
    support : Support
        The prior, with what was learned.
    noise_variance, active_variance : ndarray of shape (n_targets,)
    targets : list of Target
        For `spread`.
    capped : bool
        Whether a noise variance hit its floor.
    converged : bool
    change : float
        Last change of the mean, over the root of E|x|^2: what `tol` is compared with.
    n_iter : int
    bounds : ndarray of shape (n_iter,)
        Lower bound of the evidence, without constants; nan where there is none.
    """

    mean: NDArray
    variance: NDArray[np.float64]
    prob: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    support: Support
    noise_variance: NDArray[np.float64]
    active_variance: NDArray[np.float64]
    targets: list
    capped: bool
    converged: bool
    change: float
    n_iter: int
    bounds: NDArray[np.float64]

    def spread(self, k):
        """Return the covariance of target k, as (diagonal, factor, columns, sign).

        It is diag(diagonal), plus sign * factor^H factor on the columns.
        """
        target = self.targets[k]
        return target.posterior.spread(target.used_D, target.used_kappa, target.moments.variance)


class Target:
    """What the iteration knows of one target."""

    def __init__(self, posterior, system, power, density, evidence, kappa):
        total, norms2 = system.total, system.norms2
        self.posterior, self.total = posterior, total
        size = float(norms2.sum())
        self.s1 = self.s1_start = power / (density * size) if size > 0.0 else 1.0
        self.D = np.full(len(norms2), self.s1 * (density if evidence.start is None else evidence.start))
        self.cap = CAP * total / power
        self.learn_noise = kappa is None
        self.kappa = evidence.noise_start * total / power if kappa is None else kappa
        self.center = None  # prior means, where they are not zero
        self.prob = np.full(len(norms2), density)
        self.noise_rests = not self.learn_noise
        self.last, self.change, self.calm = None, np.inf, False

    def infer(self):
        """Compute the posterior of x, and how far its mean moved."""
        self.used_D, self.used_center, self.used_kappa = self.D, self.center, self.kappa
        self.moments = self.posterior(self.D, self.kappa, self.s1, self.center)
        mean = self.moments.mean
        size = np.sqrt(norm2(mean) + np.sum(self.moments.variance))
        change = np.inf if self.last is None else np.linalg.norm(mean - self.last) / max(size, 1e-300)
        self.last = mean
        change = change if size > 0.0 else 0.0
        # where damping is no longer needed against oscillations, it only costs iterations
        self.calm = change < CALM and change <= 2.0 * self.change
        self.change = change
        return change

    def noise_step(self):
        """Move the noise precision to its best value."""
        if self.learn_noise:
            last = self.kappa
            self.kappa = min(self.total / max(self.moments.residual2 + self.moments.trace, 1e-300), self.cap)
            self.noise_rests = abs(self.kappa - last) <= NOISE_TOL * last


def make_posterior(solver, system, y):
    """Return the solver for the posterior of x by name; "auto" chooses by size."""
    if system.ranks.several:
        if solver in ("cavi", "woodbury"):
            raise IncompatibleError(f"solver={solver!r} cannot take rows on several MPI ranks; use 'full' or 'active'")
        solver = {"auto": "switch"}.get(solver, solver)
    wide = system.n_rows < system.n_cols and not system.ranks.several
    if solver == "auto":
        low, high = sorted((system.n_rows, system.n_cols))
        solver = "cavi" if float(low) ** 2 * high > LARGEST else "switch"
    if solver == "cavi":
        return Cavi(system, y)
    if solver == "active":
        return Active(system, y)
    exact = Woodbury(system, y) if solver == "woodbury" or (solver == "switch" and wide) else Full(system, y)
    return Active(system, y, exact=exact) if solver == "switch" else exact


def solve_turbo(system, Y, support, *, evidence="extrinsic", solver="auto", noise_variance=None, inactive_ratio=None,
                anneal=None, max_iter=150, tol=1e-5, n_threads=1, callback=None):  # fmt: skip
    """Infer x from y = A x + noise under a structured support.

    Parameters
    ----------
    system : LinearSystem
    Y : ndarray of shape (m, n_targets)
        No column may be zero. Several targets share the support, and nothing else.
    support : Support
        Bound to the number of columns.
    evidence : {"extrinsic", "joint", "mean_field"}
    solver : {"auto", "full", "woodbury", "active", "cavi"}
    noise_variance : float or None
        None: learned.
    inactive_ratio : float or None
        Variance of inactive coefficients over that of active ones. None: 1e-6 (joint evidence
        1e-4, mean-field 1e-3).
    anneal : bool or None
        Whether this ratio starts at 0.1 and falls by a tenth an iteration. None: with joint evidence.
    max_iter, tol : int, float
        The end: the mean of x moves by less than `tol`, relative to the root of E|x|^2, and the noise rests.
    n_threads : int
        Of the messages.
    callback : callable or None
        Called with (iteration, targets, messages, change); a true value stops.

    Returns
    -------
    TurboResult
    """
    rule = make_evidence(evidence)
    if rule.bounded and solver == "auto":
        by_rows = system.n_rows < system.n_cols and not system.ranks.several
        solver = "woodbury" if by_rows else "full"  # an active set has no bound
    h = 1.0 if np.result_type(system.dtype, Y).kind == "c" else 0.5
    kappa = None if noise_variance is None else 1.0 / noise_variance
    targets = [
        Target(make_posterior(solver, system, y), system, system.norm2(y), support.density, rule, kappa)
        for y in np.ascontiguousarray(Y.T)
    ]
    annealed = rule.annealed if anneal is None else anneal
    floor = rule.ratio if inactive_ratio is None else inactive_ratio
    options = dict(ratios=(floor, annealed), max_iter=max_iter, tol=tol, n_threads=n_threads, callback=callback)
    n_rows = system.ranks.total(float(system.n_rows))
    with blas_of_order(min(n_rows, system.n_cols)):
        return _iterate(targets, h, support, rule, **options)


def _iterate(targets, h, support, rule, *, ratios, max_iter, tol, n_threads, callback):
    messages: Messages | None = None
    bounds, change, converged = [], np.inf, False
    log_odds = np.zeros(len(targets[0].D))
    floor, annealed = ratios

    def infer(llr):
        nonlocal log_odds
        answer = support.messages(llr, messages, n_threads)
        log_odds = answer.ext + llr
        return answer

    for iteration in range(max_iter):
        ratio = max(floor, ANNEAL_START * ANNEAL_FACTOR**iteration) if annealed else floor
        change = max(target.infer() for target in targets)
        messages = rule.step(targets, h, infer, ratio)
        bounds.append(rule.bound(targets, h, messages, ratio))
        for target in targets:
            target.noise_step()
            if iteration >= rule.scale_from:
                rule.learn_scale(target)
        stop = callback is not None and callback(iteration, targets, messages, change)
        rested = iteration + 1 > LEAST_ITERATIONS and change < tol and ratio <= floor
        rested = rested and all(target.noise_rests for target in targets)
        converged = rested and not any(target.posterior.stale for target in targets)
        if rested:
            for target in targets:
                target.posterior.refresh()
        if converged or stop:
            break
        if iteration >= rule.learn_from:
            support = support.learned(messages)
    return TurboResult(
        np.array([t.mean for t in targets]), np.array([t.variance for t in targets]), messages.prob,
        log_odds, support,
        np.array([1.0 / t.kappa for t in targets]), np.array([t.s1 for t in targets]),
        targets,
        any(t.learn_noise and t.kappa >= t.cap for t in targets), bool(converged), float(change), iteration + 1,
        np.array(bounds),
    )  # fmt: skip
