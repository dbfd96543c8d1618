"""scikit-learn's common checks."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks([
    so.SBLRegressor(), *(so.SBLRegressor(update=u) for u in ("em", "fast", "mackay")),
    so.KroneckerSBL(), so.KroneckerOMP(), so.KroneckerSBLCoder(),
])  # fmt: skip
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("make", [so.KroneckerSBL, so.KroneckerOMP])
def test_one_matrix_is_the_only_factor(make):
    rng = np.random.default_rng(0)
    H = rng.standard_normal((30, 20))
    y = H[:, [3, 8]] @ [1.0, -2.0] + 0.01 * rng.standard_normal(30)
    model, listed = make().fit(H, y), make().fit([H], y)
    np.testing.assert_array_equal(model.coef_, listed.coef_)
    np.testing.assert_array_equal(model.fit(H.tolist(), y).coef_, listed.coef_)
    np.testing.assert_array_equal(model.predict(H[:5]), listed.predict([H[:5]]))
    with pytest.raises(ValueError, match=r"pass a list of one matrix, \[X\]"):
        make().fit(H + 1j, y)
    with pytest.raises(ValueError, match=r"factor 1.*two-dimensional"):
        make().fit([H[0], H[1]], y)


def test_without_dictionaries_codes_are_the_data_without_their_noise():
    rng = np.random.default_rng(1)
    clean = np.zeros((4, 60))
    clean[:, [5, 30]] = 1.0
    noisy = clean + 0.05 * rng.standard_normal(clean.shape)
    codes = so.KroneckerSBLCoder(noise_variance=0.05**2).fit_transform(noisy)
    assert np.abs(codes - clean).max() < np.abs(noisy - clean).max()
    assert np.count_nonzero(codes) < 20
    with pytest.raises(ValueError, match="Complex data not supported here: pass dictionaries"):
        so.KroneckerSBLCoder().fit(noisy + 1j)


def test_one_matrix_does_not_stand_for_several_factors():
    rng = np.random.default_rng(2)
    H = [rng.standard_normal((4, 3)), rng.standard_normal((5, 2))]
    model = so.KroneckerSBL().fit(H, np.kron(H[0][:, 0], H[1][:, 1]))
    with pytest.raises(TypeError, match=r"for I = 1 pass \[H1\]"):
        model.predict(np.kron(*H))
