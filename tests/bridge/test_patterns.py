"""Masks are exact projections onto their patterns."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseopt.bridge import NM, Block, Cluster, Neuron, PerRow, Unstructured
from sparseopt.bridge.methods.bayes import support_prior
from sparseopt.bridge.patterns import as_pattern, largest

scores = st.lists(st.integers(0, 5), min_size=1, max_size=8)


@given(scores, st.integers(0, 9))
def test_largest_is_the_best_set_and_takes_the_first_of_equals(values, k):
    score = np.array(values, dtype=float)
    mask = largest(score, k)
    assert mask.sum() == min(k, score.size)
    assert score[mask].sum() == sum(sorted(values, reverse=True)[:k])
    kept, gone = np.flatnonzero(mask), np.flatnonzero(~mask)
    assert all(score[i] > score[j] or (score[i] == score[j] and i < j) for i in kept for j in gone)


def best_score(score, masks):
    return max(score[mask].sum() for mask in masks)


def all_masks(shape):
    for bits in itertools.product((False, True), repeat=shape[0] * shape[1]):
        yield np.array(bits).reshape(shape)


@pytest.mark.parametrize(
    "pattern, allowed",
    [
        (Unstructured(), lambda m: m.sum() == 4),
        (PerRow(), lambda m: np.all(m.sum(axis=1) == 2)),
        (NM(1, 2), lambda m: np.all(m.reshape(2, 2, 2).sum(axis=2) == 1)),
        (Block(1, 2), lambda m: m.sum() == 4 and np.all(m.reshape(2, 2, 2).all(2) | ~m.reshape(2, 2, 2).any(2))),
        (Neuron(), lambda m: m.sum() == 4 and np.all(m[0] == m[1])),
        (Neuron(2), lambda m: m.sum() == 4 and np.all(m[0] == m[1]) and m[0, 0] == m[0, 1] and m[0, 2] == m[0, 3]),
    ],
    ids=["unstructured", "row", "1:2", "block", "neuron", "neuron of two"],
)
def test_masks_are_projections(pattern, allowed):
    masks = [mask for mask in all_masks((2, 4)) if allowed(mask)]
    rng = np.random.default_rng(0)
    for _ in range(20):
        score = rng.integers(0, 6, (2, 4)).astype(float)
        mask = pattern.mask(score, pattern.count((2, 4), 0.5))
        assert allowed(mask)
        assert score[mask].sum() == best_score(score, masks)
        assert np.array_equal(pattern.mask(score * mask, int(mask.sum())), mask) or not score[mask].all()


def test_blocks_may_be_cut_off_at_the_edges():
    labels = Block(2, 3).labels((3, 4))
    assert labels.tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [2, 2, 2, 3]]
    mask = Block(2, 3).mask(np.ones((3, 4)), 6)
    assert mask.sum() == 6 and mask[:2, :3].all()


def test_clusters_prefer_neighbours():
    score = np.zeros((1, 12))
    score[0, [1, 6, 7, 8]] = [1.1, 1.0, 0.9, 1.0]
    assert np.flatnonzero(Cluster().mask(score, 3)).tolist() == [6, 7, 8]
    assert np.flatnonzero(Cluster(strength=0.0).mask(score, 3)).tolist() == [1, 6, 8]
    image = np.zeros((1, 16))
    image[0, [5, 6, 9, 10, 0]] = [1, 1, 1, 1, 1.3]
    assert np.flatnonzero(Cluster((4, 4)).mask(image, 4)).tolist() == [5, 6, 9, 10]


@pytest.mark.parametrize(
    "text, pattern",
    [
        ("unstructured", Unstructured()), ("row", PerRow()), ("2:4", NM(2, 4)), ("block", Block(4, 4)),
        ("block:1x8", Block(1, 8)), ("neuron", Neuron()), ("cluster", Cluster()), ("cluster:28x28", Cluster((28, 28))),
    ],
)  # fmt: skip
def test_text(text, pattern):
    assert as_pattern(text) == pattern


@pytest.mark.parametrize("bad", ["5:4", "0:4", "2:", "blocks", "block:0x4", None, 3, ""])
def test_bad_text(bad):
    with pytest.raises(ValueError, match="pattern must"):
        as_pattern(bad)


def test_counts_keep_at_least_one_unit():
    assert Unstructured().count((3, 5), 0.999) == 1
    assert PerRow().count((3, 5), 0.999) == 3
    assert Neuron().count((3, 5), 0.999) == 3
    assert Block(2, 2).count((3, 5), 0.999) == 4
    assert NM(2, 4).count((3, 8), 0.0) == 12


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="4 does not divide the 10 inputs"):
        NM(2, 4).check((3, 10))
    with pytest.raises(ValueError, match="do not divide 10 inputs"):
        Neuron(3).check((3, 10))
    with pytest.raises(ValueError, match="no row of 10 inputs"):
        Cluster((2, 4)).check((3, 10))


def test_strength_is_a_share():
    for strength in (-0.1, 1.1):
        with pytest.raises(ValueError, match="strength must be"):
            Cluster(strength=strength)


def test_strength_is_the_squared_correlation_of_neighbours_in_the_prior():
    for strength, density in [(0.0, 0.1), (0.49, 0.3), (0.81, 0.0625)]:
        prior = support_prior(Cluster(strength=strength), (2, 9), density)
        assert prior.p01 / (prior.p01 + prior.p10) == pytest.approx(density)
        assert 1.0 - prior.p01 - prior.p10 == pytest.approx(strength**0.5)
