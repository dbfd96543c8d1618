"""Data of Nutini, Laradji and Schmidt (JMLR 23, 2022) and small dense oracles, independent of the package."""

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree


def dataset_a(m=1000, p=10000, seed=1):
    """Sparse least squares with columns of very different scales."""
    r = np.random.RandomState(seed)
    A = r.randn(m, p) + 1.0
    A *= 10.0 * r.randn(p)
    A *= r.rand(m, p) < 10.0 * np.log(m) / m
    w = r.randn(p) * (r.rand(p) < 0.1)
    return sparse.csc_matrix(A), A @ w + r.randn(m), w


def dataset_b(X, w, seed=2):
    """Labels of the same design, a tenth of them flipped."""
    r = np.random.RandomState(seed)
    return np.sign(X @ w) * np.where(r.rand(X.shape[0]) < 0.1, -1.0, 1.0)


def dataset_c(m=1000, p=1000, K=50, seed=1):
    """Multinomial: a design like that of A, dense coefficients, noise."""
    r = np.random.RandomState(seed)
    X = r.randn(m, p) + 1.0
    X *= 10.0 * r.randn(p)
    X *= r.rand(m, p) < 10.0 * np.log(m) / m
    return sparse.csc_matrix(X), np.argmax(X @ r.randn(p, K) + r.randn(m, K), axis=1).astype(float)


def laplacian_problem(W, y):
    """A and c of the quadratic that spreads the known values of y (nan: unknown) over a graph."""
    known = ~np.isnan(y)
    L = sparse.diags(np.asarray(W.sum(axis=1)).ravel()) - W
    free = np.flatnonzero(~known)
    return sparse.csr_array(L.tocsr()[free][:, free]), W.tocsr()[free][:, known] @ y[known], free


def lattice(rows=50, cols=50, weight=1e4, labels=100, seed=1):
    """Dataset D."""
    r = np.random.RandomState(seed)
    step = sparse.diags([np.ones(rows - 1)], [1])
    W = (
        sparse.kron(sparse.eye(cols), step)
        + sparse.kron(sparse.diags([np.ones(cols - 1)], [1]), sparse.eye(rows))
    ).tocsr() * weight
    y = np.full(rows * cols, np.nan)
    known = r.choice(rows * cols, labels, False)
    y[known] = 10.0 * r.randn(labels)
    return (W + W.T).tocsr(), y


def moons(n=2000, labels=100, k=5, seed=1, variance=0.04):
    """Dataset E: two moons, a symmetrised graph of k nearest neighbours, some labels 1 and 2."""
    r = np.random.RandomState(seed)
    first = r.rand(n) < 0.5
    phi = r.rand(n) * np.pi
    X = np.where(first[:, None], np.c_[np.cos(phi), np.sin(phi)], np.c_[1.0 + np.cos(phi), 0.5 - np.sin(phi)])
    X = X + np.sqrt(variance) * r.randn(n, 2)
    _, near = cKDTree(X).query(X, k + 1)
    W = sparse.csr_matrix((np.ones(n * k), (np.repeat(np.arange(n), k), near[:, 1:].ravel())), (n, n))
    W = ((W + W.T) > 0).astype(float).tocsr()
    y = np.full(n, np.nan)
    known = r.choice(n, labels, False)
    y[known] = np.where(first[known], 1.0, 2.0)
    return W, y


def random_quadratic(rng, n):
    """A badly scaled positive definite A and c."""
    B = rng.standard_normal((n + 3, n)) * np.exp(rng.standard_normal(n))
    A = B.T @ B + 1e-3 * np.eye(n)
    return A, rng.standard_normal(n) * np.sqrt(np.diag(A))


def soft(v, cut):
    """Soft threshold."""
    return np.sign(v) * np.maximum(np.abs(v) - cut, 0.0)
