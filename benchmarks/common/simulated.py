"""Seeded designs. Each function returns ``X`` (dense Fortran order, or CSC) and ``y``."""

import numpy as np
from scipy import sparse
from scipy.special import ndtri


def markov_columns(n, p, rho, rng):
    """Gaussian columns in a chain: correlation of columns i and j is ``rho ** |i - j|``."""
    X = np.empty((n, p), order="F")
    column = X[:, 0] = rng.standard_normal(n)
    noise = np.sqrt(1 - rho**2)
    for j in range(1, p):
        column = X[:, j] = rho * column + noise * rng.standard_normal(n)
    return X


def standardize(X):
    """Centre and scale the columns of X in place; a constant column becomes zero."""
    X -= X.mean(axis=0)
    scale = X.std(axis=0)
    scale[scale == 0] = 1
    X /= scale
    return X


def respond(X, support, values, signal_to_noise, rng):
    """Centred ``y = X w + noise`` with ``var(X w) / var(noise)`` given."""
    signal = X[:, support] @ values
    noise = np.sqrt(np.var(signal) / signal_to_noise)
    y = signal + noise * rng.standard_normal(X.shape[0])
    return y - y.mean()


def dense(n, p, rho, seed):
    """Correlated columns, 2% of them in the model, noise of a fifth of the signal's norm."""
    rng = np.random.default_rng(seed)
    X = markov_columns(n, p, rho, rng)
    k = max(5, p // 50)
    support = rng.choice(p, k, replace=False)
    y = X[:, support] @ rng.standard_normal(k)
    return X, y + np.linalg.norm(y) / 5 * rng.standard_normal(n) / np.sqrt(n)


def sparse_uniform(n, p, density, seed):
    """Uniformly scattered non-zeros; columns with fewer than four are dropped, norms are one."""
    rng = np.random.default_rng(seed)
    X = sparse.random(
        n, p, density, format="csc", random_state=rng, data_rvs=lambda k: np.abs(rng.normal(size=k))
    )
    X = X[:, np.diff(X.indptr) >= 4].tocsc()
    norms = np.sqrt(np.asarray(X.multiply(X).sum(axis=0)).ravel())
    X.data /= np.repeat(norms, np.diff(X.indptr))
    support = rng.choice(X.shape[1], min(200, X.shape[1]), replace=False)
    y = X[:, support] @ rng.standard_normal(len(support))
    return X, y + 0.1 * np.linalg.norm(y) / np.sqrt(n) * rng.standard_normal(n)


def toeplitz(n, p, rho, snr, seed):
    """Standardised Toeplitz design with at most 50 coefficients of plus or minus one."""
    rng = np.random.default_rng(seed)
    X = standardize(markov_columns(n, p, rho, rng))
    k = min(50, p)
    support = rng.choice(p, k, replace=False)
    return X, respond(X, support, rng.choice([-1.0, 1.0], k), snr, rng)


def genotype(n, p, seed, block=25):
    """Counts 0, 1, 2 of a minor allele; neighbours in blocks of 25 are inherited together."""
    rng = np.random.default_rng(seed)
    X = np.empty((n, p), order="F")
    for start in range(0, p, block):
        size = min(block, p - start)
        threshold = ndtri(1 - rng.uniform(0.05, 0.5))
        halves = [markov_columns(n, size, 0.9, rng) > threshold for _ in range(2)]
        X[:, start : start + size] = halves[0].astype(float) + halves[1]
    X = standardize(X)
    k = min(30, p)
    support = rng.choice(p, k, replace=False)
    return X, respond(X, support, rng.choice([-1.0, 1.0], k), 2.0, rng)


def text(n, p, words, decay, seed):
    """Bag of words as tf-idf: popularity of a word falls as ``rank ** -decay``, rows have norm one.

    Words that never occur are dropped, as they are in text data sets.
    """
    rng = np.random.default_rng(seed)
    popularity = np.cumsum((np.arange(p) + 10.0) ** -decay)
    popularity /= popularity[-1]
    lengths = np.exp(rng.normal(np.log(words) - 0.3, 0.77, n)).round().astype(int).clip(5)
    rows = np.repeat(np.arange(n), lengths)
    columns = np.searchsorted(popularity, rng.random(len(rows))).clip(max=p - 1)
    X = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, p)).tocsr()
    X.sum_duplicates()
    documents = np.bincount(X.indices, minlength=p)
    X.data = (1 + np.log(X.data)) * np.log((1 + n) / (1 + documents[X.indices]))
    norms = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(X.indptr))
    X = X.tocsc()[:, np.flatnonzero(documents)]
    X.sort_indices()
    # 32-bit indices: scikit-learn and celer refuse others
    index = (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32))
    X = sparse.csc_matrix(index, shape=X.shape)
    frequent = np.argsort(-np.diff(X.indptr))[:4000]
    support = rng.choice(frequent, min(200, len(frequent)), replace=False)
    return X, respond(X, support, 3 * rng.standard_normal(len(support)), 3.0, rng)


def tiny(layout, seed):
    """A 60 x 40 problem to warm up compilers with, or to try a new solver on."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((60, 40)))
    if layout == "sparse":
        X = sparse.csc_matrix(X * (rng.random(X.shape) < 0.5))
    return X, rng.standard_normal(60)


def grouped(kind, n, p, seed, size=10):
    """Consecutive groups of columns of a Toeplitz design (20 of them in the model) or of a bag of words (30)."""
    rng = np.random.default_rng(seed)
    if kind == "text":
        X, _ = text(n, p, 80, 1.0, seed)
        X = X[:, : X.shape[1] // size * size]
        chosen, snr = rng.choice(min(300, X.shape[1] // size), min(30, X.shape[1] // size), replace=False), 4.0
    else:
        X = standardize(markov_columns(n, p, 0.5, rng))
        chosen, snr = rng.choice(p // size, min(20, p // size), replace=False), 5.0
    support = (chosen[:, None] * size + np.arange(size)).ravel()
    return X, respond(X, support, rng.standard_normal(support.size), snr, rng)
