"""What a numpy user would write: the factored majorise-minimise solver, and classic sparse Bayesian learning.

Both are written from the formulas, as compactly as they can be without wasting time; they are what times are compared
with, and results are checked against the first.
"""

from functools import reduce

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular


def products(tensor, matrices):
    """Multiply each axis of a tensor by a matrix."""
    for axis, matrix in enumerate(matrices):
        tensor = np.moveaxis(np.tensordot(matrix, tensor, axes=(1, axis)), 0, axis)
    return tensor


def outer(vectors):
    return reduce(np.multiply.outer, vectors)


def square(a):
    return (a * a.conj()).real


def majorise(factors, y, s2, max_iter=200, tol=1e-4, prune=1e-3):
    """Variances of the factors and the posterior mean; eigendecompositions of the factors only."""
    count = len(factors)
    norms = [np.linalg.norm(H, axis=0) for H in factors]
    H = [h / n for h, n in zip(factors, norms, strict=True)]
    y = y.reshape([len(h) for h in H])
    gamma = [np.ones(h.shape[1]) for h in H]
    energy = max(square(y).sum() - y.size * s2, 1e-3 * square(y).sum())
    gamma[-1] = gamma[-1] * energy / np.prod([square(h).sum() for h in H])
    keep = [np.arange(h.shape[1]) for h in H]
    eigen = [decompose(h, g) for h, g in zip(H, gamma, strict=True)]
    cost = np.inf
    for it in range(max_iter):
        before, cost_before = [g / np.linalg.norm(g) for g in gamma], cost
        for i in range(count):
            Z = products(y, [U.conj().T for _, U, _ in eigen])
            w = 1.0 / (s2 + outer([d for d, _, _ in eigen]))
            others = outer([eigen[k][0] for k in range(count) if k != i]).ravel() if count > 1 else np.ones(1)
            _, _, W = eigen[i]
            rows = np.moveaxis(w, i, 0).reshape(len(H[i]), -1)
            G = square(W) @ (rows @ others)
            R = np.moveaxis(Z * w, i, 0).reshape(len(H[i]), -1)
            E = np.einsum("ij,ij->i", W @ ((R * others) @ R.conj().T), W.conj()).real
            gamma[i] = gamma[i] * E / np.maximum(G, 1e-300)
            used = gamma[i] > prune * gamma[i].max()
            gamma[i], H[i], keep[i], before[i] = gamma[i][used], H[i][:, used], keep[i][used], before[i][used]
            if i < count - 1:
                norm = np.linalg.norm(gamma[i])
                gamma[i], gamma[-1] = gamma[i] / norm, gamma[-1] * norm
                d, U, W = eigen[-1]
                eigen[-1] = (d * norm, U, W)
            eigen[i] = decompose(H[i], gamma[i])
        Z = products(y, [U.conj().T for _, U, _ in eigen])
        w = 1.0 / (s2 + outer([d for d, _, _ in eigen]))
        cost = float(np.sum(square(Z) * w - np.log(w)))
        moved = max(np.abs(g / np.linalg.norm(g) - b).max() for g, b in zip(gamma, before, strict=True))
        if it >= 4 and (moved <= tol or abs(cost_before - cost) <= 1e-7 * abs(cost)):
            break
    mean = products(Z * w, [W for _, _, W in eigen]) * outer(gamma)
    x = np.zeros([len(n) for n in norms], dtype=mean.dtype)
    x[np.ix_(*keep)] = mean / outer([n[k] for n, k in zip(norms, keep, strict=True)])
    return x.ravel()


def decompose(H, gamma):
    d, U = np.linalg.eigh((H * gamma) @ H.conj().T)
    return np.maximum(d, 0.0), U, H.conj().T @ U


def classic(factors, y, s2, max_iter=150, tol=1e-4, prune=1e-3):
    """Classic sparse Bayesian learning by expectation-maximisation on the Kronecker matrix itself."""
    A = reduce(np.kron, factors)
    rows, columns = A.shape
    y = y.reshape(-1)
    gamma, keep = np.ones(columns), np.arange(columns)
    for _ in range(max_iter):
        old = np.zeros(columns)
        old[keep] = gamma
        used = gamma > prune * gamma.max()
        gamma, keep, A = gamma[used], keep[used], A[:, used] if not used.all() else A
        S = (A * gamma) @ A.conj().T
        S[np.diag_indices(rows)] += s2
        factor = cho_factor(S, lower=True, check_finite=False)
        mean = gamma * (A.conj().T @ cho_solve(factor, y, check_finite=False))
        spread = square(solve_triangular(factor[0], A, lower=True, check_finite=False)).sum(axis=0)
        gamma = np.maximum(gamma - gamma**2 * spread, 0.0) + square(mean)
        new = np.zeros(columns)
        new[keep] = gamma
        if np.linalg.norm(new - old) <= tol * np.linalg.norm(old):
            break
    x = np.zeros(columns, dtype=mean.dtype)
    x[keep] = mean
    return x
