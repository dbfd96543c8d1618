"""Sketches of rows: each depends on its seed and the numbers of the rows, never on how they arrive."""

from __future__ import annotations

from math import ceil, log, sqrt

import numpy as np
from scipy import sparse

from ..._ext import _sketch
from .hadamard import fwht

ROWS = 1024  # rows of one batch of Gaussian numbers
SIGN_STREAM, SAMPLE_STREAM, BUCKET_STREAM = 1, 3, 100


def default_nonzeros(kind, m, d, delta, *, coordinates):
    """Return how many entries a column of a sparse sketch needs.

    The square root of m carries the guarantee for coordinates; 8 are enough for a preconditioner.
    """
    if kind == "countsketch":
        return 1
    return min(m, ceil(sqrt(m * log(2 * d / delta))) if coordinates else 8)


def apply_sketch(kind, X, m, seed, *, row0=0, scale=None, nonzeros=1, total=None, n_threads=1, row_signs=True):
    """Return S X for the columns of S that belong to rows row0, row0 + 1, ..

    Parameters
    ----------
    kind : one of size.KINDS
    X : ndarray or sparse array of shape (n, d)
    m : int
        Rows of S.
    seed : int
    row0 : int
        Number of the first row of X in the whole matrix.
    scale : ndarray of shape (n,), optional
        A factor for each row.
    nonzeros : int
        Entries of one column of a sparse S.
    total : int
        Rows of the whole matrix, which "srht" has to know.
    row_signs : bool
        Only for showing what goes wrong without them.
    """
    n, d = X.shape
    out = np.zeros((m, d))
    if n == 0:
        return out
    if kind == "blocksum":
        X = X.toarray() if sparse.issparse(X) else X
        _sketch.block_sum(X, out, seed, row0, scale, row_signs, n_threads)
        out *= m**-0.5
    elif kind == "gaussian":
        for start, stop, block, first in batches(row0, n):
            G = np.random.Generator(np.random.Philox(key=[seed, block])).standard_normal((ROWS, m))
            piece = X[start:stop] if scale is None else _scaled(X[start:stop], scale[start:stop])
            out += (piece.T @ G[first : first + stop - start]).T
        out *= m**-0.5
    elif kind == "srht":
        subsampled_hadamard(X, out, seed, scale, total if total is not None else n, row0, n_threads)
    else:
        for start in range(0, n, 1 << 14):
            stop = min(n, start + (1 << 14))
            S = sparse_signs(m, stop - start, nonzeros, seed, row0 + start)
            if scale is not None:
                S = S.multiply(scale[None, start:stop]).tocsc()
            product = S @ X[start:stop]
            out += product.toarray() if sparse.issparse(product) else product
    return out


def batches(row0, n):
    """Yield (start, stop, batch, first row within the batch) of rows row0 .. row0 + n cut at multiples of ROWS."""
    start = 0
    while start < n:
        block, first = divmod(row0 + start, ROWS)
        stop = min(n, start + ROWS - first)
        yield start, stop, block, first
        start = stop


def sparse_signs(m, n, nonzeros, seed, row0=0):
    """Return the columns row0 .. row0 + n of a sparse sign matrix: one entry in each of `nonzeros` bands of rows."""
    band = m // nonzeros
    rows = np.empty((n, nonzeros), dtype=np.int32)
    values = np.empty((n, nonzeros))
    for k in range(nonzeros):
        words = _sketch.words(seed, BUCKET_STREAM + k, row0, n)
        rows[:, k] = k * band + ((words >> np.uint64(32)) * np.uint64(band) >> np.uint64(32)).astype(np.int32)
        values[:, k] = 1.0 - 2.0 * (words & np.uint64(1)).astype(np.float64)
    values *= nonzeros**-0.5
    return sparse.csc_array((values.ravel(), rows.ravel(), np.arange(0, n * nonzeros + 1, nonzeros)), shape=(m, n))


def subsampled_hadamard(X, out, seed, scale, total, row0, n_threads):
    """Add the subsampled transform of all rows, a few columns at a time, to out."""
    m, d = out.shape
    padded = 1 << (int(total) - 1).bit_length()
    if m > padded:
        raise ValueError(f"m must be at most {padded} for sketch='srht' of {total} rows, got {m}")
    keep = np.random.Generator(np.random.Philox(key=[seed, SAMPLE_STREAM])).permutation(padded)[:m]
    factor = _sketch.signs(seed, SIGN_STREAM, row0, X.shape[0])
    if scale is not None:
        factor *= scale
    for j in range(0, d, 8):
        columns = X[:, j : j + 8]
        columns = columns.toarray() if sparse.issparse(columns) else columns
        work = np.zeros((padded, columns.shape[1]))
        work[row0 : row0 + X.shape[0]] = columns * factor[:, None]
        out[:, j : j + 8] += fwht(work, n_threads=n_threads)[keep] * m**-0.5


def _scaled(X, scale):
    if sparse.issparse(X):
        return X.multiply(scale[:, None]).tocsr()
    return X * scale[:, None]
