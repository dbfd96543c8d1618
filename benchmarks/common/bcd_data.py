"""Data of Nutini, Laradji and Schmidt, "Let's make block coordinate descent converge faster" (JMLR 23, 2022)."""

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree


def dataset_a(m=1000, p=10000, seed=1):
    """Least squares; columns of very different scales, 7 % of the entries kept. Return X, y, w."""
    r = np.random.RandomState(seed)
    X = r.randn(m, p) + 1.0
    X *= 10.0 * r.randn(p)
    X *= r.rand(m, p) < 10.0 * np.log(m) / m
    w = r.randn(p) * (r.rand(p) < 0.1)
    return sparse.csc_matrix(X), X @ w + r.randn(m), w


def dataset_b(X, w, seed=2):
    """Labels of the same design; a tenth is flipped."""
    r = np.random.RandomState(seed)
    return np.sign(X @ w) * np.where(r.rand(X.shape[0]) < 0.1, -1.0, 1.0)


def dataset_c(m=1000, p=1000, K=50, seed=1):
    """Class numbers 0 .. K - 1 of a design like that of A, from dense coefficients and noise. Return X, y."""
    r = np.random.RandomState(seed)
    X = r.randn(m, p) + 1.0
    X *= 10.0 * r.randn(p)
    X *= r.rand(m, p) < 10.0 * np.log(m) / m
    codes = np.argmax(X @ r.randn(p, K) + r.randn(m, K), axis=1)
    return sparse.csc_matrix(X), np.searchsorted(np.unique(codes), codes).astype(float)


def lattice(rows=50, cols=50, weight=1e4, labels=100, seed=1):
    """Dataset D: A, c of the unknown nodes, and where each lies in the lattice."""
    r = np.random.RandomState(seed)
    step, side = sparse.diags([np.ones(rows - 1)], [1]), sparse.diags([np.ones(cols - 1)], [1])
    W = (sparse.kron(sparse.eye(cols), step) + sparse.kron(side, sparse.eye(rows))).tocsr() * weight
    y = np.full(rows * cols, np.nan)
    known = r.choice(rows * cols, labels, False)
    y[known] = 10.0 * r.randn(labels)
    A, c, free = _unknown((W + W.T).tocsr(), y)
    return A, c, free % rows, free // rows


def moons(n=2000, labels=100, k=5, seed=1, variance=0.04):
    """Dataset E: two moons, a graph of nearest neighbours. Return A, c of the unknown nodes."""
    r = np.random.RandomState(seed)
    first, phi = r.rand(n) < 0.5, r.rand(n) * np.pi
    X = np.where(first[:, None], np.c_[np.cos(phi), np.sin(phi)], np.c_[1.0 + np.cos(phi), 0.5 - np.sin(phi)])
    points = X + np.sqrt(variance) * r.randn(n, 2)
    _, near = cKDTree(points).query(points, k + 1)
    W = sparse.csr_matrix((np.ones(n * k), (np.repeat(np.arange(n), k), near[:, 1:].ravel())), (n, n))
    W = ((W + W.T) > 0).astype(float).tocsr()
    y = np.full(n, np.nan)
    known = r.choice(n, labels, False)
    y[known] = np.where(first[known], 1.0, 2.0)
    return _unknown(W, y)[:2]


def _unknown(W, y):
    known = ~np.isnan(y)
    L = (sparse.diags(np.asarray(W.sum(axis=1)).ravel()) - W).tocsr()
    free = np.flatnonzero(~known)
    return sparse.csr_array(L[free][:, free]), W[free][:, known] @ y[known], free
