"""Supports of all weights of a network: evidence of single weights by quadrature, the budget, neighbours."""

import numpy as np
import pytest
from scipy import integrate, stats

from sparseopt.exceptions import InvalidProblemError
from sparseopt.solvers.turbo_vbi import NetworkPosterior
from sparseopt.supports import ChainSupport, IIDSupport


def marginal(mean, precision, variance):
    """p(data | prior variance of the weight), by integration over the weight."""
    low, high = sorted((0.0, mean))
    width = 12.0 * max(precision**-0.5, variance**0.5)
    return integrate.quad(
        lambda w: stats.norm.pdf(w, mean, precision**-0.5) * stats.norm.pdf(w, 0.0, variance**0.5),
        low - width, high + width, points=[0.0, mean], limit=400,
    )[0]  # fmt: skip


def test_log_odds_and_moments_of_single_weights():
    w = {"a": np.array([[0.6, -0.05], [0.02, 1.5]]), "b": np.array([[0.3]])}
    precision = {"a": np.array([[20.0, 400.0], [5.0, 3.0]]), "b": np.array([[100.0]])}
    posterior = NetworkPosterior(w, {name: IIDSupport(0.2, learn=False) for name in w}, inactive_ratio=1e-2)
    s1 = {name: part.s1 for name, part in posterior.parts.items()}
    posterior.update(w, precision)
    for name, weight in w.items():
        part = posterior.parts[name]
        for i, (mean, p) in enumerate(zip(weight.ravel(), precision[name].ravel(), strict=True)):
            on, off = marginal(mean, p, s1[name]), marginal(mean, p, 1e-2 * s1[name])
            assert part.log_odds[i] == pytest.approx(np.log(0.2 * on / (0.8 * off)), abs=1e-6)
            odds = 0.2 * on / (0.2 * on + 0.8 * off)
            assert part.prob[i] == pytest.approx(odds, abs=1e-6)
            second = 0.0
            for share, s in ((odds, s1[name]), (1.0 - odds, 1e-2 * s1[name])):
                variance = 1.0 / (p + 1.0 / s)
                second += share * (variance + (variance * p * mean) ** 2)
            assert part.D[i] == pytest.approx(second, rel=1e-6)
    assert posterior.n_active == pytest.approx(sum(part.prob.sum() for part in posterior.parts.values()))
    assert posterior.precisions()["a"].shape == (2, 2)


def test_the_budget_is_met_in_expectation_and_exactly():
    rng = np.random.default_rng(0)
    w = {"a": rng.standard_normal((20, 30)), "b": 0.1 * rng.standard_normal((5, 20))}
    supports = {"a": ChainSupport(0.05, 0.2, shape=(20, 30), learn=False), "b": IIDSupport(0.1, learn=False)}
    posterior = NetworkPosterior(w, supports)
    for left in (400.0, 200.0, 50.0):
        posterior.update(w, {name: np.full(v.shape, 30.0) for name, v in w.items()}, n_active=left)
        assert posterior.n_active == pytest.approx(left, abs=1e-3)
    masks = posterior.largest(37)
    assert sum(mask.sum() for mask in masks.values()) == 37
    odds = np.concatenate([part.log_odds for part in posterior.parts.values()])
    inside = np.concatenate([mask.ravel() for mask in masks.values()])
    assert odds[inside].min() >= odds[~inside].max()


def test_neighbours_help_where_evidence_is_weak():
    w = {"a": np.array([[1.0, 0.1, 1.0, 0.0, 0.0, 0.1, 0.0, 0.0]])}
    precision = {"a": np.full((1, 8), 50.0)}
    plain = NetworkPosterior(w, {"a": IIDSupport(1 / 3, learn=False)})
    chain = NetworkPosterior(w, {"a": ChainSupport(0.05, 0.1, shape=(1, 8), learn=False)})
    for posterior in (plain, chain):
        posterior.update(w, precision, n_active=3.0)
    assert plain.parts["a"].prob[1] == pytest.approx(plain.parts["a"].prob[5])
    assert chain.parts["a"].prob[1] > 2.0 * chain.parts["a"].prob[5]


def test_what_does_not_fit_is_refused():
    w = {"a": np.ones((2, 3))}
    posterior = NetworkPosterior(w, {"a": IIDSupport()})
    with pytest.raises(InvalidProblemError, match="'a' has 6 weights, got 6 and 4"):
        posterior.update(w, {"a": np.ones(4)})
    with pytest.raises(InvalidProblemError, match="not finite"):
        posterior.update(w, {"a": np.full((2, 3), np.nan)})
    with pytest.raises(InvalidProblemError, match="prior of 5 coefficients"):
        NetworkPosterior(w, {"a": ChainSupport(shape=(1, 5))})
