"""The transform and the sketches against matrices written down in full."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.linalg import hadamard
from sketch_oracles import dense_block_sum, random_signs

import sparseopt as so
from sparseopt._ext import _sketch
from sparseopt.solvers.sketch.kinds import apply_sketch


@pytest.mark.parametrize("n", [1 << k for k in range(13)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", "CF")
def test_transform_is_the_hadamard_matrix(n, dtype, order):
    X = np.array(np.random.default_rng(n).standard_normal((n, 3)), dtype=dtype, order=order)
    wide = X.astype(np.float64)
    expected = hadamard(n) @ wide
    found = so.fwht(X)
    assert found.dtype == dtype
    tolerance = 4 * np.finfo(dtype).eps * (np.log2(n) + 1) * np.sqrt(n) * 4
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(so.fwht(found) / n, X, rtol=0, atol=tolerance / np.sqrt(n))


def test_transform_along_any_axis():
    X = np.random.default_rng(0).standard_normal((4, 32, 16))
    before = X.copy()
    for axis, n in ((0, 4), (1, 32), (2, 16), (-1, 16)):
        expected = np.moveaxis(np.tensordot(hadamard(n), X, axes=(1, axis)), 0, axis)
        np.testing.assert_allclose(so.fwht(X, axis), expected, atol=1e-12)
        turned = so.fwht(X.transpose(2, 0, 1), (axis + 1) % 3)
        np.testing.assert_allclose(turned, expected.transpose(2, 0, 1), atol=1e-12)
    np.testing.assert_array_equal(X, before)
    out = np.empty_like(X)
    assert so.fwht(X, 1, out=out, orthonormal=True) is out
    np.testing.assert_allclose(so.fwht(out, 1, orthonormal=True), X, atol=1e-13)
    so.fwht(X, 1, out=X, n_threads=2)
    np.testing.assert_array_equal(X, so.fwht(before, 1))


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ((np.ones(3),), ValueError, "power of two, got 3"),
        ((np.ones(4, complex),), TypeError, "real"),
        ((np.ones(4), 1), ValueError, "axis"),
        ((np.float64(1.0),), ValueError, "axis"),
        ((np.empty((0, 2)),), ValueError, "got 0"),
    ],
)
def test_transform_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        so.fwht(*arguments)
    with pytest.raises(ValueError, match="out must"):
        so.fwht(np.ones(4), out=np.ones(5))


def test_signs_are_those_of_the_definition():
    np.testing.assert_array_equal(_sketch.signs(2**62 + 7, 1, 100, 300), random_signs(2**62 + 7, 1, 100, 300))
    many = _sketch.signs(5, 1, 0, 1 << 18)
    assert abs(many.sum()) < 4 * 2**9 and abs((many[1:] * many[:-1]).sum()) < 4 * 2**9


@pytest.mark.parametrize("d", [1, 7, 8, 9, 33])
@pytest.mark.parametrize("m, n, row0", [(64, 64, 0), (64, 200, 17), (256, 1000, 0), (1024, 5000, 333), (4096, 5000, 9)])
def test_block_sum_is_its_matrix(d, m, n, row0):
    rng = np.random.default_rng(d)
    X, scale = rng.standard_normal((n, d)), rng.uniform(0.5, 2.0, n)
    S = dense_block_sum(n, m, 77, row0)
    expected = S @ (scale[:, None] * X)
    for array in (X, np.asfortranarray(X), np.asfortranarray(np.hstack([X, X]))[:, :d]):
        for threads in (1, 2):
            found = apply_sketch("blocksum", array, m, 77, row0=row0, scale=scale, n_threads=threads)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    single = X.astype(np.float32)
    for array in (single, np.asfortranarray(single)):
        found = apply_sketch("blocksum", array, m, 77, row0=row0, scale=scale)
        np.testing.assert_allclose(found, S @ (scale[:, None] * single.astype(np.float64)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("tile", [1, 2, 4, 8])
def test_neither_threads_nor_tiles_change_a_bit(tile):
    X = np.random.default_rng(0).standard_normal((3000, 37))
    results = []
    for threads in (1, 2, 3):
        out = np.zeros((256, 37))
        _sketch.block_sum(X, out, 5, 10, None, True, threads, tile)
        results.append(out)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    reference = np.zeros((256, 37))
    _sketch.block_sum(X, reference, 5, 10)
    np.testing.assert_allclose(results[0], reference, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["blocksum", "gaussian", "sjlt", "countsketch"])
def test_chunks_add_up(kind):
    X = np.random.default_rng(0).standard_normal((3001, 11))
    y = X @ np.ones((11, 2))
    sample_weight = np.random.default_rng(1).uniform(size=3001)
    make = lambda **more: so.RowSketch(m=256, sketch=kind, random_state=3, **more)  # noqa: E731
    whole = make().fit(X, y, sample_weight)
    parts = make()
    for start, stop in ((0, 1), (1, 1000), (1000, 1000), (1000, 3001)):
        parts.partial_fit(X[start:stop], y[start:stop], sample_weight[start:stop] if stop > start else None)
    np.testing.assert_allclose(parts.sketch_, whole.sketch_, rtol=0, atol=2e-13)
    np.testing.assert_allclose(parts.target_sketch_, whole.target_sketch_, rtol=0, atol=2e-12)
    first = make().fit(X[:1234], y[:1234], sample_weight[:1234])
    second = make(row_offset=1234).fit(X[1234:], y[1234:], sample_weight[1234:])
    merged = second.merge(first)
    assert merged.ranges_ == [(0, 3001)] and merged.n_rows_ == 3001
    np.testing.assert_allclose(merged.sketch_, whole.sketch_, rtol=0, atol=2e-13)
    np.testing.assert_allclose(whole.apply(np.sqrt(sample_weight)[:, None] * y), whole.target_sketch_, atol=1e-12)
    sparse_whole = make().fit(sparse.csr_array(X), y, sample_weight)
    np.testing.assert_allclose(sparse_whole.sketch_, whole.sketch_, rtol=0, atol=2e-13)


def test_merging_refuses_rows_that_share_signs():
    X = np.ones((100, 2))
    one = so.RowSketch(m=64, random_state=0).fit(X)
    with pytest.raises(ValueError, match="row 0 is in both"):
        one.merge(so.RowSketch(m=64, random_state=0).fit(X))
    with pytest.raises(ValueError, match="same seed"):
        one.merge(so.RowSketch(m=64, random_state=1, row_offset=100).fit(X))
    with pytest.raises(ValueError, match="same shape"):
        one.merge(so.RowSketch(m=128, random_state=0, row_offset=100).fit(X))
    with pytest.raises(ValueError, match="all rows at once"):
        so.RowSketch(m=64, sketch="srht").partial_fit(X).partial_fit(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["blocksum", "srht", "gaussian", "sjlt"])
def test_sketches_refuse_what_is_not_finite(kind, bad):
    X = np.ones((500, 4))
    X[444, 2] = bad
    with pytest.raises(ValueError, match="Input X contains"):
        so.RowSketch(m=64, sketch=kind, random_state=0).fit(X)


@pytest.mark.parametrize("kind", ["blocksum", "srht"])
def test_one_block_is_an_isometry(kind):
    X = np.random.default_rng(0).standard_normal((200, 6))
    S = so.RowSketch(m=256, sketch=kind, random_state=1).fit(X)
    np.testing.assert_allclose(S.sketch_.T @ S.sketch_, X.T @ X, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["blocksum", "srht", "gaussian", "sjlt", "countsketch"])
def test_inner_products_are_kept_on_average(kind):
    rng = np.random.default_rng(0)
    pair = rng.standard_normal((300, 2))
    exact = pair[:, 0] @ pair[:, 1]
    found = []
    for seed in range(2000 if kind == "blocksum" else 400):
        sketched = apply_sketch(kind, pair, 64, seed, nonzeros={"sjlt": 8}.get(kind, 1))
        found.append(sketched[:, 0] @ sketched[:, 1])
    found = np.array(found)
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(found.size)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 700), d=st.integers(1, 20), lg=st.integers(6, 9), row0=st.integers(0, 2000),
    seed=st.integers(0, 2**62),
)  # fmt: skip
def test_any_shape(n, d, lg, row0, seed):
    X = np.random.default_rng(0).standard_normal((n, d))
    found = apply_sketch("blocksum", X, 1 << lg, seed, row0=row0)
    np.testing.assert_allclose(found, dense_block_sum(n, 1 << lg, seed, row0) @ X, rtol=0, atol=1e-12)


def test_sketch_size():
    assert so.sketch_size(100, 0.5, 0.05, kind="gaussian") == 101 + int(np.ceil(200 * np.log(4000) / 0.25))
    assert so.sketch_size(100, 0.5, 0.05) == 8192
    assert so.sketch_size(100, 0.5, 0.05, n=20_000) == 20_000
    assert so.sketch_size(100, 0.5, 0.05, k=10) >= so.sketch_size(100, 0.5, 0.05)
    for bad in (dict(d=0), dict(d=3, eps=0.0), dict(d=3, delta=1.0), dict(d=3, kind="none"), dict(d=3, k=0)):
        with pytest.raises(ValueError):
            so.sketch_size(**bad)


@pytest.mark.parametrize("n, d, B, row0", [(3001, 33, 512, 77), (9000, 9, 4096, 0), (9000, 25, 1024, 5)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_in_single_precision_are_those_in_double(n, d, B, row0, dtype):
    rng = np.random.default_rng(0)
    X, scale = rng.standard_normal((n, d)).astype(dtype), rng.uniform(0.5, 2.0, n)
    expected, found = np.zeros((B, d)), np.zeros((2, d, B), dtype=np.float32)
    _sketch.block_sum(X, expected, 7, row0, scale)
    for k in range(2):
        done = _sketch.block_sum_single(X, found[k], 7, row0, scale, True, k + 1, 16 * k)
        if not done:
            pytest.skip("no vector types")
    np.testing.assert_allclose(found[1].T, expected, rtol=0, atol=2e-6 * np.abs(expected).max())
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=2e-6 * np.abs(expected).max())
    assert not _sketch.block_sum_single(np.asfortranarray(X), found[0], 7, row0)
