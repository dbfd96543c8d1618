"""Many users at once, data that are Kronecker products, and the greedy baselines."""

import pickle
import warnings
from functools import reduce

import numpy as np
import pytest
from sbl_oracles import decibel, kron, kronecker_signal, nmse, random_factors, recovery_rate
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import sparseopt as so
from sparseopt.solvers.sbl.decomposed import noise_of_residual, rank_one_factors


def users(n=12, complex_=False, seed=0, noise=0.05):
    """Signals of several users on shared dictionaries."""
    rng = np.random.default_rng(seed)
    factors = random_factors(rng, [(6, 10), (7, 9), (5, 8)], complex_)
    X = np.zeros((n, 10, 9, 8), dtype=factors[0].dtype)
    for x in X:
        places = [rng.choice(N, 2, replace=False) for N in (10, 9, 8)]
        values = rng.standard_normal((2, 2, 2)) + (1j * rng.standard_normal((2, 2, 2)) if complex_ else 0)
        x[np.ix_(*places)] = values
    Y = X.reshape(n, -1) @ kron(factors).T
    Y = Y + noise * (rng.standard_normal(Y.shape) + (1j * rng.standard_normal(Y.shape) if complex_ else 0))
    return factors, X.reshape(n, -1), Y


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("options", [{}, dict(noise_variance=0.005), dict(coupling=0.3), dict(solver="svd")])
def test_one_call_is_as_good_as_a_loop(complex_, options):
    factors, _, Y = users(complex_=complex_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.ConvergenceWarning)
        codes = so.KroneckerSBLCoder(factors, **options).fit_transform(Y)
        for code, y in zip(codes, Y, strict=True):
            single = so.KroneckerSBL(**options).fit(factors, y).coef_
            np.testing.assert_allclose(code, single, rtol=1e-9, atol=1e-9 * np.abs(single).max())


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_results_do_not_depend_on_the_threads(n_threads):
    factors, _, Y = users()
    expected = so.KroneckerSBLCoder(factors, n_threads=1).fit_transform(Y)
    np.testing.assert_array_equal(so.KroneckerSBLCoder(factors, n_threads=n_threads).fit_transform(Y), expected)
    alone = so.KroneckerSBLCoder(factors, n_threads=n_threads).fit(Y).transform(Y[3:4])
    np.testing.assert_array_equal(alone[0], expected[3])


def test_codes_are_the_signals():
    factors, X, Y = users(noise=0.01)
    codes = so.KroneckerSBLCoder(factors).fit_transform(Y)
    assert nmse(codes, X) < 1e-3
    sparse_codes = so.KroneckerSBLCoder(factors, sparse_output=True).fit_transform(Y)
    np.testing.assert_array_equal(sparse_codes.toarray(), codes)
    assert sparse_codes.nnz < 0.05 * X.size


def test_a_user_without_signal():
    factors, _, Y = users()
    Y[4] = 0.0
    codes = so.KroneckerSBLCoder(factors).fit_transform(Y)
    assert np.all(codes[4] == 0) and np.all(np.isfinite(codes)) and np.all(np.any(codes[[3, 5]] != 0, axis=1))


def test_the_transformer_side():
    factors, _, Y = users()
    coder = so.KroneckerSBLCoder(factors)
    twin = pickle.loads(pickle.dumps(clone(coder)))
    np.testing.assert_array_equal(twin.fit(Y).transform(Y), coder.fit_transform(Y))
    assert len(coder.get_feature_names_out()) == 720
    frame = coder.set_output(transform="pandas").fit_transform(Y)
    assert frame.shape == (12, 720)
    assert make_pipeline(so.KroneckerSBLCoder(factors), so.Lasso()).fit(Y, Y[:, 0]).predict(Y).shape == (12,)


@pytest.mark.parametrize(
    "data, text",
    [
        (np.ones((3, 209)), r"\(n_users, 210\)"), (np.ones(210), "one row a user"), (np.ones((0, 210)), "0, 210"),
        (np.full((2, 210), np.nan), "NaN"), ([["a"] * 210], "numbers"),
    ],
)  # fmt: skip
def test_bad_data_of_users(data, text):
    factors, _, Y = users()
    with pytest.raises(ValueError, match=text):
        so.KroneckerSBLCoder(factors).fit(data)
    with pytest.raises(ValueError, match=text):
        so.KroneckerSBLCoder(factors).fit(Y).transform(data)
    with pytest.raises(ValueError, match=r"dictionaries\[1\] \(factor 2\) is empty"):
        so.KroneckerSBLCoder([factors[0], np.ones((2, 0))]).fit(data)
    with pytest.raises(TypeError, match="sparse_output"):
        so.KroneckerSBLCoder(factors, sparse_output=1).fit(Y)


