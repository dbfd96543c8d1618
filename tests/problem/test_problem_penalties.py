"""The elastic net penalty and the squared loss, against one-dimensional minimisation and their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from sparseopt.exceptions import InvalidProblemError
from sparseopt.losses import Squared, as_loss
from sparseopt.penalties import L1, ElasticNet

numbers = st.floats(-50, 50).map(lambda v: round(v, 3))
alphas = st.sampled_from([1e-3, 0.1, 1.0, 7.0])
ratios = st.sampled_from([0.01, 0.5, 0.99, 1.0])
omegas = st.sampled_from([None, [0.0], [0.3], [2.0]])
penalties = st.one_of(
    st.builds(L1, alphas, weights=omegas, positive=st.booleans()),
    st.builds(ElasticNet, alphas, ratios, weights=omegas, positive=st.booleans()),
)


def value(penalty, u):
    """The definition, at one number."""
    if penalty.positive and u < 0:
        return np.inf
    omega = 1.0 if penalty.weights is None else penalty.weights[0]
    return penalty.alpha * (penalty.l1_ratio * omega * abs(u) + 0.5 * (1.0 - penalty.l1_ratio) * u * u)


@given(penalties, numbers)
def test_value_is_the_definition(penalty, u):
    assert penalty.value([u]) == pytest.approx(value(penalty, u), rel=1e-12)


@given(penalties, numbers, st.sampled_from([0.01, 1.0, 3.0]))
def test_prox_minimises(penalty, v, step):
    def goal(u):
        return step * value(penalty, u) + 0.5 * (u - v) ** 2

    prox = penalty.prox([v], step)[0]
    low = 0.0 if penalty.positive else -abs(v) - 1.0
    found = minimize_scalar(goal, bounds=(low, abs(v) + 1.0), method="bounded", options={"xatol": 1e-9})
    assert goal(prox) <= min(found.fun, goal(0.0)) + 1e-12 * (1.0 + v * v)
    assert abs(prox - found.x) <= 1e-4 * (1.0 + abs(v)) or goal(0.0) <= found.fun


@given(penalties, st.lists(numbers, min_size=2, max_size=2), st.sampled_from([0.1, 2.0]))
def test_prox_is_firmly_nonexpansive(penalty, pair, step):
    a, b = (penalty.prox([v], step)[0] for v in pair)
    assert (a - b) ** 2 <= (a - b) * (pair[0] - pair[1]) + 1e-12


@given(numbers, alphas, st.sampled_from([0.5, 3.0]), st.booleans())
def test_moreau_decomposition_of_the_l1_norm(v, alpha, step, positive):
    """v = prox_g(v) + the projection on the dual ball (the half-line below alpha where w must not be negative)."""
    ball = min(v, step * alpha) if positive else np.clip(v, -step * alpha, step * alpha)
    assert L1(alpha, positive=positive).prox([v], step)[0] + ball == pytest.approx(v, abs=1e-12)


@given(penalties, numbers, numbers)
def test_distance_to_the_subdifferential(penalty, u, gradient):
    u = abs(u) if penalty.positive else u
    omega = 1.0 if penalty.weights is None else penalty.weights[0]
    level = penalty.alpha * penalty.l1_ratio * omega
    smooth = penalty.alpha * (1.0 - penalty.l1_ratio) * u
    low, high = (level * np.sign(u),) * 2 if u else (-np.inf if penalty.positive else -level, level)
    nearest = np.clip(-gradient, smooth + low, smooth + high)
    assert penalty.distance([u], [gradient])[0] == pytest.approx(abs(-gradient - nearest), rel=1e-10, abs=1e-10)


@given(penalties, numbers, st.sampled_from([0.1, 2.0]))
def test_distance_vanishes_where_the_prox_step_stands_still(penalty, v, step):
    u = penalty.prox([v], step)
    assert penalty.distance(u, (u - v) / step)[0] <= 1e-9 * (1.0 + abs(v)) / step


def test_infinite_weights_exclude():
    penalty = L1(0.5, weights=[np.inf, 1.0])
    assert penalty.value([0.0, -2.0]) == 1.0
    assert penalty.value([1e-9, 0.0]) == np.inf
    np.testing.assert_array_equal(penalty.prox([100.0, 1.0], 1.0), [0.0, 0.5])
    assert penalty.distance([0.0, 0.0], [1e9, 0.0]).max() == 0.0


@pytest.mark.parametrize(
    "penalty, name",
    [
        (L1(0.0), "alpha"), (L1(-1.0), "alpha"), (L1(np.nan), "alpha"), (L1(np.inf), "alpha"), (L1("1"), "alpha"),
        (L1([1.0, 2.0]), "alpha"), (L1(None), "alpha"), (ElasticNet(1.0, 0.0), "l1_ratio"),
        (ElasticNet(1.0, 1.1), "l1_ratio"), (ElasticNet(1.0, -0.1), "l1_ratio"), (ElasticNet(1.0, np.nan), "l1_ratio"),
        (L1(weights=[1.0]), "weights"), (L1(weights=[1.0, -1.0]), "weights"), (L1(weights=[1.0, np.nan]), "weights"),
        (L1(weights=[[1.0, 1.0]]), "weights"),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_named(penalty, name):
    with pytest.raises(InvalidProblemError, match=name):
        penalty.check(2)


@given(numbers, numbers, numbers)
def test_squared_loss(y, eta, u):
    loss = Squared()
    assert loss.values([y], [eta])[0] == pytest.approx(0.5 * (y - eta) ** 2)
    assert loss.gradient([y], [eta])[0] == pytest.approx(eta - y)
    conjugate = loss.conjugate(np.array([y]), [u])[0]
    assert conjugate >= u * eta - loss.values([y], [eta])[0] - 1e-9  # Fenchel and Young
    assert conjugate == pytest.approx(u * (y + u) - loss.values([y], [y + u])[0], abs=1e-9)  # equality at the best


def test_losses_by_name():
    loss = Squared()
    assert as_loss(loss) is loss
    with pytest.raises(ValueError, match="unknown loss 'absurd'.*squared"):
        as_loss("absurd")
    with pytest.raises(TypeError, match="loss"):
        as_loss(3)
