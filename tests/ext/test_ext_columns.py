"""Products of the compiled columns, of every storage, against plain numpy. Small: also run with bounds checks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sparseopt._ext._csc import CscColumns
from sparseopt._ext._dense import DenseColumns, instruction_set

EPS = np.finfo(float).eps


def read_only(*arrays):
    for array in arrays:
        array.flags.writeable = False


def strided(X, order):
    """X inside a larger array, so that columns (or rows) do not follow each other."""
    n, p = X.shape
    room = np.full((n + 3, p + 2), np.nan, dtype=X.dtype, order=order)
    room[1 : n + 1, 1 : p + 1] = X
    return room[1 : n + 1, 1 : p + 1]


def csc(X, values, indices, lock=False):
    S = sparse.csc_matrix(X)
    data, rows = S.data.astype(values), S.indices.astype(indices)
    if lock:
        read_only(data, rows)
    return CscColumns(data, rows, S.indptr.astype(indices), X.shape[0])


def dense(X, dtype=np.float64, order="F", lock=False):
    X = np.array(X, dtype=dtype, order=order)
    if lock:
        read_only(X)
    return DenseColumns(X)


KERNELS = {
    "f64_columns": dense,
    "f64_rows": lambda X: dense(X, order="C"),
    "f32_columns": lambda X: dense(X, np.float32),
    "f32_rows": lambda X: dense(X, np.float32, "C"),
    "f64_columns_strided": lambda X: DenseColumns(strided(X, "F")),
    "f64_rows_strided": lambda X: DenseColumns(strided(X, "C")),
    "f32_columns_strided": lambda X: DenseColumns(strided(X.astype(np.float32), "F")),
    "f32_rows_strided": lambda X: DenseColumns(strided(X.astype(np.float32), "C")),
    "f64_read_only": lambda X: dense(X, lock=True),
    "csc_f64_i32": lambda X: csc(X, np.float64, np.int32),
    "csc_f32_i32": lambda X: csc(X, np.float32, np.int32),
    "csc_f64_i64": lambda X: csc(X, np.float64, np.int64),
    "csc_f32_i64": lambda X: csc(X, np.float32, np.int64),
    "csc_read_only": lambda X: csc(X, np.float64, np.int32, lock=True),
}
SHAPES = [(300, 150), (17, 65), (1, 5), (5, 1), (1, 1), (0, 3), (3, 0), (0, 0)]
TRANSFORMS = ["plain", "center", "both"]
each_kernel = pytest.mark.parametrize("kernel", KERNELS)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s[0]}x{s[1]}")
each_transform = pytest.mark.parametrize("transform", TRANSFORMS)


def make(kernel, shape, transform="plain", seed=0, scale=1.0):
    """The compiled columns, and the matrix they stand for as float64."""
    rng = np.random.default_rng(seed)
    X = scale * (rng.standard_normal(shape) + 0.7) * (rng.random(shape) < 0.6)
    stored = X.astype(np.float32).astype(np.float64) if "f32" in kernel else X
    columns = KERNELS[kernel](X)
    p = shape[1]
    center = rng.uniform(-1, 1, p) * scale if transform in ("center", "both") else None
    factor = rng.uniform(0.5, 2, p) if transform in ("factor", "both") else None
    columns.set_transform(center, factor)
    return columns, (stored - (0.0 if center is None else center)) * (1.0 if factor is None else factor)


def close(actual, expected, size, n):
    """Equal to rounding, where `size` bounds the sum of absolute terms."""
    assert actual.shape == expected.shape
    bound = 8 * EPS * (n + 8) * (np.asarray(size) + np.finfo(float).tiny)
    assert np.all(np.abs(actual - expected) <= bound), np.max(np.abs(actual - expected) / bound)


def terms(X, R):
    """A bound of the sum of absolute terms of X'R where X is centred: the stored entries are at most |X| + 2."""
    return (np.abs(X) + 3.0 * max(1.0, np.abs(X).max(initial=0.0))).T @ np.abs(R)


def test_an_instruction_set_is_chosen():
    assert instruction_set() in ("baseline", "avx2", "avx512")


