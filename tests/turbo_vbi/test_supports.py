"""Support priors: marginals, normalisers and expectations against sums over all supports."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from turbo_oracles import chain_weight, draw_chain, enumerate_support

import sparseopt as so
from sparseopt.exceptions import InvalidProblemError
from sparseopt.supports import ChainSupport, GridSupport, GroupSupport, IIDSupport, TreeSupport

probabilities = st.floats(0.005, 0.95)
seeds = st.integers(0, 2**32 - 1)


def agree(prior, weight, llr, tol=1e-10):
    """Marginals, normaliser; returns what enumeration knows for further checks."""
    odds, log_z, states, joint = enumerate_support(weight, llr)
    messages = prior.bind(len(llr)).messages(llr)
    np.testing.assert_allclose(messages.ext + llr, odds, atol=tol)
    np.testing.assert_allclose(messages.prob, expit(odds), atol=tol)
    assert messages.log_z == pytest.approx(log_z, abs=1e-9)
    return messages, states, joint


def pair_counts(states, joint, edges):
    counts = np.zeros(4)
    for parent, child in edges:
        for k, (u, v) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            counts[k] += joint[(states[:, parent] == u) & (states[:, child] == v)].sum()
    return counts


@given(seeds, st.integers(1, 12), probabilities, probabilities)
def test_chain_equals_enumeration(seed, n, p01, p10):
    llr = np.random.default_rng(seed).normal(0, 3, n)
    messages, states, joint = agree(ChainSupport(p01, p10), chain_weight(p01, p10), llr)
    edges = [(i, i + 1) for i in range(n - 1)]
    np.testing.assert_allclose(messages.state, pair_counts(states, joint, edges), atol=1e-9)


@given(seeds, st.integers(1, 10), probabilities, probabilities)
def test_tree_equals_enumeration(seed, n, p01, p10):
    rng = np.random.default_rng(seed)
    llr = rng.normal(0, 3, n)
    order = rng.permutation(n)  # node numbers say nothing about depth
    parents = np.full(n, -1)
    for k in range(1, n):
        parents[order[k]] = order[rng.integers(0, k)] if rng.random() < 0.85 else -1
    first = p01 / (p01 + p10)
    P = np.array([[1 - p01, p01], [p10, 1 - p10]])

    def weight(s):
        return np.prod([(first if s[i] else 1 - first) if up < 0 else P[s[up], s[i]] for i, up in enumerate(parents)])

    messages, states, joint = agree(TreeSupport(parents, p01, p10), weight, llr)
    edges = [(up, i) for i, up in enumerate(parents) if up >= 0]
    np.testing.assert_allclose(messages.state, pair_counts(states, joint, edges), atol=1e-9)


@given(seeds, st.lists(st.integers(0, 2), min_size=1, max_size=9), probabilities, probabilities)
def test_groups_equal_enumeration(seed, labels, density, inside):
    llr = np.random.default_rng(seed).normal(0, 3, len(labels))

    def weight(s):
        value = 1.0
        for g in set(labels):
            members = s[[label == g for label in labels]]
            value *= density * np.prod(np.where(members, inside, 1 - inside)) + (1 - density) * (not members.any())
        return value

    agree(GroupSupport(labels, density, inside), weight, llr)


@given(seeds, st.integers(1, 8), probabilities)
def test_iid_equals_enumeration(seed, n, density):
    llr = np.random.default_rng(seed).normal(0, 3, n)
    agree(IIDSupport(density), lambda s: np.prod(np.where(s, density, 1 - density)), llr)


@pytest.mark.parametrize("schedule", ["rowcol", "flooding"])
@pytest.mark.parametrize("shape", [(1, 15), (15, 1)])
def test_grid_with_one_row_or_column_is_a_chain(shape, schedule):
    rng = np.random.default_rng(0)
    llr = rng.normal(0, 3, 15)
    theta, density = 0.4, 0.2
    chain = ChainSupport((1 - theta) * density, (1 - theta) * (1 - density)).messages(llr)
    grid, messages = GridSupport(shape, density, theta, schedule=schedule), None
    for _ in range(15):
        messages = grid.messages(llr, messages)
    np.testing.assert_allclose(messages.ext, chain.ext, atol=1e-6)


def test_schedules_of_a_grid_end_at_the_same_point():
    llr = np.random.default_rng(1).normal(-1, 2, 128)
    ends = []
    for schedule in ("rowcol", "flooding"):
        grid, messages = GridSupport((2, 8, 8), 0.2, 0.3, schedule=schedule), None
        for _ in range(60):
            messages = grid.messages(llr, messages)
        ends.append(messages.ext)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)


def test_small_grid_is_close_to_enumeration():
    """Loopy, so only close: a 3 x 3 grid has four short loops."""
    llr = np.random.default_rng(2).normal(-0.5, 1, 9)
    density, theta = 0.3, 0.3
    p10 = (1 - theta) * (1 - density)
    pair = np.array([[1 - density - density * p10, density * p10], [density * p10, density * (1 - p10)]])
    single = np.array([1 - density, density])
    factor = pair / np.outer(single, single)
    edges = [(i, j) for i in range(9) for j in (i + 1, i + 3) if j < 9 and (j == i + 3 or j % 3)]

    def weight(s):
        return np.prod(single[s]) * np.prod([factor[s[i], s[j]] for i, j in edges])

    odds, *_ = enumerate_support(weight, llr)
    grid, messages = GridSupport((3, 3), density, theta), None
    for _ in range(30):
        messages = grid.messages(llr, messages)
    np.testing.assert_allclose(messages.prob, expit(odds), atol=0.01)


def test_chains_along_either_axis():
    llr = np.random.default_rng(3).normal(0, 2, (2, 4, 5))
    for axis in (0, 1, 2, -1, -2):
        found = ChainSupport(shape=llr.shape, axis=axis).messages(llr.ravel()).ext.reshape(llr.shape)
        one_by_one = np.apply_along_axis(lambda v: ChainSupport().messages(v).ext, axis, llr)
        np.testing.assert_allclose(found, one_by_one, atol=1e-12)
    again = ChainSupport(shape=llr.shape, axis=1).messages(llr.ravel(), n_threads=3).ext
    assert np.array_equal(again, ChainSupport(shape=llr.shape, axis=1).messages(llr.ravel()).ext)


@pytest.mark.parametrize("prior", [
    IIDSupport(), ChainSupport(), TreeSupport(np.arange(8) - 1), GroupSupport(2), GridSupport((2, 4)),
    GridSupport((2, 4), schedule="flooding"),
], ids=lambda p: type(p).__name__)  # fmt: skip
def test_overwhelming_and_absent_evidence(prior):
    prior = prior.bind(8)
    nothing = prior.messages(np.zeros(8))
    np.testing.assert_allclose(nothing.prob, prior.density, rtol=1e-6)
    for size in (1e3, 1e300, np.inf):
        messages = prior.messages(size * np.array([1, 1, 1, 1, -1, -1, -1, -1.0]))
        assert np.all(np.isfinite(messages.ext)) and np.all(np.isfinite(messages.prob))
        assert np.all(messages.prob[:4] > 0.999) and np.all(messages.prob[4:] < 0.001)
        assert np.all(np.isfinite(list(prior.learned(messages).parameters().values())))


def test_transitions_are_learned_from_certain_evidence():
    s = draw_chain(np.random.default_rng(0), 20000, 0.03, 0.2)
    prior = ChainSupport()
    learned = prior.learned(prior.messages(np.where(s, 50.0, -50.0)))
    assert learned.p01 == pytest.approx(0.03, rel=0.15) and learned.p10 == pytest.approx(0.2, rel=0.15)
    assert prior.p01 == 0.02  # objects do not change
    fixed = ChainSupport(learn=False)
    assert fixed.learned(fixed.messages(np.where(s, 50.0, -50.0))) == fixed
    on = np.repeat(np.arange(100) < 30, 10)
    groups = GroupSupport(10).bind(1000)
    learned = groups.learned(groups.messages(np.where(on, 9.0, -9.0)))
    assert learned.group_density == pytest.approx(0.3, abs=0.01) and learned.inside > 0.99


@pytest.mark.parametrize("build, message", [
    (lambda: ChainSupport(p01=1.5), r"p01 must be a number in \(0.0, 1.0\), got 1.5"),
    (lambda: ChainSupport(p10=0), r"p10 must be a number in"),
    (lambda: ChainSupport(p10="x"), r"p10 must be a number, got 'x'"),
    (lambda: ChainSupport(shape=(3, -1)), "shape must hold positive integers"),
    (lambda: ChainSupport(shape=4), "shape must be a tuple"),
    (lambda: ChainSupport(shape=(2, 3), axis=2), r"axis must be an axis of shape \(2, 3\), got 2"),
    (lambda: IIDSupport(density=-0.1), "density must be a number in"),
    (lambda: IIDSupport(learn="yes"), "learn must be True or False"),
    (lambda: GridSupport((4,)), "shape must be a tuple of 2 to 3 positive integers"),
    (lambda: GridSupport((4, 4), coupling=1.0), "coupling must be a number in"),
    (lambda: GridSupport((4, 4), schedule="random"), "schedule must be one of"),
    (lambda: GroupSupport([0, 1], inside=2), "inside must be a number in"),
    (lambda: TreeSupport([1, 0]), "parents have a cycle"),
    (lambda: TreeSupport([-1, 0, 1, 4, 3]), "parents have a cycle"),
    (lambda: TreeSupport([5]), r"parents must lie in -1..0, got 5"),
    (lambda: TreeSupport([0.5]), "parents must hold one integer"),
    (lambda: ChainSupport(shape=(2, 3)).bind(7), "is a prior of 6 coefficients, X has 7 columns"),
    (lambda: GridSupport((2, 3)).bind(7), "is a prior of 6 coefficients, X has 7 columns"),
    (lambda: TreeSupport([-1]).bind(2), "is a prior of 1 coefficients, X has 2 columns"),
    (lambda: GroupSupport([0, 1, 1]).bind(2), "groups"),
])  # fmt: skip
def test_bad_priors_are_refused(build, message):
    with pytest.raises((ValueError, TypeError), match=message):
        build()


def test_a_coupling_that_orders_itself_warns():
    with pytest.warns(UserWarning, match="coupling=0.7 lets a grid order itself"):
        GridSupport((4, 4), coupling=0.7)
    assert issubclass(InvalidProblemError, ValueError)


def test_priors_are_values():
    assert ChainSupport() == ChainSupport() and ChainSupport() != ChainSupport(p01=0.03) and ChainSupport() != 3
    assert len({ChainSupport(), ChainSupport(), IIDSupport()}) == 2
    assert repr(so.supports.GridSupport((2, 3))).startswith("GridSupport((2, 3), density=0.1, coupling=0.37")
