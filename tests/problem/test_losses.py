"""Losses: derivatives by differences, conjugates by Fenchel's inequality, best constants, extremes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import clone

from sparseopt.losses import Huber, Logistic, Multinomial, Poisson, Squared, as_loss

LOSSES = {
    "squared": Squared(), "logistic": Logistic(), "multinomial": Multinomial(n_classes=4), "poisson": Poisson(),
    "huber": Huber(delta=0.7),
}  # fmt: skip


class Quartic:
    """A loss as a user may write it."""

    def values(self, y, eta):
        return 0.25 * (eta - y) ** 4 + 0.5 * (eta - y) ** 2

    def gradient(self, y, eta):
        return (eta - y) ** 3 + (eta - y)


def sample(name, n=40, seed=0, spread=2.0):
    rng = np.random.default_rng(seed)
    if name == "multinomial":
        y = np.concatenate([np.arange(4.0), rng.integers(0, 4, n - 4)])
        return LOSSES[name], y, spread * rng.standard_normal((n, 4)), rng.uniform(0.0, 2.0, n)
    y = {
        "squared": 3.0 * rng.standard_normal(n), "huber": 3.0 * rng.standard_normal(n),
        "logistic": np.where(rng.random(n) < 0.3, 1.0, -1.0), "poisson": rng.poisson(2.0, n).astype(float),
    }.get(name, rng.standard_normal(n))  # fmt: skip
    loss = as_loss(Quartic()) if name == "plain" else LOSSES[name]
    return loss, y, spread * rng.standard_normal(n), rng.uniform(0.0, 2.0, n)


EVERY = [*LOSSES, "plain"]


@pytest.mark.parametrize("name", EVERY)
def test_derivatives_are_those_of_finite_differences(name):
    loss, y, eta, _ = sample(name)
    step = 1e-5 * np.random.default_rng(1).standard_normal(eta.shape)
    slope = (loss.gradient(y, eta) * step).reshape(len(y), -1).sum(axis=1)
    differences = 0.5 * (loss.values(y, eta + step) - loss.values(y, eta - step))
    np.testing.assert_allclose(slope, differences, rtol=1e-5, atol=1e-10)
    away = np.abs(np.abs(y - eta) - 0.7) > 1e-3 if name == "huber" else np.ones(len(y), dtype=bool)
    bend = loss.hessian_product(y, eta, step)
    differences = 0.5 * (loss.gradient(y, eta + step) - loss.gradient(y, eta - step))
    np.testing.assert_allclose(bend[away], differences[away], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", EVERY)
def test_diagonal_of_the_second_derivative(name):
    loss, y, eta, _ = sample(name)
    diagonal = loss.hessian(y, eta)
    if eta.ndim == 1:
        np.testing.assert_allclose(diagonal, loss.hessian_product(y, eta, np.ones_like(eta)))
    else:
        for k in range(eta.shape[1]):
            unit = np.zeros_like(eta)
            unit[:, k] = 1.0
            np.testing.assert_allclose(diagonal[:, k], loss.hessian_product(y, eta, unit)[:, k])
    assert np.all(diagonal >= 0.0)


@pytest.mark.parametrize("name", ["squared", "logistic", "multinomial", "huber"])
def test_curvature_bounds_the_second_derivative(name):
    loss, y, eta, _ = sample(name, n=400)
    direction = np.random.default_rng(2).standard_normal(eta.shape)
    bend = (direction * loss.hessian_product(y, eta, direction)).reshape(len(y), -1).sum(axis=1)
    squares = (direction**2).reshape(len(y), -1).sum(axis=1)
    assert np.all(bend <= loss.curvature * squares * (1 + 1e-12))


@pytest.mark.parametrize("name", list(LOSSES))
def test_conjugate_meets_fenchels_inequality_with_equality_at_the_gradient(name):
    loss, y, eta, _ = sample(name)
    u = loss.gradient(y, eta)
    product = (u * eta).reshape(len(y), -1).sum(axis=1)
    np.testing.assert_allclose(loss.conjugate(y, u), product - loss.values(y, eta), rtol=1e-9, atol=1e-9)
    for seed in range(5):
        other = sample(name, seed=seed + 10, spread=4.0)[2]
        product = (u * other).reshape(len(y), -1).sum(axis=1)
        assert np.all(loss.conjugate(y, u) >= product - loss.values(y, other) - 1e-9)
    for t in (0.0, 0.3, 0.9):
        assert np.all(np.isfinite(loss.conjugate(y, t * u)))
    assert np.all(loss.conjugate(y, np.zeros_like(u)) >= -loss.values(y, eta) - 1e-12)


@pytest.mark.parametrize("name", ["logistic", "multinomial", "poisson", "huber"])
def test_conjugate_is_infinite_outside_the_domain(name):
    loss, y, eta, _ = sample(name)
    far = np.full_like(eta, 10.0)
    if name == "poisson":
        far = -y - 0.1
    assert np.all(np.isinf(loss.conjugate(y, far)))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_best_intercept_is_stationary(name, weighted):
    loss, y, eta, s = sample(name)
    s = s if weighted else None
    for offset in (0.0, 5.0, -30.0):
        b = loss.best_intercept(y, eta + offset, s)
        u = loss.gradient(y, eta + offset + b)
        total = np.average(u, axis=0, weights=s)
        assert np.max(np.abs(total)) <= 1e-11 * max(1.0, np.abs(u).mean())
    constant = loss.best_constant(y, s)
    at = np.broadcast_to(constant, eta.shape)
    assert np.max(np.abs(np.average(loss.gradient(y, at), axis=0, weights=s))) < 1e-11
    best = np.average(loss.values(y, at), weights=s)
    for seed in range(5):
        other = at + 0.1 * np.random.default_rng(seed).standard_normal(np.shape(constant))
        assert np.average(loss.values(y, other), weights=s) >= best - 1e-12


@pytest.mark.parametrize("name", list(LOSSES))
def test_balanced_points_are_dual_feasible(name):
    loss, y, eta, s = sample(name)
    for weights in (None, s):
        u = loss.balance(y, loss.gradient(y, eta), weights)
        assert np.max(np.abs(np.average(u, axis=0, weights=weights))) < 1e-12
        assert np.all(np.isfinite(loss.conjugate(y, u)))
        # at the best intercept nothing needs to change
        best = loss.gradient(y, eta + loss.best_intercept(y, eta, weights))
        np.testing.assert_allclose(loss.balance(y, best, weights), best, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(eta=st.floats(-700.0, 700.0), y=st.sampled_from([-1.0, 1.0]))
def test_logistic_never_overflows(eta, y):
    loss, y, eta = Logistic(), np.array([y]), np.array([eta])
    with np.errstate(all="raise", under="ignore"):
        value, slope, bend = loss.values(y, eta), loss.gradient(y, eta), loss.hessian(y, eta)
        dual = loss.conjugate(y, slope)
    assert np.isfinite(value).all() and 0.0 <= value[0] <= 1.0 + abs(eta[0])
    assert np.abs(slope[0]) <= 1.0 and 0.0 <= bend[0] <= 0.25 + 1e-15 and np.isfinite(dual).all()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [1e3, -1e3, 1e8])
def test_extreme_predictions_give_no_nan(name, size):
    loss, y, eta, _ = sample(name, n=6)
    far = eta * size
    with np.errstate(over="ignore"):
        assert not np.any(np.isnan(loss.values(y, far)))
        assert not np.any(np.isnan(loss.gradient(y, far)))
        assert not np.any(np.isnan(loss.hessian(y, far)))


def test_losses_of_two_classes_agree():
    rng = np.random.default_rng(3)
    y, eta = rng.integers(0, 2, 30).astype(float), 3.0 * rng.standard_normal(30)
    pair = np.column_stack([np.zeros(30), eta])
    two, signs = Multinomial(n_classes=2), 2.0 * y - 1.0
    np.testing.assert_allclose(two.values(y, pair), Logistic().values(signs, eta), rtol=1e-12)
    np.testing.assert_allclose(two.gradient(y, pair)[:, 1], Logistic().gradient(signs, eta), atol=1e-15)
    np.testing.assert_allclose(two.hessian(y, pair)[:, 1], Logistic().hessian(signs, eta), atol=1e-15)


def test_poisson_is_half_the_deviance():
    from sklearn.metrics import mean_poisson_deviance

    loss, y, eta, s = sample("poisson")
    expected = mean_poisson_deviance(y, np.exp(eta), sample_weight=s)
    assert 2.0 * np.average(loss.values(y, eta), weights=s) == pytest.approx(expected, rel=1e-12)


def test_huber_meets_scipy():
    from scipy.special import huber

    loss, y, eta, _ = sample("huber")
    np.testing.assert_allclose(loss.values(y, eta), huber(0.7, y - eta), rtol=1e-12)


def test_best_constant_against_scipy():
    for name in EVERY:
        loss, y, _, s = sample(name)
        shape = np.shape(loss.best_constant(y, s))

        def value(b, loss=loss, y=y, s=s, shape=shape):
            return np.average(loss.values(y, np.broadcast_to(b.reshape(shape), loss.eta_shape(y))), weights=s)

        found = minimize(value, np.zeros(max(1, int(np.prod(shape)))), tol=1e-12).fun
        assert value(np.array(loss.best_constant(y, s))) <= found + 1e-12


BAD_TARGETS = [
    ("logistic", [0.0, 1.0, 2.0], "0 and 1"), ("logistic", [1.0, np.nan, 0.0], "NaN"),
    ("logistic", [-1.0, 0.0, 1.0], "-1 and 1"), ("multinomial", [0.0, 0.5, 1.0], "class numbers"),
    ("multinomial", [-1.0, 0.0, 1.0], "class numbers"), ("multinomial", [0.0, 1.0, 7.0], "below 4"),
    ("poisson", [1.0, -2.0, 0.0], "-2"), ("poisson", [1.0, 2.0], "shape"), ("huber", [[1.0], [2.0], [3.0]], "shape"),
    ("squared", [np.inf, 1.0, 2.0], "NaN or infinity"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "y", "said"), BAD_TARGETS)
def test_bad_targets_are_refused(name, y, said):
    with pytest.raises(ValueError, match=said):
        LOSSES[name].check_target(y, 3)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan, "a", True])
def test_bad_delta_is_refused(delta):
    with pytest.raises(ValueError, match="delta"):
        Huber(delta=delta).check_target([1.0, 2.0], 2)


def test_names_objects_and_what_is_neither():
    for name, loss in LOSSES.items():
        assert as_loss(name).name == name and as_loss(loss) is loss and clone(loss).get_params() == loss.get_params()
    plain = as_loss(Quartic())
    assert np.isinf(plain.curvature) and clone(plain).inner is plain.inner
    assert np.isnan(plain.conjugate(np.zeros(2), np.zeros(2))).all()
    with pytest.raises(ValueError, match="unknown loss"):
        as_loss("hinge")
    for bad in (3, Squared, object()):
        with pytest.raises(TypeError, match="loss must be"):
            as_loss(bad)
