"""Both phases of RandomSupportRegressor in plain numpy, for times beside compiled code; and a check of its results.

Spectral peeling with Gram matrices and eigenvectors, forward selection by one product with all columns a step, sparse
and dictionary refits of all prefixes, EBIC. No exchanges, no search for nearly dependent sets, no certificate.
"""

import numpy as np

from sparseopt.solvers.random_support.criterion import ebic

FACTOR, RHO, FRACTION, DEAD, ROUNDS = 2.0, 0.5, 0.02, 1e-12, 60


def in_numpy(X, y, signal=None, support=None):
    """Fitted values of the best candidate."""
    n, d = X.shape
    A = X / np.linalg.norm(X, axis=0)
    R, size, U = A.copy(), np.ones(d), np.zeros((n, 0))
    most, best = min(n // 4, 50, d), (np.inf, None, None)
    for _ in range(ROUNDS):
        rest = y - U @ (U.T @ y)
        order = forward(R, rest, min(most, n - U.shape[1] - 2))
        sizes = np.arange(len(order) + 1)
        for kind, basis, dense in (("sparse", A, 0), ("dictionary", np.hstack([U, R[:, order]]), U.shape[1])):
            if kind == "dictionary" and dense == 0:
                continue
            Q = np.linalg.qr(A[:, order] if kind == "sparse" else basis)[0]
            inside = np.cumsum(np.concatenate([[0.0], (Q.T @ y) ** 2]))
            rss = np.maximum(y @ y - inside[dense:], 1e-28 * (y @ y))
            value = ebic(rss, n, d, sizes, dense, ordered=True)
            i = int(np.argmin(value))
            if value[i] < best[0]:
                best = (value[i], Q, dense + i)
        grown = peel(R, size, U, n)
        if grown is None:
            break
        R, size, U = grown
    return best[1][:, : best[2]] @ (best[1][:, : best[2]].T @ y)


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
