"""Sharing weights out over layers, against enumeration."""

import itertools
import sys

import numpy as np
import pytest

from sparseopt.bridge import Neuron, Unstructured, allocate, allocate_budget, compress_layer, removal_curve
from sparseopt.bridge.allocate import RULES, Curve
from sparseopt.bridge.gram import Gram
from sparseopt.bridge.methods import Settings
from sparseopt.bridge.problem import layer_problem

allocation = sys.modules["sparseopt.bridge.allocate"]  # the function of this name hides the module


def brute_force(costs, errors, total):
    best = np.inf
    for options in itertools.product(*(range(len(c)) for c in costs)):
        if sum(c[i] for c, i in zip(costs, options, strict=True)) <= total:
            best = min(best, sum(e[i] for e, i in zip(errors, options, strict=True)))
    return best


def test_knapsack_equals_brute_force():
    rng = np.random.default_rng(0)
    for trial in range(200):
        costs = rng.integers(1, 30, (4, 5)) if trial % 2 else rng.random((4, 5))
        errors = rng.random((4, 5))
        total = costs.min(axis=1).sum() + rng.random() * (costs.max(axis=1).sum() - costs.min(axis=1).sum())
        chosen = allocate_budget(costs, errors, total)
        at = np.arange(4)
        assert costs[at, chosen].sum() <= total * (1 + 1e-12)
        assert errors[at, chosen].sum() == pytest.approx(brute_force(costs, errors, total))


def test_knapsack_stays_within_budget_when_states_are_merged(monkeypatch):
    monkeypatch.setattr(allocation, "CELLS", 50)
    rng = np.random.default_rng(1)
    for _ in range(20):
        costs, errors = rng.random((6, 8)), rng.random((6, 8))
        total = 0.4 * costs.max(axis=1).sum() + costs.min(axis=1).sum()
        chosen = allocate_budget(costs, errors, total)
        assert costs[np.arange(6), chosen].sum() <= total * (1 + 1e-9)
        assert errors[np.arange(6), chosen].sum() <= errors[np.arange(6), costs.argmin(axis=1)].sum()


def test_knapsack_refuses_what_it_cannot():
    with pytest.raises(ValueError, match="total must be at least 3"):
        allocate_budget([[1, 5], [2]], [[1, 0], [1]], 2.5)
    with pytest.raises(ValueError, match="layer 1 must be finite lists"):
        allocate_budget([[1], [1, 2]], [[1], [1]], 5)
    with pytest.raises(ValueError, match="costs must be >= 0"):
        allocate_budget([[-1.0]], [[1.0]], 5)
    assert allocate_budget([[0, 1]], [[1.0, 0.0]], 0) == [0]


def curves(seed=0, sizes=((3, 4), (2, 5), (1, 6))):
    rng = np.random.default_rng(seed)
    return {
        str(i): Curve(s, np.sort(rng.exponential(size=s[0] * s[1])), 1.0, np.sort(rng.random(s[0] * s[1])))
        for i, s in enumerate(sizes)
    }


@pytest.mark.parametrize("rule", RULES)
def test_counts_add_up(rule):
    given = curves()
    total = sum(curve.size for curve in given.values())
    for sparsity in (0.0, 0.25, 0.5, 0.8):
        counts = allocate(given, sparsity, rule)
        assert all(1 <= counts[name] <= curve.size for name, curve in given.items())
        assert abs(sum(counts.values()) - total * (1 - sparsity)) <= (2 if rule in ("uniform", "erk") else 1)


@pytest.mark.parametrize("rule", ["relerr", "knapsack"])
def test_errors_are_least_over_all_counts(rule):
    for seed in range(5):
        given = curves(seed)
        counts = allocate(given, 0.6, rule)
        kept = sum(counts.values())
        sizes = [range(1, curve.size + 1) for curve in given.values()]
        best = min(
            sum(curve.error(k) for curve, k in zip(given.values(), ks, strict=True))
            for ks in itertools.product(*sizes) if sum(ks) <= kept
        )  # fmt: skip
        assert sum(given[name].error(k) for name, k in counts.items()) == pytest.approx(best)


def test_global_magnitude_is_one_threshold():
    given = curves()
    counts = allocate(given, 0.5, "global_magnitude")
    every = np.sort(np.concatenate([curve.magnitudes for curve in given.values()]))[::-1]
    cut = every[sum(counts.values()) - 1]
    assert counts == {name: int((curve.magnitudes >= cut).sum()) for name, curve in given.items()}


def test_erk_densities():
    given = curves(sizes=((100, 100), (10, 10), (2, 2)))
    counts = allocate(given, 0.8, "erk")
    assert counts["2"] == 4 and counts["1"] == 100  # both would exceed 1, and stay dense
    assert sum(counts.values()) == round(0.2 * 10_104)
    free = allocate(curves(sizes=((100, 100), (50, 50))), 0.9, "erk")
    assert (free["1"] / 2500) / (free["0"] / 10_000) == pytest.approx(2.0, rel=0.02)


def test_curve_is_the_error_of_removal(layer):
    W, X = layer
    problem = layer_problem(W, Gram(X.T @ X / len(X), len(X)))
    curve = removal_curve(problem, Unstructured(), Settings())
    assert curve.removals is not None
    for k in (50, 30, 10):
        exact = compress_layer(W, X.T @ X / len(X), method="obc", k=k).objective
        assert curve.error(k) >= exact * (1 - 1e-9)  # the rising form of the losses can only say more
        assert curve.error(k) <= 1.5 * exact
    units = removal_curve(problem, Neuron(2), Settings())
    exact = compress_layer(W, X.T @ X / len(X), method="obc", k=24, pattern=Neuron(2)).objective
    assert units.unit == 12 and exact <= units.error(24) * (1 + 1e-9) <= 1.5 * exact


def test_curve_from_some_rows_is_near(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 12)) @ rng.standard_normal((12, 12))
    problem = layer_problem(rng.standard_normal((80, 12)), Gram(X.T @ X / 300, 300))
    whole = removal_curve(problem, Unstructured(), Settings())
    monkeypatch.setattr(allocation, "WORK", 20 * 12**3 / 6)
    part = removal_curve(problem, Unstructured(), Settings())
    assert part.removals is None and part.losses.size == 20 * 12
    assert part.error(480) == pytest.approx(whole.error(480), rel=0.3)


def test_bad_rule_and_sparsity():
    with pytest.raises(ValueError, match="rule must be one of"):
        allocate(curves(), 0.5, "best")
    with pytest.raises(ValueError, match="sparsity"):
        allocate(curves(), 1.0)