@each_transform
@each_shape
@each_kernel
def test_product_with_one_vector(kernel, shape, transform):
    columns, X = make(kernel, shape, transform)
    r = np.random.default_rng(1).standard_normal(shape[0])
    read_only(r)
    close(columns.rmatvec(r), X.T @ r, terms(X, r), shape[0])
    for cols in (np.arange(shape[1])[::-2], np.arange(0), np.repeat(np.arange(shape[1]), 2)):
        cols = np.ascontiguousarray(cols, dtype=np.intp)
        close(columns.rmatvec(r, cols), (X.T @ r)[cols], terms(X, r)[cols], shape[0])


@each_transform
@each_shape
@each_kernel
def test_product_with_several_vectors(kernel, shape, transform):
    columns, X = make(kernel, shape, transform)
    for m, order in itertools.product((0, 1, 2, 7), "CF"):
        R = np.array(np.random.default_rng(1).standard_normal((shape[0], m)), order=order)
        read_only(R)
        close(columns.rmatmat(R), (X.T @ R).T, terms(X, R).T, shape[0])


@each_transform
@each_shape
@each_kernel
def test_stored_products_know_no_transform(kernel, shape, transform):
    columns, _ = make(kernel, shape, transform)
    _, stored = make(kernel, shape)
    r = np.random.default_rng(2).standard_normal(shape[0])
    cols = np.arange(shape[1], dtype=np.intp)[::3].copy()
    close(columns.stored_products(r, cols), (stored.T @ r)[cols], terms(stored, r)[cols], shape[0])


@each_transform
@each_shape
@each_kernel
def test_subtract(kernel, shape, transform):
    columns, X = make(kernel, shape, transform)
    n, p = shape
    rng = np.random.default_rng(3)
    for m, cols in itertools.product((0, 1, 3), (np.arange(p)[::2], np.arange(p)[::-1], np.arange(0))):
        cols = np.ascontiguousarray(cols, dtype=np.intp)
        W = rng.standard_normal((m, cols.size))
        R = np.array(rng.standard_normal((n, m)), order=columns.block_order)
        expected = R - X[:, cols] @ W.T
        read_only(W, cols)
        columns.subtract(cols, W, R)
        size = 1.0 + (np.abs(X[:, cols]) + 3.0) @ np.abs(W.T)
        close(R, expected, size + np.abs(expected), p)


@each_transform
@each_shape
@pytest.mark.parametrize("kernel", [k for k in KERNELS if "csc" in k])
def test_gathered_columns_are_a_matrix_of_their_own(kernel, shape, transform):
    columns, X = make(kernel, shape, transform)
    r = np.random.default_rng(9).standard_normal(shape[0])
    for cols in (np.arange(shape[1])[::-2], np.arange(0), np.repeat(np.arange(shape[1]), 2)):
        cols = np.ascontiguousarray(cols, dtype=np.intp)
        taken = columns.take(cols)
        assert (taken.n_rows, taken.n_cols) == (shape[0], cols.size)
        np.testing.assert_array_equal(taken.rmatvec(r), columns.rmatvec(r, cols))
    with pytest.raises(ValueError, match="column index"):
        columns.take(np.array([shape[1]]))


