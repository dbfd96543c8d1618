"""Synthetic problems: seeded, of the shape and the statistics that are promised."""

import numpy as np
import pytest
from scipy import sparse

from sparseopt.datasets import make_correlated, make_sparse_design


@pytest.mark.parametrize("make", [make_correlated, make_sparse_design])
def test_the_seed_decides(make):
    one, two, other = (make(50, 80, random_state=s) for s in (0, 0, 1))
    for a, b in zip(one, two, strict=True):
        a, b = (m.toarray() if sparse.issparse(m) else m for m in (a, b))
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[1], other[1])
    make(50, 80, random_state=np.random.default_rng(0))


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.9])
def test_neighbours_have_the_correlation_asked_for(rho):
    X, _, _ = make_correlated(20_000, 6, rho=rho, n_nonzero=2, random_state=0)
    lag = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    np.testing.assert_allclose(np.corrcoef(X.T), np.float64(rho) ** lag, atol=0.04)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=0.03)
    assert X.flags.f_contiguous


@pytest.mark.parametrize("make", [make_correlated, make_sparse_design])
@pytest.mark.parametrize("snr", [0.5, 10.0])
def test_signal_to_noise_ratio_is_exact(make, snr):
    X, y, coef = make(300, 100, n_nonzero=7, snr=snr, random_state=0)
    signal = X @ coef
    assert np.count_nonzero(coef) == 7
    power = np.sum((signal - signal.mean()) ** 2)
    np.testing.assert_allclose(power / np.sum((y - signal) ** 2), snr)


def test_no_noise_and_no_signal():
    X, y, coef = make_correlated(40, 20, snr=np.inf, random_state=0)
    np.testing.assert_allclose(y, X @ coef)
    _, y, coef = make_correlated(40, 20, n_nonzero=0, random_state=0)
    assert not coef.any() and y.std() > 0.5


def test_thinned_design_is_sparse_of_the_density_asked_for():
    X, _, _ = make_correlated(400, 300, density=0.1, random_state=0)
    assert isinstance(X, sparse.csc_array)
    assert X.nnz / X.shape[0] / X.shape[1] == pytest.approx(0.1, rel=0.05)


def test_text_like_columns_follow_zipf():
    X, _, _ = make_sparse_design(2000, 4000, density=0.01, random_state=0)
    assert X.nnz / X.shape[0] / X.shape[1] == pytest.approx(0.01, rel=0.02)
    counts = np.sort(np.diff(X.indptr))[::-1]
    slope = np.polyfit(np.log(np.arange(100, 1000)), np.log(counts[100:1000]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)
    assert counts[-1] >= 1 and counts[0] < 0.55 * 2000
    norms = np.sqrt(np.asarray(X.multiply(X).sum(axis=1))).ravel()
    np.testing.assert_allclose(norms[norms > 0], 1)
    assert X.has_canonical_format and X.indices.dtype == np.int32


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (make_correlated, {"rho": 1.0}),
        (make_correlated, {"density": 0.0}),
        (make_correlated, {"n_nonzero": 1000}),
        (make_correlated, {"snr": 0}),
        (make_correlated, {"n_samples": 0}),
        (make_sparse_design, {"density": 0.9}),
        (make_sparse_design, {"exponent": -1}),
        (make_sparse_design, {"n_nonzero": -1}),
    ],
)
def test_impossible_requests_are_refused(make, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        make(**options)
