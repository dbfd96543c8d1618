"""Sparse weights times activations, of every storage, against numpy. Small: also run with bounds checks."""

import numpy as np
import pytest
from scipy import sparse

from sparseopt._ext._sparse_matmul import BlockRows, CsrRows, MaskRows

SAMPLES = [0, 1, 4, 5, 16, 17, 64, 65, 64 + 49, 130]  # around the borders of the tiles


def weights(n_out, n_in, density=0.3, seed=0):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((n_out, n_in)).astype(np.float32)
    return W * (rng.random(W.shape) < density)


def csr(W):
    S = sparse.csr_array(W)
    return CsrRows(S.indptr, S.indices, S.data, W.shape[1])


def mask(W):
    return MaskRows(np.packbits(W != 0, axis=1, bitorder="little"), W[W != 0], W.shape[1])


def block(W, height=1, width=1):
    S = sparse.bsr_array(W, blocksize=(height, width))
    return BlockRows(S.indptr, S.indices, S.data, W.shape[1])


def product(rows, X, n_threads=1):
    Y = np.full((len(X), rows.n_outputs), np.nan, dtype=np.float32)
    rows.matmul(np.ascontiguousarray(X, dtype=np.float32), Y, n_threads)
    return Y


def check(rows, W, X):
    """Every sum within the rounding of float32, and the same with several threads."""
    Y = product(rows, X)
    exact = X.astype(float) @ W.T.astype(float)
    bound = (W.shape[1] + 2) * np.finfo(np.float32).eps * (np.abs(X).astype(float) @ np.abs(W).T.astype(float))
    assert np.all(np.abs(Y - exact) <= bound)
    np.testing.assert_array_equal(Y, product(rows, X, n_threads=3))


@pytest.mark.parametrize("storage", [csr, mask, block])
@pytest.mark.parametrize("n_samples", SAMPLES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 63), (33, 64), (20, 130)], ids=str)
def test_product_is_that_of_the_dense_matrix(storage, n_samples, shape):
    W = weights(*shape)
    X = np.random.default_rng(1).standard_normal((n_samples, shape[1])).astype(np.float32)
    check(storage(W), W, X)


@pytest.mark.parametrize("blocks", [(1, 4), (4, 1), (4, 4), (3, 2), (6, 8), (5, 1)], ids=str)
@pytest.mark.parametrize("n_samples", [1, 17, 64, 130])
def test_blocks_of_any_shape(blocks, n_samples):
    height, width = blocks
    pattern = weights(9, 10, seed=3)
    W = np.kron(pattern != 0, np.ones(blocks)) * weights(9 * height, 10 * width, density=1.0)
    W = W.astype(np.float32)
    X = np.random.default_rng(1).standard_normal((n_samples, W.shape[1])).astype(np.float32)
    check(block(W, height, width), W, X)


@pytest.mark.parametrize("storage", [csr, mask, block])
@pytest.mark.parametrize("density", [0.0, 1.0])
def test_empty_and_full(storage, density):
    W = weights(5, 70, density)
    X = np.random.default_rng(1).standard_normal((70, 70)).astype(np.float32)
    check(storage(W), W, X)


@pytest.mark.parametrize("storage", [csr, mask])
def test_nothing_to_multiply(storage):
    assert product(storage(np.zeros((0, 3), dtype=np.float32)), np.ones((2, 3))).shape == (2, 0)
    np.testing.assert_array_equal(product(storage(np.zeros((3, 0), dtype=np.float32)), np.ones((2, 0))), 0.0)


@pytest.mark.parametrize("n_samples", [1, 20])
@pytest.mark.parametrize("storage", [csr, mask, block])
def test_infinity_stays_in_its_sample_and_inputs_without_weight_do_not_matter(storage, n_samples):
    W = weights(9, 70, 0.5)
    W[:, 3] = 0.0
    X = np.ones((n_samples, 70), dtype=np.float32)
    X[:, 3] = np.nan
    clean = product(storage(W), X)
    assert np.all(np.isfinite(clean))
    X[0, 4] = np.inf
    np.testing.assert_array_equal(product(storage(W), X)[1:], clean[1:])


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match="indptr must rise from 0 to 2"):
        CsrRows([0, 3, 2], [0, 1], [1.0, 1.0], 4)
    with pytest.raises(ValueError, match=r"indices must be in \[0, 4\)"):
        CsrRows([0, 2], [0, 4], [1.0, 1.0], 4)
    with pytest.raises(ValueError, match=r"indices must be in \[0, 4\)"):
        CsrRows([0, 2], [0, -1], [1.0, 1.0], 4)
    with pytest.raises(ValueError, match="1 indices and 2 values"):
        CsrRows([0, 2], [0], [1.0, 1.0], 4)
    with pytest.raises(ValueError, match="1 bytes a row"):
        MaskRows(np.zeros((2, 2), dtype=np.uint8), [], 8)
    with pytest.raises(ValueError, match="beyond the 3 inputs"):
        MaskRows(np.array([[8]], dtype=np.uint8), [1.0], 3)
    with pytest.raises(ValueError, match="1 bits set, there are 2 values"):
        MaskRows(np.array([[1]], dtype=np.uint8), [1.0, 2.0], 3)
    with pytest.raises(ValueError, match="width must divide 5"):
        BlockRows([0, 1], [0], np.ones((1, 2, 2)), 5)
    with pytest.raises(ValueError, match=r"indices must be in \[0, 2\)"):
        BlockRows([0, 1], [2], np.ones((1, 2, 2)), 4)
    with pytest.raises(ValueError, match="shapes disagree"):
        csr(weights(3, 4)).matmul(np.zeros((2, 5), dtype=np.float32), np.zeros((2, 3), dtype=np.float32))
