"""The published algorithms for Kronecker-structured sparse Bayesian learning.

All are expectation-maximisation: the expected energies of the coefficients, then variances g_1 x ... x g_I that fit
them (by alternating minimisation, a rank-one projection, or with coupled neighbours). They converge far more slowly
than the majorise-minimise solver and are here for comparison with the literature.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from .factors import block_posterior, energy_start, outer

CONVERGED, COST_ROSE = 1, 2


def solve_published(
    problem, s2, solver, coupling, prune, prune_absolute, learn, noise_floor, max_iter, tol, init, threads
):
    """Run one problem after the other; return what the compiled solver returns."""
    n = len(problem.Y)
    if init == "energy":
        start = energy_start(problem, 0.0 if learn else s2, np.zeros(len(problem.factors)))
    else:
        start = [np.tile((c > 0).astype(float), (n, 1)) for c in problem.columns]
    gamma = [np.zeros((n, H.shape[1])) for H in problem.factors]
    noise, cost, status = s2.copy(), np.empty(n), np.zeros(n, dtype=int)
    path, n_iter = np.full((n, max_iter), np.nan), np.zeros(n, dtype=int)
    for i in range(n):
        one = type(problem)(problem.factors, problem.Y[i : i + 1], problem.columns, problem.power[i : i + 1])
        floor = noise_floor * np.mean(np.abs(one.Y) ** 2)
        run = _Run(one, [g[i] for g in start], s2[i], threads)
        run.couple(coupling)
        status[i] = run.iterate(solver, prune, prune_absolute, learn, floor, max_iter, tol)
        for g, v in zip(gamma, run.variances(), strict=True):
            g[i] = v
        noise[i], cost[i], n_iter[i] = run.s2, run.costs[-1], len(run.costs)
        path[i, : n_iter[i]] = run.costs
    return gamma, noise, cost, path, n_iter, status


class _Run:
    """State of one problem: variances on the kept entries, and the couplings between them."""

    def __init__(self, problem, gamma, s2, threads):
        self.problem, self.s2, self.threads = problem, s2, threads
        self.sizes = [len(g) for g in gamma]
        self.keep = [np.flatnonzero(g) for g in gamma]
        self.gamma = balance([g[k] for g, k in zip(gamma, self.keep, strict=True)])
        self.couplings = [None] * len(gamma)
        self.costs: list = []

    def couple(self, coupling):
        """Tie neighbouring variances: those of the atoms are C g with a tridiagonal C."""
        for i, beta in enumerate(coupling):
            if beta:
                n = self.sizes[i]
                C = np.eye(n) + beta * (np.eye(n, k=1) + np.eye(n, k=-1))
                self.couplings[i] = C[np.ix_(self.keep[i], self.keep[i])]
                self.gamma[i] = self.couplings[i] @ self.gamma[i]

    def variances(self):
        out = []
        for g, keep, size in zip(self.gamma, self.keep, self.sizes, strict=True):
            full = np.zeros(size)
            full[keep] = g
            out.append(full)
        return out

    def iterate(self, solver, prune, prune_absolute, learn, floor, max_iter, tol):
        """Alternate expectation and maximisation; return the status bits."""
        size, status = self.problem.Y.shape[2], 0
        update = {"am": self.alternate, "ksbl": self.alternate_once, "svd": self.rank_one, "pc": self.coupled}[solver]
        for _ in range(max_iter):
            pruned = self.prune(prune, prune_absolute)
            energies, product, facts = self.expectation()
            if self.costs and not pruned and solver in ("am", "ksbl"):
                if facts[0] > self.costs[-1] + 1e-6 * max(abs(facts[0]), size):
                    status |= COST_ROSE
            self.costs.append(facts[0])
            old = (product, [k.copy() for k in self.keep])
            update(energies)
            if learn:
                L = self.problem.Y.shape[1]
                trace = self.s2 * facts[2]
                self.s2 = max((facts[1] / L + self.s2 * (size - trace)) / size, floor)
            new = outer(self.gamma)
            if np.linalg.norm(new - old[0]) <= tol * np.linalg.norm(old[0]):
                status |= CONVERGED
                break
        return status

    def expectation(self):
        """Return E|x|^2 on the kept block (mean over snapshots), the variances there, and (cost, residual, trace)."""
        gamma = [v[None] for v in self.variances()]
        mean, variance, _, facts = block_posterior(self.problem, gamma, np.array([self.s2]), self.threads)
        shape = tuple(len(k) for k in self.keep)
        energies = np.mean(np.abs(mean.reshape(-1, variance.size)) ** 2, axis=0) + variance
        return energies.reshape(shape), outer(self.gamma), facts[0]

    def prune(self, ratios, absolute):
        """Drop small variances; keep at least the largest of each factor."""
        changed = False
        for i, g in enumerate(self.gamma):
            ok = (g >= ratios[i] * g.max()) & (g >= absolute) & (g > 0)
            if not ok.any():
                ok = g == g.max()
            if not ok.all():
                changed = True
                self.gamma[i], self.keep[i] = g[ok], self.keep[i][ok]
                if self.couplings[i] is not None:
                    self.couplings[i] = self.couplings[i][np.ix_(ok, ok)]
        return changed

    def alternate(self, energies, max_inner=1000, inner_tol=1e-5):
        """Minimise over the factors in turn until they stand still (a convex problem in the logarithms)."""
        old = outer(self.gamma)
        for _ in range(max_inner):
            for i in range(len(self.gamma)):
                self.gamma[i] = self.target(energies, i)
            balance(self.gamma)
            new = outer(self.gamma)
            if np.linalg.norm(new - old) <= inner_tol * np.linalg.norm(old):
                break
            old = new

    def alternate_once(self, energies):
        self.alternate(energies, max_inner=1)

    def rank_one(self, energies):
        """Project onto rank-one tensors, factor by factor; leading vectors of positive matrices are positive."""
        rest = energies
        for i in range(len(self.gamma) - 1):
            matrix = rest.reshape(len(self.gamma[i]), -1)
            u, s, vh = np.linalg.svd(matrix, full_matrices=False)
            self.gamma[i] = np.abs(u[:, 0])
            rest = np.abs(s[0] * vh[0])
        self.gamma[-1] = rest.ravel()

    def coupled(self, energies):
        """Alternating targets, fitted by coupled non-negative variances."""
        for _ in range(9):
            old = outer(self.gamma)
            for i, C in enumerate(self.couplings):
                target = self.target(energies, i)
                self.gamma[i] = target if C is None else 1e-5 + C @ nnls(C, target)[0]
            balance(self.gamma)
            if np.linalg.norm(outer(self.gamma) - old) <= 1e-4 * np.linalg.norm(old):
                break

    def target(self, energies, i):
        """Average of energies / (variances of the other factors) over the slices of factor i."""
        out = energies
        for k in range(len(self.gamma) - 1, -1, -1):
            if k != i:
                out = np.tensordot(out, 1.0 / np.maximum(self.gamma[k], 1e-300), axes=(k, 0))
        return out * (self.gamma[i].size / energies.size)


def balance(gamma):
    """Give all factors but the last unit norm (in place); the product stays the same."""
    for i in range(len(gamma) - 1):
        norm = np.linalg.norm(gamma[i])
        if norm > 0:
            gamma[i] = gamma[i] / norm
            gamma[-1] = gamma[-1] * norm
    return gamma
