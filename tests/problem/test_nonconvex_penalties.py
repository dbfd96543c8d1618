"""Non-convex penalties against their definitions: proximal maps by brute force, subdifferentials, bad parameters."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

import sparseopt as so
from sparseopt.penalties import CEL0, L0, L1, MCP, SCAD, Lq, TopK


def mcp(a, lam, gamma):
    return np.where(a < gamma * lam, lam * a - a**2 / (2 * gamma), gamma * lam**2 / 2)


def scad(a, lam, gamma):
    middle = (2 * gamma * lam * a - a**2 - lam**2) / (2 * (gamma - 1))
    return np.where(a <= lam, lam * a, np.where(a < gamma * lam, middle, lam**2 * (gamma + 1) / 2))


def cel0(a, lam, square):
    root = np.sqrt(square)
    return lam - 0.5 * square * np.maximum(np.sqrt(2 * lam) / root - a, 0.0) ** 2


DEFINITIONS = {
    "mcp": (MCP(0.7, 3.0), lambda a: mcp(a, 0.7, 3.0)),
    "mcp_steep": (MCP(1.3, 0.4), lambda a: mcp(a, 1.3, 0.4)),
    "scad": (SCAD(0.8, 3.7), lambda a: scad(a, 0.8, 3.7)),
    "scad_steep": (SCAD(0.8, 2.05), lambda a: scad(a, 0.8, 2.05)),
    "half": (Lq(0.9, 1 / 2), lambda a: 0.9 * np.sqrt(a)),
    "two_thirds": (Lq(0.9, 2 / 3), lambda a: 0.9 * np.cbrt(a) ** 2),
    "cel0": (CEL0(0.6, 2.0), lambda a: cel0(a, 0.6, 2.0)),
    "l0": (L0(0.6), lambda a: 0.6 * (a > 0)),
}
STEPS = (0.01, 0.3, 0.399, 0.4, 0.5, 1.0, 1.05, 2.7, 3.0, 10.0)


@pytest.fixture(params=sorted(DEFINITIONS))
def case(request):
    return DEFINITIONS[request.param]


def penalties():
    return [penalty for penalty, _ in DEFINITIONS.values()]


def test_value_is_the_definition(case):
    penalty, definition = case
    w = np.linspace(-5.0, 5.0, 301)
    np.testing.assert_allclose(penalty.value(w), definition(np.abs(w)).sum(), rtol=1e-12)


@pytest.mark.parametrize("step", STEPS)
def test_prox_minimises_its_definition(case, step):
    """No point of a fine grid, nor the ends of the pieces, is better than the proximal point."""
    penalty, definition = case
    for u in np.r_[np.linspace(-6.0, 6.0, 97), 1e-9, 100.0]:
        z = penalty.prox([u], step)[0]
        grid = np.r_[np.linspace(min(u, 0.0) - 0.1, max(u, 0.0) + 0.1, 4001), 0.0, u]
        objective = 0.5 * (grid - u) ** 2 + step * definition(np.abs(grid))
        mine = 0.5 * (z - u) ** 2 + step * definition(np.abs(z))
        assert mine <= objective.min() + 1e-12 * (1.0 + u * u)
        assert z * u >= 0.0


@given(u=st.floats(-20, 20), step=st.floats(1e-3, 20), alpha=st.floats(1e-3, 5), gamma=st.floats(0.05, 10))
def test_the_subdifferential_holds_what_the_prox_needs(u, step, alpha, gamma):
    """z = prox(u) implies (u - z) / step in the limiting subdifferential at z."""
    family = [MCP(alpha, gamma), SCAD(alpha, 2.0 + gamma), Lq(alpha), Lq(alpha, 2 / 3), L0(alpha), CEL0(alpha, gamma)]
    for penalty in family:
        z = penalty.prox([u], step)
        assert penalty.distance(z, (z - u) / step)[0] <= 1e-8 * (1.0 + abs(u) / step + alpha), penalty


@pytest.mark.parametrize("gamma, step", [(0.5, 1.0), (0.5, 4.0)])
def test_ties_give_the_smaller_point(gamma, step):
    """At the jump both 0 and u are minimisers; zero is returned, and u as soon as it is better."""
    penalty = MCP(1.0, gamma)
    jump = np.sqrt(gamma * step)
    assert penalty.prox([jump, -jump], step).tolist() == [0.0, -0.0]
    above = jump * (1 + 1e-12)
    assert penalty.prox([above], step)[0] == above
    assert L0(0.5).prox([1.0, 1.0 + 1e-12], 1.0).tolist() == [0.0, 1.0 + 1e-12]


def test_steps_beyond_the_concavity_jump(case):
    """With a long step the subproblem is not convex: nothing between zero and the unshrunk point is returned."""
    if case[0].kind == "mcp":
        u = np.linspace(-9, 9, 1001)
        z = case[0].prox(u, 5.0)
        assert np.all((z == 0.0) | (z == u)) and np.any(z == 0.0) and np.any(z == u)


@pytest.mark.parametrize("curvature", [0.2, 1.0, 7.0])
def test_exit_level_is_where_the_prox_leaves_zero(case, curvature):
    penalty = case[0]
    level = penalty.exit_levels([curvature])[0]
    at, above = level * (1 - 1e-9) / curvature, level * (1 + 1e-9) / curvature
    assert penalty.prox([at], 1.0 / curvature)[0] == 0.0
    assert penalty.prox([above], 1.0 / curvature)[0] > 0.0
    doubled = clone(penalty).set_params(alpha=2.0 * penalty.alpha)
    if penalty.kind != "scad" or curvature * (penalty.gamma - 1.0) > 1.0:
        np.testing.assert_allclose(doubled.exit_levels([curvature])[0], level * 2.0**penalty.degree)


def test_positive_keeps_the_positive_minimiser(case):
    penalty = clone(case[0]).set_params(positive=True)
    u = np.linspace(-5, 5, 41)
    np.testing.assert_array_equal(penalty.prox(u, 0.7), np.where(u > 0, case[0].prox(u, 0.7), 0.0))
    assert penalty.value([-1e-9, 1.0]) == np.inf
    assert penalty.distance([0.0], [50.0])[0] == 0.0


def test_weights_scale_the_level(case):
    penalty = clone(case[0])
    weighted = clone(penalty).set_params(weights=[0.0, 1.0, 2.0, np.inf])
    w, u = np.array([3.0, 0.4, 0.4, 0.0]), np.array([3.0, 2.2, 2.2, 50.0])
    double = clone(penalty).set_params(alpha=2 * penalty.alpha)
    np.testing.assert_allclose(weighted.value(w), penalty.value([0.4]) + double.value([0.4]))
    expected = [3.0, penalty.prox([2.2], 0.5)[0], double.prox([2.2], 0.5)[0], 0.0]
    np.testing.assert_allclose(weighted.prox(u, 0.5), expected)
    assert weighted.value([0, 0, 0, 1e-300]) == np.inf or penalty.kind in ("half", "two_thirds")
    assert weighted.distance(np.zeros(4), [-3.0, 0, 0, 9.0])[0] == 3.0


def test_a_step_for_each_coefficient(case):
    steps = np.array([0.1, 1.0, 4.0])
    each = [case[0].prox([u], t)[0] for u, t in zip([2.0, -2.0, 3.0], steps, strict=True)]
    np.testing.assert_array_equal(case[0].prox([2.0, -2.0, 3.0], steps), each)


@pytest.mark.parametrize("penalty", [*penalties(), TopK(4)], ids=repr)
def test_several_outputs_are_entries(penalty):
    """A (p, K) matrix is penalised entry by entry, with the weights of its rows."""
    rng = np.random.default_rng(0)
    W, G = 2 * rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    W[rng.random((5, 3)) < 0.4] = 0.0
    assert penalty.value(W) == penalty.value(W.ravel())
    np.testing.assert_array_equal(penalty.prox(W, 0.7), penalty.prox(W.ravel(), 0.7).reshape(5, 3))
    np.testing.assert_array_equal(penalty.distance(W, G), penalty.distance(W.ravel(), G.ravel()).reshape(5, 3))
    if not isinstance(penalty, TopK):
        weighted = clone(penalty).set_params(weights=np.arange(5.0))
        columns = np.column_stack([weighted.prox(w, 0.7) for w in W.T])
        np.testing.assert_array_equal(weighted.prox(W, 0.7), columns)


def test_limits():
    u = np.linspace(-4, 4, 81)
    np.testing.assert_allclose(MCP(0.5, 1e12).prox(u, 0.7), L1(0.5).prox(u, 0.7), atol=1e-10)
    np.testing.assert_allclose(SCAD(0.5, 1e12).prox(u, 0.7), L1(0.5).prox(u, 0.7), atol=1e-10)


@pytest.mark.parametrize("square", [0.3, 1.0, 4.0])
def test_cel0_is_a_convex_hull_and_a_mcp(square):
    u, step = np.linspace(-4, 4, 81), 0.1
    twin = MCP(np.sqrt(2 * 0.6 * square), 1 / square)
    np.testing.assert_allclose(CEL0(0.6, square).prox(u, step), twin.prox(u, step), atol=1e-14)
    np.testing.assert_allclose(CEL0(0.6, square).value(u), twin.value(u))
    a = np.linspace(0, 4, 81)
    lower = np.array([CEL0(0.6, square).value([x]) for x in a])
    assert np.all(lower <= 0.6 * (a > 0) + 1e-15)
    assert np.all(np.diff(lower + 0.5 * square * a**2, 2) >= -1e-12)  # convex with the data fit
    # an exact step over one coordinate is hard thresholding
    np.testing.assert_allclose(CEL0(0.6, square).prox(u, 1 / square), L0(0.6).prox(u, 1 / square))


def test_top_k():
    u = np.array([1.0, -3.0, 0.5, 1.0, -1.0])
    assert TopK(2).prox(u, 1.0).tolist() == [1.0, -3.0, 0.0, 0.0, 0.0]
    assert TopK(0).prox(u, 1.0).tolist() == [0.0] * 5 and TopK(5).prox(u, 1.0).tolist() == u.tolist()
    assert TopK(1).value(u) == np.inf and TopK(5).value(u) == 0.0
    gradient = np.array([0.1, 0.2, -5.0, 0.3, 0.4])
    w = np.array([1.0, 2.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(TopK(2).distance(w, gradient), [0.1, 0.2, 0, 0, 0])
    np.testing.assert_array_equal(TopK(3).distance(w, gradient), [0.1, 0.2, 0, 0.3, 0])
    np.testing.assert_array_equal(TopK(5).distance(w, gradient), np.abs(gradient))


@pytest.mark.parametrize("penalty", penalties() + [TopK(3)], ids=repr)
def test_scikit_learn_parameters(penalty):
    twin = clone(penalty)
    assert repr(twin) == repr(penalty) and twin.get_params() == penalty.get_params()
    assert repr(pickle.loads(pickle.dumps(penalty))) == repr(penalty)
    penalty.check(5)


@pytest.mark.parametrize(
    "penalty, message",
    [
        (MCP(-1.0), "alpha must be > 0, got -1.0"),
        (MCP(0.0), "alpha must be > 0"),
        (MCP(np.nan), "alpha must be a finite number"),
        (MCP("1"), "alpha must be a finite number, got '1'"),
        (MCP(True), "alpha must be a finite number"),
        (MCP(1.0, 0.0), "gamma must be > 0, got 0.0"),
        (SCAD(1.0, 2.0), "gamma must be > 2, got 2.0"),
        (Lq(1.0, 0.7), "q must be 1/2 or 2/3, got 0.7"),
        (L0(np.inf), "alpha must be a finite number, got inf"),
        (CEL0(1.0, 0.0), "curvature must be finite and > 0"),
        (CEL0(1.0, [1.0, 2.0]), r"curvature has shape \(2,\), expected \(\) or \(3,\)"),
        (MCP(1.0, weights=[1.0]), r"weights have shape \(1,\), expected \(3,\)"),
        (SCAD(1.0, weights=[1.0, -1.0, 0.0]), "weights must be >= 0, the smallest is -1.0"),
        (TopK(4), "n_nonzero_coefs must be an integer from 0 to 3, got 4"),
        (TopK(-1), "n_nonzero_coefs must be an integer from 0 to 3, got -1"),
        (TopK(1.5), "n_nonzero_coefs must be an integer"),
    ],
)
def test_bad_parameters(penalty, message):
    with pytest.raises(so.exceptions.InvalidProblemError, match=message):
        penalty.check(3)
    with pytest.raises(ValueError, match=message):
        so.Problem(np.ones((2, 3)), [1.0, 2.0], penalty=penalty)