@pytest.mark.parametrize("weighted", [False, True])
@each_transform
@each_shape
@each_kernel
def test_moments(kernel, shape, transform, weighted):
    columns, X = make(kernel, shape, transform)
    n, p = shape
    rng = np.random.default_rng(4)
    s = rng.uniform(0.0, 2.0, n) * (rng.random(n) < 0.8) if weighted else None
    if weighted and n:
        s[n // 2] = 1.0
        read_only(s)
    t = rng.standard_normal(n)
    reference = n // 2 if n else 0
    means, squares, products = columns.moments(s, t, reference)
    if n == 0:
        assert not np.any(means) and not np.any(squares) and not np.any(products)
        return
    weights = np.ones(n) if s is None else s
    mean = np.average(X, axis=0, weights=weights)
    about = weights @ (X - mean) ** 2
    close(means, mean, 10.0 + 0 * mean, n)
    np.testing.assert_allclose(squares, about, rtol=1e-11, atol=1e-12 * n)
    close(products, X.T @ t, terms(X, t), n)


@pytest.mark.parametrize("kernel", [k for k in KERNELS if "csc" not in k])
def test_moments_keep_digits_off_the_origin_and_know_constant_columns(kernel):
    rng = np.random.default_rng(5)
    X = np.round(rng.standard_normal((50, 4)) * 8.0) / 8.0 + 65536.0  # exact in float32 too
    X[:, 2] = 65536.1
    columns = KERNELS[kernel](X)
    s = rng.uniform(0.5, 2.0, 50)
    means, squares, _ = columns.moments(s, np.zeros(50), 0)
    shifted = X - 65536.0
    expected = s @ (shifted - np.average(shifted, axis=0, weights=s)) ** 2
    np.testing.assert_allclose(squares[[0, 1, 3]], expected[[0, 1, 3]], rtol=1e-12)
    assert squares[2] == 0.0
    np.testing.assert_allclose(means, np.average(X, axis=0, weights=s), rtol=1e-7 if "f32" in kernel else 1e-14)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("steps", [(0, 150), (0, 7, 8, 40, 150), (0, 0, 1, 1)])
@each_transform
@each_kernel
def test_gram_matrix_grows(kernel, transform, weighted, steps):
    columns, X = make(kernel, (300, 150), transform)
    rng = np.random.default_rng(6)
    s = rng.uniform(0.0, 2.0, 300) if weighted else None
    cols = rng.permutation(150)[: steps[-1]].astype(np.intp)
    G = np.full((steps[-1] + 3, steps[-1] + 5), np.nan)
    for old, total in zip(steps[:-1], steps[1:], strict=True):
        columns.extend_gram(cols[:total].copy(), old, s, G)
    weights = np.ones(300) if s is None else s
    expected = (X[:, cols] * weights[:, None]).T @ X[:, cols]
    k = steps[-1]
    np.testing.assert_allclose(G[:k, :k], expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    np.testing.assert_array_equal(G[:k, :k], G[:k, :k].T)
    assert np.all(np.isnan(G[k:])) and np.all(np.isnan(G[:, k:])), "wrote outside its part"


@each_shape
@each_kernel
def test_gram_matrix_of_any_shape(kernel, shape):
    columns, X = make(kernel, shape, "both")
    p = shape[1]
    G = np.full((p, p), np.nan)
    cols = np.arange(p, dtype=np.intp)
    columns.extend_gram(cols[: p // 2].copy(), 0, None, G)
    columns.extend_gram(cols, p // 2, None, G)
    np.testing.assert_allclose(G, X.T @ X, rtol=1e-11, atol=1e-10 * shape[0])


@pytest.mark.parametrize("scale", [1e150, 1e-150, 1e30, 1e-30])
@each_kernel
def test_huge_and_tiny_entries(kernel, scale):
    if "f32" in kernel and abs(np.log10(scale)) > 35:
        scale = 1e35 if scale > 1 else 1e-35
    columns, X = make(kernel, (40, 9), scale=scale)
    r = np.random.default_rng(7).standard_normal(40)
    np.testing.assert_allclose(columns.rmatvec(r), X.T @ r, rtol=1e-12)
    np.testing.assert_allclose(columns.rmatmat(r[:, None])[0], X.T @ r, rtol=1e-12)
    _, squares, _ = columns.moments(None, r)
    np.testing.assert_allclose(squares, ((X - X.mean(axis=0)) ** 2).sum(axis=0), rtol=1e-11)


@pytest.mark.parametrize("transform", ["plain", "both"])
@pytest.mark.parametrize("shape", [(150, 4100), (5000, 90)], ids=["wide", "tall"])
@each_kernel
def test_results_do_not_depend_on_threads(kernel, shape, transform):
    columns, _ = make(kernel, shape, transform)
    n, p = shape
    rng = np.random.default_rng(8)
    r, s, R = rng.standard_normal(n), rng.uniform(0.5, 1.5, n), rng.standard_normal((n, 5))
    cols = np.sort(rng.permutation(p)[:80]).astype(np.intp)
    W = rng.standard_normal((5, 80))

    def everything(n_threads):
        G = np.zeros((80, 80))
        columns.extend_gram(cols[:30].copy(), 0, s, G, n_threads=n_threads)
        columns.extend_gram(cols, 30, s, G, n_threads=n_threads)
        residuals = np.array(R, order=columns.block_order)
        columns.subtract(cols, W, residuals, n_threads=n_threads)
        return (
            columns.rmatvec(r, n_threads=n_threads), columns.rmatvec(r, cols, n_threads=n_threads),
            columns.rmatmat(R, n_threads=n_threads), columns.moments(s, r, n_threads=n_threads), G, residuals,
        )  # fmt: skip

    for one, two, three in zip(everything(1), everything(2), everything(3), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


@given(st.integers(0, 70), st.integers(0, 7), st.sampled_from(sorted(KERNELS)), st.integers(0, 2**31))
def test_every_tail_of_the_vector_loops(n, p, kernel, seed):
    columns, X = make(kernel, (n, p), "plain", seed)
    r = np.random.default_rng(seed).standard_normal(n)
    exact = (X.astype(np.longdouble).T @ r.astype(np.longdouble)).astype(float)
    close(columns.rmatvec(r), exact, np.abs(X).T @ np.abs(r), n)


def test_unsorted_rows_of_a_sparse_column():
    data, rows = np.array([1.0, 2.0, 3.0]), np.array([2, 0, 1], dtype=np.int32)
    columns = CscColumns(data, rows, np.array([0, 2, 3]), 3)
    X = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    r = np.array([1.0, 10.0, 100.0])
    np.testing.assert_array_equal(columns.rmatvec(r), X.T @ r)
    G = np.empty((2, 2))
    columns.extend_gram(np.arange(2), 0, None, G)
    np.testing.assert_array_equal(G, X.T @ X)


@each_kernel
def test_bad_shapes_and_indices_are_refused(kernel):
    columns, _ = make(kernel, (6, 4))
    G = np.zeros((4, 4))
    bad = [
        lambda: columns.rmatvec(np.zeros(5)),
        lambda: columns.rmatvec(np.zeros(6), np.array([4])),
        lambda: columns.rmatvec(np.zeros(6), np.array([-1])),
        lambda: columns.rmatmat(np.zeros((5, 2))),
        lambda: columns.stored_products(np.zeros(5), np.array([0])),
        lambda: columns.stored_products(np.zeros(6), np.array([9])),
        lambda: columns.moments(None, np.zeros(5)),
        lambda: columns.moments(np.ones(5), np.zeros(6)),
        lambda: columns.moments(None, np.zeros(6), 6),
        lambda: columns.moments(None, np.zeros(6), -1),
        lambda: columns.subtract(np.array([0, 7]), np.zeros((1, 2)), np.zeros((6, 1))),
        lambda: columns.subtract(np.array([0]), np.zeros((1, 2)), np.zeros((6, 1))),
        lambda: columns.subtract(np.array([0]), np.zeros((1, 1)), np.zeros((5, 1))),
        lambda: columns.extend_gram(np.arange(4), 0, None, np.zeros((3, 4))),
        lambda: columns.extend_gram(np.arange(4), 5, None, G),
        lambda: columns.extend_gram(np.arange(4), -1, None, G),
        lambda: columns.extend_gram(np.arange(4), 0, np.ones(5), G),
        lambda: columns.extend_gram(np.arange(5), 0, None, np.zeros((5, 5))),
        lambda: columns.set_transform(np.zeros(3), None),
        lambda: columns.set_transform(None, np.zeros(5)),
    ]
    for number, call in enumerate(bad):
        with pytest.raises(ValueError):
            call()
            pytest.fail(f"call {number} was not refused")


def test_arrays_that_cannot_be_read_in_place_are_refused():
    X = np.ones((6, 4))
    misaligned = np.frombuffer(bytearray(6 * 4 * 8 + 1), dtype=np.uint8)[1:].view(np.float64).reshape(4, 6).T
    for wrong in (X[::2, ::2], X[::-1], X.astype(int), X[0], X.astype(complex), X.astype(">f8"), misaligned):
        with pytest.raises(ValueError):
            DenseColumns(wrong)
    data, rows, starts = np.ones(3), np.array([0, 1, 2], dtype=np.int32), np.array([0, 2, 3])
    CscColumns(data, rows, starts, 3)
    odd = np.frombuffer(bytearray(25), dtype=np.uint8)[1:].view(np.float64)
    for wrong in (
        (data.astype(int), rows, starts, 3),
        (data, rows.astype(np.int16), starts, 3),
        (np.ones(6)[::2], rows, starts, 3),
        (data, rows, np.array([0, 2, 4]), 3),  # more entries than there are
        (data, rows, np.array([0, 3, 2]), 3),  # falls
        (data, rows, np.array([1, 2, 3]), 3),  # does not start at 0
        (data, rows, np.array([], dtype=np.int64), 3),
        (data, rows, starts, 2),  # row 2 is outside
        (data, -rows, starts, 3),
        (odd, rows, starts, 3),
    ):
        with pytest.raises(ValueError):
            CscColumns(*wrong)
