"""Both phases of RandomSupportRegressor in plain numpy, for times beside compiled code; and a check of its results.

Spectral peeling with Gram matrices and eigenvectors, forward selection by one product with all columns a step, sparse
and dictionary refits of all prefixes, exchanges on the best sparse candidates, EBIC, and the certificate's singular
values. No search for nearly dependent sets.
"""

import numpy as np

from sparseopt.solvers.random_support.criterion import ebic

FACTOR, RHO, FRACTION, DEAD, ROUNDS = 2.0, 0.5, 0.02, 1e-12, 60


def in_numpy(X, y, signal=None, support=None):
    """Fitted values of the best candidate."""
    n, d = X.shape
    A = X / np.linalg.norm(X, axis=0)
    R, size, U = A.copy(), np.ones(d), np.zeros((n, 0))
    most, best, sparse = min(n // 4, 50, d), (np.inf, None), []
    for _ in range(ROUNDS):
        rest = y - U @ (U.T @ y)
        order = forward(R, rest, min(most, n - U.shape[1] - 2))
        sizes, dense = np.arange(len(order) + 1), U.shape[1]
        value, Q = criteria(A[:, order], y, n, d, sizes)
        i = int(np.argmin(value))
        sparse.append((value[i], order[:i]))
        best = min(best, (value[i], (Q, i)), key=lambda one: one[0])
        if dense:
            value, Q = criteria(np.hstack([U, R[:, order]]), y, n, d, sizes, dense)
            i = int(np.argmin(value))
            best = min(best, (value[i], (Q, dense + i)), key=lambda one: one[0])
        grown = peel(R, size, U, n)
        if grown is None:
            break
        R, size, U = grown
    for _, chosen in sorted(sparse)[:3]:
        if 0 < len(chosen) <= 20:
            chosen = exchange(A, y, list(chosen))
            value, Q = criteria(A[:, chosen], y, n, d, np.arange(len(chosen) + 1))
            best = min(best, (value[-1], (Q, len(chosen))), key=lambda one: one[0])
    rng, alive = np.random.default_rng(0), np.flatnonzero(size)
    count = min(max(len(sorted(sparse)[0][1]), 1), alive.size)
    for _ in range(199):  # the certificate
        np.linalg.svd(R[:, rng.choice(alive, count, replace=False)], compute_uv=False)
    Q, count = best[1]
    return Q[:, :count] @ (Q[:, :count].T @ y)


def criteria(basis, y, n, d, sizes, dense=0):
    """EBIC of all prefixes, and their orthonormal basis."""
    Q = np.linalg.qr(basis)[0]
    inside = np.cumsum(np.concatenate([[0.0], (Q.T @ y) ** 2]))
    rss = np.maximum(y @ y - inside[dense:], 1e-28 * (y @ y))
    return ebic(rss, n, d, sizes, dense, ordered=True), Q


def exchange(A, y, chosen, sweeps=5):
    """Exchange columns one for one while the residual falls."""
    for _ in range(sweeps):
        improved = False
        for at in range(len(chosen)):
            Q = np.linalg.qr(A[:, chosen[:at] + chosen[at + 1 :]])[0]
            R = A - Q @ (Q.T @ A)
            norms = np.sum(R**2, axis=0)
            slopes = R.T @ (y - Q @ (Q.T @ y))
            score = np.where(norms > 1e-12, slopes**2 / np.maximum(norms, 1e-12), -1.0)
            score[chosen[:at] + chosen[at + 1 :]] = -1.0
            j = int(np.argmax(score))
            if j != chosen[at] and score[j] > score[chosen[at]] * (1 + 1e-9):
                chosen[at], improved = j, True
        if not improved:
            break
    return chosen


def peel(R, size, U, n):
    """One round; None when there is nothing to take out."""
    alive = size > 0
    left, count = n - U.shape[1], int(alive.sum())
    if count == 0:
        return None
    edge = FACTOR * (1 + np.sqrt(left / count)) ** 2 / left
    values, vectors = np.linalg.eigh(R @ R.T / count)
    V = vectors[:, values >= edge]
    if V.shape[1] == 0 or U.shape[1] + V.shape[1] > n // 2:
        return None
    inside = np.sum((V.T @ R) ** 2, axis=0)
    if np.mean(alive & (inside >= 1 - RHO**2)) < FRACTION:
        return None
    for _ in range(2):
        R = R - V @ (V.T @ R)
    R, size = unit(R, size)
    R = R - U @ (U.T @ R)
    return (*unit(R, size), np.hstack([U, V]))


def unit(R, size):
    """Columns of unit norm, and what was left of them; columns that are gone become zero."""
    norms = np.linalg.norm(R, axis=0)
    size = size * norms
    alive = (size > DEAD) & (norms > 0)
    return np.where(alive, R / np.where(alive, norms, 1.0), 0.0), np.where(alive, size, 0.0)


def forward(Z, y, most):
    """Orthogonal least squares."""
    norms, slopes = np.sum(Z**2, axis=0), Z.T @ y
    order, Q, r = [], np.zeros((len(y), 0)), y.copy()
    for _ in range(most):
        score = np.where(norms > 1e-10, slopes**2 / np.maximum(norms, 1e-10), -1.0)
        score[order] = -1.0
        j = int(np.argmax(score))
        if score[j] <= 0:
            break
        q = Z[:, j]
        for _ in range(2):
            q = q - Q @ (Q.T @ q)
        q = q / np.linalg.norm(q)
        t, g = q @ r, q @ Z
        r, norms, slopes = r - t * q, norms - g**2, slopes - t * g
        Q, order = np.column_stack([Q, q]), [*order, j]
    return order