@pytest.mark.parametrize("solver", ["mm", "svd", "decompose"])
def test_each_user_may_have_noise_of_its_own(solver):
    factors, _, Y = users(n=4)
    Y[2] = 0.0
    noise = np.array([0.01, 0.3, 0.002, 0.05])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        together = so.KroneckerSBLCoder(factors, solver=solver, noise_variance=noise).fit(Y).solve(Y)
        for i, (result, y) in enumerate(zip(together, Y, strict=True)):
            alone = so.KroneckerSBL(solver=solver, noise_variance=noise[i]).fit(factors, y)
            assert result.noise_variance == pytest.approx(noise[i], rel=1e-12)
            assert result.cost == pytest.approx(alone.cost_, rel=1e-9)
            np.testing.assert_allclose(result.mean[0], alone.coef_block_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "noise, error, text",
    [
        ([0.1, 0.2], ValueError, r"one for each of the 3 users, got shape \(2,\)"),
        (np.ones((3, 1)), ValueError, r"got shape \(3, 1\)"), ([0.1, 0.0, 0.2], ValueError, r"noise_variance\[1\]"),
        ([0.1, 0.2, np.nan], ValueError, r"noise_variance\[2\]"), ([True] * 3, TypeError, "noise_variance"),
        ([0.1, 1j, 0.2], TypeError, "noise_variance"), ([0.1, "a", 0.2], TypeError, "noise_variance"),
        ([0.1, None, 0.2], TypeError, "noise_variance"), (0.0, ValueError, "noise_variance"),
    ],
)  # fmt: skip
def test_bad_noise_of_users(noise, error, text):
    factors, _, Y = users(n=3)
    with pytest.raises(error, match=text):
        so.KroneckerSBLCoder(factors, noise_variance=noise).fit(Y)
    with pytest.raises(TypeError, match="noise_variance"):  # snapshots share the noise
        so.KroneckerSBL(noise_variance=[0.1, 0.2, 0.3]).fit(factors, Y.T)


def test_noise_of_users_does_not_fit_other_users():
    factors, _, Y = users(n=3)
    coder = so.KroneckerSBLCoder(factors, noise_variance=[0.1, 0.2, 0.3]).fit(Y)
    with pytest.raises(ValueError, match="each of the 2 users"):
        coder.transform(Y[:2])


def test_too_many_codes_to_be_dense():
    rng = np.random.default_rng(0)
    factors = random_factors(rng, [(8, 300)] * 3)
    Y = kron([H[:, 3] for H in factors])[None] + 0.01 * rng.standard_normal((1, 512))
    with pytest.raises(MemoryError, match="27000000 entries; use sparse_output=True"):
        so.KroneckerSBLCoder(factors).fit_transform(Y)
    codes = so.KroneckerSBLCoder(factors, sparse_output=True).fit_transform(Y)
    assert abs(codes[0, 3 * 300**2 + 3 * 300 + 3] - 1.0) < 0.1


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
def test_rank_one_factors(complex_):
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal(m) + (1j * rng.standard_normal(m) if complex_ else 0) for m in (3, 4, 5)]
    y = reduce(np.kron, parts)
    vectors, excess = rank_one_factors(y, (3, 4, 5))
    np.testing.assert_allclose(reduce(np.kron, vectors), y, atol=1e-12)
    assert excess < 1.0 and noise_of_residual(y, vectors, (3, 4, 5)) < 1e-24
    noisy = y + 0.1 * rng.standard_normal(60)
    assert 0.5 < noise_of_residual(noisy, rank_one_factors(noisy, (3, 4, 5))[0], (3, 4, 5)) / 0.01 < 1.6


