"""Classic sparse Bayesian learning: y = X w + noise, w_j ~ N(0, gamma_j), gamma found by maximising the evidence.

With C = s2 I + X diag(gamma) X^H, b = X^H C^-1 y and q_j = x_j^H C^-1 x_j, everything is free of divisions by gamma or
s2: mean gamma b, variances gamma - gamma^2 q, derivative of the cost by log gamma_j: gamma_j (q_j - |b_j|^2). X enters
through blocks of columns; no matrix is larger than n x n, and as soon as fewer columns than rows are left, than
k x k: what lies outside the span of the columns is noise, and only its energy matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from .columns import Matrix

UPDATES = ("em", "fast", "mackay", "mm")


@dataclass(frozen=True)
class ClassicResult:
    """The posterior.

    Attributes
    ----------
    support : ndarray
        Columns that were kept.
    gamma : ndarray of shape (k,)
    mean : ndarray of shape (k, L)
    variance : ndarray of shape (k,)
    root : ndarray of shape (m, k)
        The posterior covariance is ``diag(gamma) - root^H root``.
    noise_variance : float
    degrees : float
        Degrees of freedom that the columns take, ``sum_j gamma_j q_j``: trace of the matrix that maps y to the fit.
    cost_path : ndarray
    violation : float
        Largest derivative of the cost by a logarithm of a variance, per snapshot.
    n_iter : int
    converged : bool
    """

    support: np.ndarray
    gamma: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    root: np.ndarray
    noise_variance: float
    degrees: float
    cost_path: np.ndarray
    violation: float
    n_iter: int
    converged: bool


class Evidence:
    """The evidence for given columns, variances and noise.

    Parameters
    ----------
    columns : Columns
    Y : ndarray of shape (n, L)
    s2 : float
    total : float
        Number of samples: the sum of the weights, which the rows carry already.
    """

    def __init__(self, columns, Y, s2, total):
        self.columns, self.Y, self.s2, self.total = columns, Y, s2, total
        self.support = np.flatnonzero(~columns.dead)
        self.cols = self.support  # where they are in `columns`
        self.outside, self.reduced = 0.0, False
        self.reduce()

    def reduce(self):
        """Go over to coordinates in the span of the columns when there are clearly fewer of these than rows."""
        k = len(self.cols)
        if k >= (0.7 if self.reduced else 1.0) * len(self.Y):
            return
        self.reduced = True
        R = self.columns.triangular(self.cols, self.Y)
        self.outside += float(np.sum(np.abs(R[k:, k:]) ** 2))
        self.columns, self.Y = Matrix(np.ascontiguousarray(R[:k, :k])), R[:k, k:]
        self.columns.norms = np.ones(k)
        self.cols = np.arange(k)

    def keep(self, mask):
        """Drop columns."""
        self.support, self.cols = self.support[mask], self.cols[mask]
        self.reduce()

    def factorise(self, gamma):
        """Set C = root root^H and everything that needs no pass over the columns."""
        n = len(self.Y)
        C = np.zeros((n, n), dtype=np.result_type(self.columns.dtype, self.Y))
        position = 0
        for part in self.columns.parts(self.cols):
            block = self.columns.block(part)
            C += (block * gamma[position : position + len(part)]) @ block.conj().T
            position += len(part)
        at = np.arange(n)
        largest = np.max(np.abs(np.diagonal(C)), initial=0.0)
        C[at, at] += self.s2
        self.root = _cholesky(C, largest)
        self.z = solve_triangular(self.root, self.Y, lower=True, check_finite=False)
        logs = 2.0 * np.sum(np.log(np.diagonal(self.root).real)) + (self.total - n) * np.log(self.s2)
        return self.Y.shape[1] * logs + np.sum(np.abs(self.z) ** 2) + self.outside / self.s2

    def statistics(self):
        """Return b of shape (k, L) and q of shape (k,)."""
        b, q = [np.zeros((0, self.Y.shape[1]))], [np.zeros(0)]
        for part in self.columns.parts(self.cols):
            V = solve_triangular(self.root, self.columns.block(part), lower=True, check_finite=False)
            b.append(V.conj().T @ self.z)
            q.append(np.sum(np.abs(V) ** 2, axis=0))
        return np.concatenate(b), np.concatenate(q)

    def noise_step(self):
        """Return the majorise-minimise update of the noise variance."""
        u = solve_triangular(self.root, self.z, trans="C", lower=True, check_finite=False)
        inverse = solve_triangular(self.root, np.eye(len(self.root)), lower=True, check_finite=False)
        trace = np.sum(np.abs(inverse) ** 2) + (self.total - len(self.Y)) / self.s2
        energy = np.sum(np.abs(u) ** 2) + self.outside / self.s2**2
        return self.s2 * np.sqrt(energy / self.Y.shape[1] / trace)

    def spread(self, gamma):
        """Return the root of what the data took off the prior covariance."""
        pieces, position = [np.zeros((len(self.Y), 0))], 0
        for part in self.columns.parts(self.cols):
            V = solve_triangular(self.root, self.columns.block(part), lower=True, check_finite=False)
            pieces.append(V * gamma[position : position + len(part)])
            position += len(part)
        return np.concatenate(pieces, axis=1)


def _cholesky(C, largest):
    """Factor a positive definite matrix; should rounding have made it indefinite, with a little on its diagonal."""
    jitter = 0.0
    at = np.arange(len(C))
    while True:
        try:
            return cholesky(C, lower=True, check_finite=False) if len(C) else C
        except np.linalg.LinAlgError:
            more = max(10.0 * jitter, 1e-15 * largest)
            C[at, at] += more - jitter
            jitter = more


def solve_classic(columns, Y, *, update="mm", noise_variance=None, max_iter=300, tol=1e-4, prune=1e-4, floor=1e-10,
                  total=None):  # fmt: skip
    """Maximise the evidence.

    Parameters
    ----------
    columns : Columns
        Of unit norm.
    Y : ndarray of shape (n, L)
    update : {"em", "fast", "mackay", "mm"}
    noise_variance : float or None
        None: learned.
    max_iter, tol, prune
        See :class:`sparseopt.SBLRegressor`.
    floor : float
        Smallest noise variance, as a fraction of the mean of |y|^2.
    total : float or None
        Number of samples when rows are weighted: the sum of the weights.

    Returns
    -------
    ClassicResult
    """
    total = len(Y) if total is None else total
    power = float(np.sum(np.abs(Y) ** 2) / (total * Y.shape[1]))
    learn = noise_variance is None
    least = max(floor * (power or 1.0), 1e-150)  # its square must not vanish
    s2 = max(0.1 * power if learn else noise_variance, least)
    evidence = Evidence(columns, Y, s2, total)
    if update == "fast":
        from .fast import solve_fast

        return solve_fast(evidence, learn, least, max_iter, tol)
    k = len(evidence.support)
    gamma = np.full(k, power * total / max(k, 1))
    path: list = []
    converged = k == 0
    for _ in range(max_iter):
        path.append(evidence.factorise(gamma))
        b, q = evidence.statistics()
        energy = np.mean(np.abs(b) ** 2, axis=1)
        old = gamma
        ratio = energy / np.maximum(q, 1e-300)
        if update == "em":
            gamma = gamma + gamma * (gamma * (energy - q))
        else:
            gamma = gamma * (ratio if update == "mackay" else np.sqrt(ratio))
        gamma = np.maximum(gamma, 0.0)
        s2 = max(evidence.noise_step(), least) if learn else evidence.s2
        moved = np.max(np.abs(gamma - old), initial=0.0) / max(np.max(gamma, initial=0.0), 1e-300)
        noise_moved = abs(s2 - evidence.s2) / s2
        evidence.s2 = s2
        kept = gamma > prune * np.max(gamma, initial=0.0)
        if not kept.all():
            gamma = gamma[kept]
            evidence.keep(kept)
        if moved <= tol and noise_moved <= tol:
            converged = True
            break
    return finish(evidence, gamma, path, converged)


def finish(evidence, gamma, path, converged):
    """Collect the result for the final variances and noise."""
    path.append(evidence.factorise(gamma))
    b, q = evidence.statistics()
    violation = np.max(np.abs(gamma * (q - np.mean(np.abs(b) ** 2, axis=1))), initial=0.0)
    variance = np.maximum(gamma - gamma * (gamma * q), 0.0)
    return ClassicResult(
        evidence.support, gamma, gamma[:, None] * b, variance, evidence.spread(gamma), float(evidence.s2),
        float(gamma @ q), np.array(path), float(violation), len(path) - 1, converged,
    )  # fmt: skip
