"""Penalties on groups: values, proximal maps, subdifferentials, conjugates, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize
from sparseopt._ext._group_norms import gauges, secular_root

import sparseopt as so
from sparseopt.penalties import Group, SparseGroup
from sparseopt.problem.penalties._groups import as_groups

floats = st.floats(-3, 3, allow_nan=False)
vectors = st.lists(floats, min_size=6, max_size=6).map(np.array)
LABELS = [0, 1, 0, 2, 1, 1]


def penalties(alpha=0.7):
    return [
        Group(alpha, LABELS),
        Group(alpha, LABELS, weights=[0.0, 1.0, 2.0]),
        Group(alpha, LABELS, l1_ratio=0.4),
        SparseGroup(alpha, 0.3, LABELS),
        SparseGroup(alpha, 1.0, LABELS),
        SparseGroup(alpha, 0.0, LABELS),
    ]


@pytest.mark.parametrize("penalty", penalties(), ids=str)
@settings(max_examples=25, deadline=None)
@given(w=vectors, step=st.floats(0.05, 3))
def test_prox_is_the_minimiser(penalty, w, step):
    def value(u):
        return step * penalty.value(u) + 0.5 * np.sum((u - w) ** 2)

    found = penalty.prox(w, step)
    best = value(found)
    rng = np.random.default_rng(0)
    for scale in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            assert value(found + scale * rng.standard_normal(6)) >= best - 1e-12
    # the optimality condition itself: (w - prox) / step lies in the subdifferential at prox
    assert np.max(penalty.distance(found, -(w - found) / step)) <= 1e-9 / step


def test_prox_agrees_with_a_general_minimiser():
    rng = np.random.default_rng(1)
    for penalty in penalties():
        w = rng.standard_normal(6) * 2
        found = penalty.prox(w, 0.5)
        end = minimize(lambda u, w=w, penalty=penalty: 0.5 * penalty.value(u) + 0.5 * np.sum((u - w) ** 2), found + 0.1,
                       method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 20_000})
        assert 0.5 * penalty.value(found) + 0.5 * np.sum((found - w) ** 2) <= end.fun + 1e-12


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10**6), st.floats(1e-3, 10), st.sampled_from([0.0, 0.1, 3.0]))
def test_secular_equation_against_brentq(m, seed, level, mu):
    rng = np.random.default_rng(seed)
    D = rng.exponential(size=m) * 10.0 ** rng.uniform(-6, 3, m) + 1e-9
    a = rng.standard_normal(m) ** 2 * 10.0 ** rng.uniform(-3, 3, m)

    def equation(h):
        return np.sum(a / ((D + mu) * h + level) ** 2) - 1.0

    found = secular_root(D, a, mu, level)
    if equation(0.0) <= 0.0:
        assert found == 0.0
        return
    high = 1.0
    while equation(high) > 0.0:
        high *= 2.0
    assert found == pytest.approx(brentq(equation, 0.0, high, xtol=1e-300, rtol=1e-14), rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(vectors, st.floats(0, 3), st.floats(0, 3))
def test_gauge_is_the_dual_norm(c, l1, level):
    if l1 + level < 1e-3 or np.abs(c).max() < 1e-6:
        return
    nu = gauges(c, np.array([0, 6]), l1, np.array([level]))[0]
    soft = np.maximum(np.abs(c) - nu * l1, 0.0)
    assert np.linalg.norm(soft) == pytest.approx(nu * level, abs=1e-9 * (1 + np.abs(c).max()))
    rng = np.random.default_rng(0)
    trial = rng.standard_normal((200, 6))
    norms = l1 * np.abs(trial).sum(axis=1) + level * np.linalg.norm(trial, axis=1)
    assert np.all(trial @ c <= nu * norms * (1 + 1e-9) + 1e-12)


@pytest.mark.parametrize("penalty", penalties(), ids=str)
@settings(max_examples=25, deadline=None)
@given(w=vectors, c=vectors)
def test_fenchel_young_inequality(penalty, w, c):
    t = min(1.0, penalty.dual_scale(c))
    free = penalty.unpenalised()
    c[free] = 0.0
    assert penalty.value(w) + penalty.conjugate(c, t) >= t * (w @ c) - 1e-9


def test_weak_duality_at_random_points():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 6)), rng.standard_normal(20)
    for penalty in penalties(0.05):
        problem = so.Problem(X, y, penalty=penalty)
        least = so.solve(problem, tol=1e-12).objective
        for _ in range(20):
            w = rng.standard_normal(6) * rng.choice([0, 0.1, 1.0], 6)
            assert problem.objective(w) - problem.duality_gap(w) <= least + 1e-10


def test_forms_of_groups_mean_the_same():
    rng = np.random.default_rng(0)
    w = rng.standard_normal(6)
    forms = [2, [0, 0, 1, 1, 2, 2], ["a", "a", "b", "b", "c", "c"], [[0, 1], [2, 3], [4, 5]], np.repeat([1.5, 2, 9], 2),
             [np.array([0, 1]), (2, 3), range(4, 6)]]
    values = [Group(1.0, groups).value(w) for groups in forms]
    np.testing.assert_allclose(values, values[0], rtol=1e-15)
    assert Group(2.0).value(w) == pytest.approx(2.0 * np.abs(w).sum())
    W = rng.standard_normal((6, 3))
    assert Group(2.0).value(W) == pytest.approx(2.0 * np.linalg.norm(W, axis=1).sum())
    assert so.penalties.RowGroup(2.0).value(W) == pytest.approx(Group(2.0).value(W))


@pytest.mark.parametrize(
    "groups, message",
    [
        ([[0, 1], [1, 2], [3, 4, 5]], r"groups overlap: column 1 is in groups\[0\] and in groups\[1\]"),
        ([[0, 1], [], [2, 3, 4, 5]], r"groups\[1\] is empty"),
        ([[0, 1], [2, 3]], r"leave out 2 of 6 columns, the first is 4"),
        ([[0, 1, 1], [2, 3, 4, 5]], r"groups\[0\] names column 1 twice"),
        ([[0, 6], [1, 2, 3, 4, 5]], r"names column 6, which is outside 0\.\.5"),
        ([[-1, 0], [1, 2, 3, 4]], r"names column -1"),
        ([[0.5, 1.0], [2, 3, 4, 5]], "must hold column numbers"),
        (4, "groups=4 must be a size >= 1 that divides"),
        (0, "groups=0 must be a size >= 1"),
        ([0, 0, 1], "groups has 3 labels for 6 features"),
        ([0, 0, 1, 1, np.nan, 2], r"no label \(NaN\) for column 4"),
        (np.zeros((2, 3)), "one label per feature|groups overlap|must hold"),
        (["a", 1, None, "b", 2, 3], "cannot be compared"),
    ],
)
def test_bad_groups_are_named(groups, message):
    X, y = np.random.default_rng(0).standard_normal((10, 6)), np.arange(10.0)
    with pytest.raises(ValueError, match=message):
        so.GroupLasso(groups=groups).fit(X, y)
    with pytest.raises(ValueError, match=message):
        Group(groups=groups).check(6)


@pytest.mark.parametrize("groups", ["abcdef", True, 2.5, {"a": [0, 1]}])
def test_groups_of_the_wrong_type(groups):
    with pytest.raises(TypeError, match="groups must be an array with one label per feature"):
        so.GroupLasso(groups=groups).fit(np.eye(6), np.arange(6.0))


@pytest.mark.parametrize(
    "model, message",
    [
        (so.GroupLasso(groups=2, weights=[1.0]), r"weights have shape \(1,\), expected \(3,\)"),
        (so.GroupLasso(groups=2, weights=[1.0, -1.0, 0.0]), "weights must be >= 0, the smallest is -1.0"),
        (so.GroupLasso(alpha=0), "alpha must be > 0"),
        (so.GroupLasso(l1_ratio=0.0), "l1_ratio must be in"),
        (so.SparseGroupLasso(l1_ratio=1.5), "l1_ratio must be"),
        (so.SparseGroupLasso(alpha=-1.0), "alpha must be"),
        (so.MultiTaskLasso(alpha=np.inf), "alpha must be"),
        (so.GroupLassoCV(n_alphas=0), "n_alphas must be"),
        (so.MultiTaskLassoCV(selection_rule="best"), "selection_rule must be one of"),
        (so.GroupLasso(solver="working_set", groups=2), "working_set"),
    ],
)
def test_bad_parameters_are_named(model, message):
    y = np.arange(12.0).reshape(6, 2) if isinstance(model, (so.MultiTaskLasso, so.MultiTaskLassoCV)) else np.arange(6.0)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(np.eye(6), y)


@pytest.mark.parametrize("exponent", [0, -180, -300, 150, 307])
@pytest.mark.parametrize("labels", [np.arange(12) // 3, np.arange(12)[::-1] % 4, np.arange(12)])
def test_norms_of_groups_of_any_size(exponent, labels):
    """Against extended precision; groups of usual and of extreme size side by side, and one output or several."""
    rng = np.random.default_rng(0)
    groups = as_groups(labels, 12)
    for values in (rng.standard_normal(12), rng.standard_normal((12, 1)), rng.standard_normal((12, 3))):
        values = values * np.where(np.arange(12) % 4 == 0, 1.0, 10.0**exponent).reshape(12, *[1] * (values.ndim - 1))
        wide = np.square(values.astype(np.longdouble)).reshape(12, -1).sum(axis=1)
        expected = [np.sqrt(wide[labels == label].sum()) for label in np.unique(labels)]
        np.testing.assert_allclose(groups.norms(values), np.array(expected, dtype=float), rtol=1e-14)
    assert np.all(groups.norms(np.zeros(12)) == 0.0)
    assert np.isinf(groups.norms(np.r_[np.inf, np.zeros(11)])).sum() == 1
    assert np.isnan(groups.norms(np.r_[np.nan, np.ones(11)])).sum() == 1
