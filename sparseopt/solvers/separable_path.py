"""Solutions along a grid of alphas for separable penalties that need not be convex, led by the L1 path.

The L1 path is computed first, with levels at which single coefficients leave zero under the penalty. Every alpha then
starts both from its L1 solution and from the solution of its larger neighbour, and the better of the two ends stays. X
is read once for a whole batch of alphas, to certify them and to let columns join that would gain.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from .._threads import resolve_n_threads, serial_blas
from ..problem import Problem
from ..problem.penalties import L1
from ._quadratic import Quadratic
from ._separable_set import Terms, descend
from .batch_path import BATCH, BatchPath
from .checkpoint import NOTHING_KEPT
from .coordinate_descent import FLOOR, L1_TOL, exit_levels, violation_of
from .grid import alpha_grid
from .monitor import PathProgress
from .registry import warn_not_converged
from .result import PathResult


def solve_separable_path(problem, alphas, n_alphas, eps, tol, max_iter, n_threads, callback, verbose) -> PathResult:
    """Solve a problem for every alpha of a checked grid (None: from zero coefficients down)."""
    total, p = problem.total_weight, problem.design.n_features
    penalty = problem.penalty
    with serial_blas():
        unit = exit_levels(Quadratic(problem, 1), clone(penalty).set_params(alpha=1.0))
        l1 = L1(weights=unit, positive=bool(penalty.positive))
        lead = Problem(problem.design, problem.y, problem.loss, l1, problem.sample_weight, problem.fit_intercept)
        if alphas is None:
            largest = lead.alpha_max() ** (1.0 / penalty.degree) * (1.0 + 1e-12)  # so that zero is the solution at it
            alphas = alpha_grid(largest, n_alphas, eps)
        quadratic = Quadratic(lead, resolve_n_threads(n_threads))
        path = BatchPath(quadratic, alphas**penalty.degree, L1_TOL)
        progress = PathProgress(alphas.size, callback, verbose)
        try:
            path.run(max_iter, lambda *_: False, NOTHING_KEPT)
            state = _Descents(path, [Terms.of(clone(penalty).set_params(alpha=a), p, total) for a in alphas], tol)
            n_iter = state.run(max_iter, lambda n_iter, done: progress(n_iter, done, quadratic.passes))
        finally:
            progress.close()
    coefs = np.zeros((alphas.size, p))
    for i, w in enumerate(state.coefs):
        if w is not None:
            coefs[i, path.gram.cols[: w.size]] = w
    converged = state.worst <= state.target
    if not converged.all() and not progress.stopped:
        reached = np.sqrt(state.worst.max() / (quadratic.null or 1.0))
        warn_not_converged(reached, tol, max_iter, f" for {np.sum(~converged)} of {alphas.size} alphas", "violation")
    return PathResult(
        alphas=alphas,
        coefs=coefs,
        intercepts=problem.y_offset - coefs @ quadratic.means,
        gaps=np.full(alphas.size, np.nan),
        objectives=state.primals / total,
        converged=converged,
        null_objective=quadratic.null / total,
        n_passes=quadratic.passes,
        n_iter=n_iter,
        violations=state.violations / total,
    )


class _Descents:
    """The state between rounds: for every alpha its coefficients on the leading columns of the set."""

    def __init__(self, path: BatchPath, terms: list[Terms], tol: float) -> None:
        self.path, self.gram, self.terms = path, path.gram, terms
        self.quadratic = path.quadratic
        self.target = max(tol, FLOOR) ** 2 * (self.quadratic.null or 1.0)
        k = len(terms)
        self.coefs: list = [None] * k
        self.worst, self.primals, self.violations = np.full(k, np.inf), np.full(k, np.nan), np.full(k, np.nan)

    def padded(self, w):
        full = np.zeros(len(self.gram))
        full[: w.size] = w
        return full

    def improve(self, i: int, starts) -> None:
        """Descend from every start at alpha i; keep the best end."""
        terms, best, least = self.terms[i].at(self.gram.cols), None, np.inf
        for start in starts:
            w = self.padded(start)
            theta = None
            if not self.gram.prefers_gram(int(np.count_nonzero(w))):
                support = np.flatnonzero(w)
                theta = self.path.problem.weighted(self.quadratic.residual(self.gram.cols[support], w[support]))
            descend(self.gram, w, terms, 0.1 * self.target, theta)
            value = self.objective(w, terms) if len(starts) > 1 else 0.0
            if value < least:
                best, least = w, value
        self.coefs[i] = best

    def objective(self, w, terms) -> float:
        if self.gram.formed:
            fit = self.quadratic.null - 0.5 * float(w @ (self.gram.gradient(w) + self.gram.at_zero))
        else:
            support = np.flatnonzero(w)
            r = self.quadratic.residual(self.gram.cols[support], w[support])
            fit = 0.5 * float(r @ self.path.problem.weighted(r))
        return fit + terms.value(w)

    def certify(self, batch) -> None:
        """Read X once for the whole batch; columns that would gain join."""
        W = np.zeros((len(batch), len(self.gram)))
        for k, i in enumerate(batch):
            W[k] = self.padded(self.coefs[i])
        C, rr, _ = self.path._products(W)
        joins = np.zeros(self.path.usable.size, dtype=bool)
        curvature = self.quadratic.curvature
        for k, i in enumerate(batch):
            w = np.zeros(curvature.size)
            w[self.gram.cols] = W[k]
            gains = self.terms[i].gains(w, np.ascontiguousarray(C[k]), curvature)
            self.worst[i] = gains.max(initial=0.0)
            self.violations[i] = violation_of(gains, curvature)
            self.primals[i] = 0.5 * rr[k] + self.terms[i].value(w)
            joins |= gains > self.target
        self.gram.add(np.flatnonzero(joins & self.path.usable))

    def run(self, max_iter: int, on_round) -> int:
        """Certify batch after batch; return the number of rounds."""
        pending, n_iter = list(range(len(self.terms))), 0
        while pending and n_iter < max_iter:
            n_iter += 1
            batch = pending[:BATCH]
            for i in batch:
                if self.coefs[i] is not None:
                    starts = [self.coefs[i]]
                else:
                    lead = self.path.coefs[i]
                    starts = [np.zeros(0) if lead is None else lead]
                    if i > 0:
                        starts.append(self.coefs[i - 1])
                self.improve(i, starts)
            self.certify(batch)
            pending = [i for i in pending if self.worst[i] > self.target]
            if on_round(n_iter, len(self.terms) - len(pending)):
                break
        return n_iter