def test_decomposed_solver_where_signals_are_kronecker_products():
    errors, noise, full = [], [], []
    for seed in range(20):
        factors, x, y, s2, _ = kronecker_signal(1000 + seed, rows=(14, 12, 15), snr=15, rank_one=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("ignore", so.ConvergenceWarning)
            model = so.KroneckerSBL(solver="decompose").fit(factors, y)
            full.append(nmse(so.KroneckerSBL().fit(factors, y).coef_, x.ravel()))
        errors.append(nmse(model.coef_, x.ravel()))
        noise.append(model.noise_variance_ / s2)
    assert decibel(np.median(errors)) <= -38.0 < decibel(np.median(full))
    assert 0.95 <= np.median(noise) <= 1.05


def test_decomposed_solver_says_when_signals_are_not():
    factors, x, y, s2, _ = kronecker_signal(1001, snr=15)
    for noise in (None, s2):
        with pytest.warns(UserWarning, match="y is not a Kronecker product.*'mm' was used"):
            model = so.KroneckerSBL(solver="decompose", noise_variance=noise).fit(factors, y)
        np.testing.assert_array_equal(model.coef_, so.KroneckerSBL(noise_variance=noise).fit(factors, y).coef_)
    with pytest.raises(ValueError, match="one snapshot, got 2"):
        so.KroneckerSBL(solver="decompose").fit(factors, np.stack([y, y], axis=-1))


def test_decomposed_solver_for_users_of_both_kinds():
    factors, _, y, _, _ = kronecker_signal(1001, snr=20)
    product = kron([H[:, 2] for H in factors])
    product += 0.01 * np.random.default_rng(0).standard_normal(product.size)
    with pytest.warns(UserWarning, match="1 of 2 problems"):
        codes = so.KroneckerSBLCoder(factors, solver="decompose").fit_transform(np.stack([product, y.ravel()]))
    assert np.argmax(np.abs(codes[0])) == 2 * 225 + 2 * 15 + 2
    np.testing.assert_allclose(codes[1], so.KroneckerSBL().fit(factors, y).coef_, atol=1e-9)


@pytest.mark.parametrize("blocks", [True, False])
def test_pursuit(blocks):
    errors, rates = [], []
    for seed in range(20):
        factors, x, y, s2, _ = kronecker_signal(1000 + seed, snr=15)
        model = so.KroneckerOMP(blocks=blocks, noise_variance=s2, max_atoms=10 if blocks else 60).fit(factors, y)
        errors.append(nmse(model.coef_, x.ravel()))
        rates.append(recovery_rate(model.coef_, x.ravel()))
        residual = np.linalg.norm(y.ravel() - model.predict(factors))
        assert residual == pytest.approx(model.residual_norm_, rel=1e-9)
        assert model.converged_ == (residual <= 1.02 * np.sqrt(s2 * y.size))
    if blocks:  # what the specification measured: -28.0 dB, 0.89
        assert decibel(np.median(errors)) <= -27.0 and np.mean(rates) >= 0.8


def test_plain_pursuit_is_orthogonal_matching_pursuit_on_the_matrix():
    factors, _, y, s2, _ = kronecker_signal(3, atoms=6, rows=(5, 4, 4), active=2, snr=20)
    H, chosen, residual = kron(factors), [], y.ravel()
    while np.linalg.norm(residual) > 1.02 * np.sqrt(s2 * y.size):
        chosen.append(int(np.argmax(np.abs(H.T @ residual) / np.linalg.norm(H, axis=0))))
        coef = np.linalg.lstsq(H[:, chosen], y.ravel(), rcond=None)[0]
        residual = y.ravel() - H[:, chosen] @ coef
    expected = np.zeros(216)
    expected[chosen] = coef
    model = so.KroneckerOMP(blocks=False, noise_variance=s2, max_atoms=80).fit(factors, y)
    np.testing.assert_allclose(model.coef_, expected, atol=1e-9)


@pytest.mark.parametrize("blocks", [True, False])
def test_pursuit_of_nothing_and_bad_parameters(blocks):
    factors = random_factors(np.random.default_rng(0), [(3, 4), (2, 5)])
    model = so.KroneckerOMP(blocks=blocks).fit(factors, np.zeros(6))
    assert np.all(model.coef_ == 0) and model.n_iter_ == 0 and model.converged_
    two = so.KroneckerOMP(blocks=blocks, tol=0.0).fit(factors, np.random.default_rng(1).standard_normal((6, 2)))
    assert two.coef_.shape == (2, 20)
    for name, value, error in [("tol", -1.0, ValueError), ("max_atoms", 0, ValueError), ("blocks", 1, TypeError),
                               ("noise_variance", 0.0, ValueError)]:  # fmt: skip
        with pytest.raises(error, match=name):
            so.KroneckerOMP(**{name: value}).fit(factors, np.ones(6))
