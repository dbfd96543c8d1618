"""Generators of designs for random supports: seeded, scaled as promised, dependent as promised."""

import inspect

import numpy as np
import pytest

from sparseopt import SpectralPeeling, datasets

MAKERS = {
    name: getattr(datasets, name)
    for name in (
        "make_autoregressive make_common_factor make_decaying_spectrum make_dependent_triples make_latent_factors "
        "make_multiscale make_near_duplicates make_nested_groups make_random_walk make_tree_factors"
    ).split()
}


@pytest.mark.parametrize("name", MAKERS)
def test_seeded_and_scaled(name):
    one, two = (MAKERS[name](50, 60, n_nonzero=4, random_state=7) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    X, y, coef = one
    assert X.flags.f_contiguous and X.shape == (50, 60) and np.count_nonzero(coef) == 4
    np.testing.assert_allclose((X**2).mean(axis=0), 1.0)
    assert not np.array_equal(MAKERS[name](50, 60, n_nonzero=4, random_state=8)[0], X)
    assert "Lasso" in inspect.getdoc(MAKERS[name])


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("signal", ["cancel", "sign", "normal"])
def test_signal_has_mean_square_one(name, signal):
    X, y, coef = MAKERS[name](50, 60, n_nonzero=4, signal=signal, noise=0.0, random_state=1)
    assert np.mean(y**2) == pytest.approx(1.0, rel=1e-6)
    used = np.flatnonzero(coef)
    scale = np.abs(coef).max()
    np.testing.assert_allclose(X[:, used] @ coef[used], y, atol=1e-14 * scale)
    if signal == "cancel":
        smallest = np.linalg.svd(X[:, used], compute_uv=False)[-1] / np.sqrt(50)
        assert np.linalg.norm(coef) == pytest.approx(1.0 / smallest, rel=1e-4)


def test_supports_are_uniform():
    counts = np.zeros(10)
    for seed in range(400):
        counts[np.flatnonzero(MAKERS["make_autoregressive"](5, 10, n_nonzero=3, random_state=seed)[2])] += 1
    np.testing.assert_allclose(counts / 400, 0.3, atol=0.1)


def test_each_family_has_the_dependence_it_promises():
    def unit(name, **options):
        X = MAKERS[name](200, 90, n_nonzero=3, random_state=0, **options)[0]
        return X / np.linalg.norm(X, axis=0)

    def values(X):
        return np.linalg.svd(X, compute_uv=False)

    assert values(unit("make_common_factor"))[1] < 0.02
    assert values(unit("make_latent_factors", n_factors=3))[3] < 0.01
    assert values(unit("make_decaying_spectrum", rank=20))[20] < 1e-12
    close = np.sort(np.abs(np.corrcoef(unit("make_near_duplicates").T)), axis=0)[-2]
    assert np.all(close > 1 - 1e-9)
    X = unit("make_dependent_triples")
    assert values(X[:, :3])[-1] < 1e-5 and values(X[:, [0, 1, 3]])[-1] > 0.5
    walk = np.corrcoef(unit("make_random_walk").T)
    assert np.diag(walk, 1).min() > 0.5 and np.diag(walk, 1)[40:].min() > 0.95
    assert np.all(np.diff(np.log10(values(unit("make_multiscale"))[:4])) < -1.5)
    mixed = unit("make_latent_factors", own=(1e-6, 1.0))
    left = SpectralPeeling(center=False).fit(mixed).residual_norms_  # the factors alone, level by level
    assert np.quantile(left, 0.9) > 1e3 * np.quantile(left, 0.1)


@pytest.mark.parametrize(
    "name, options, match",
    [
        ("make_autoregressive", {"rho": 1.0}, "rho"),
        ("make_autoregressive", {"n_nonzero": 0}, "n_nonzero"),
        ("make_autoregressive", {"signal": "loud"}, "signal"),
        ("make_autoregressive", {"noise": -1.0}, "noise"),
        ("make_near_duplicates", {"gap": 0.0}, "gap"),
        ("make_dependent_triples", {"gap": 0.0}, "gap"),
        ("make_latent_factors", {"n_factors": 0}, "n_factors"),
        ("make_latent_factors", {"own": (1.0, 0.1)}, "own"),
        ("make_common_factor", {"own": 0.0}, "own"),
        ("make_nested_groups", {"scales": (1.0, 0.0)}, "scales"),
        ("make_nested_groups", {"inner": 0.0}, "inner"),
        ("make_multiscale", {"floor": 0.0}, "floor"), ("make_multiscale", {"scales": 0}, "scales must be a sequence"),
        ("make_tree_factors", {"arity": 1}, "arity"),
        ("make_tree_factors", {"ratio": 0.0}, "ratio"),
        ("make_decaying_spectrum", {"rank": 0}, "rank"),
        ("make_decaying_spectrum", {"decades": -1.0}, "decades"),
    ],
)
def test_impossible_requests_are_refused(name, options, match):
    with pytest.raises(ValueError, match=match):
        MAKERS[name](**options)
