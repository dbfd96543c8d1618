"""Two factors instead of a sparse matrix: stored sizes, low rank as the optimum of its kind, dictionaries beyond it."""

import numpy as np
import pytest

from sparseopt.bridge import compress_layer


def design(seed, n=24, rows=40, correlation=0.9):
    """(W, G): inputs whose neighbours are correlated."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((400, n))
    for j in range(1, n):
        X[:, j] = correlation * X[:, j - 1] + np.sqrt(1.0 - correlation**2) * X[:, j]
    return rng.standard_normal((rows, n)) @ np.diag(1.0 / np.arange(1, n + 1)) + 0.1, X.T @ X / 400


def stored(result):
    """Numbers in a file: values of both factors, and a bit for every entry of codes that have zeros."""
    codes, atoms = result.factors
    mask = codes.size / 32.0 if np.any(codes == 0.0) else 0.0
    return np.count_nonzero(codes) + np.count_nonzero(atoms) + mask


@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.7])
def test_a_dictionary_is_never_worse_than_low_rank_of_the_same_size(sparsity):
    for seed in range(5):
        W, G = design(seed)
        low = compress_layer(W, G, method="low_rank", sparsity=sparsity)
        found = compress_layer(W, G, method="dictionary", sparsity=sparsity)
        budget = round(W.size * (1.0 - sparsity))
        assert stored(low) <= budget and stored(found) <= budget + 1
        assert found.objective <= low.objective * (1.0 + 1e-9)
        np.testing.assert_allclose(found.factors[0] @ found.factors[1], found.W, atol=1e-10)


def test_low_rank_is_the_best_of_its_rank():
    """Against the truncated singular values of what the inputs make of the weights (Eckart and Young)."""
    W, G = design(0)
    result = compress_layer(W, G, method="low_rank", sparsity=0.5, damp=0.0)
    rank = result.factors[0].shape[1]
    s = np.linalg.svd(np.linalg.cholesky(G).T @ W.T, compute_uv=False)
    assert rank == W.size // 2 // sum(W.shape)
    assert result.relerr == pytest.approx(np.sum(s[rank:] ** 2) / np.sum(s**2), rel=1e-8)


def test_calibration_helps():
    """The same size without knowing the inputs, which is the Gram matrix of independent ones, loses on every design."""
    for seed in range(20):
        W, G = design(seed, n=12, rows=20)
        for method in ("low_rank", "dictionary"):
            blind = compress_layer(W, np.eye(12), method=method, sparsity=0.5, damp=0.0).W
            error = np.trace((blind - W) @ G @ (blind - W).T) / np.trace(W @ G @ W.T)
            assert compress_layer(W, G, method=method, sparsity=0.5, damp=0.0).relerr <= error * (1.0 + 1e-9)


def test_one_output():
    W, G = design(0, rows=1)
    result = compress_layer(W, G, method="dictionary", sparsity=0.2)
    assert np.isfinite(result.relerr) and result.factors[0].shape[0] == 1
