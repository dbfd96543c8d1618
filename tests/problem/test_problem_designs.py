"""Designs: what is used where it lies, what is converted, and what products mean."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sparseopt.designs import Standardized, as_design


def shares_memory(design, X):
    held = design.matrix.data if design.is_sparse else design.array
    return np.shares_memory(held, X.data if sparse.issparse(X) else X)


def random(n=7, p=5, dtype=np.float64, order="F", seed=0):
    return np.array(np.random.default_rng(seed).standard_normal((n, p)), dtype=dtype, order=order)


def wide(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def locked(X):
    X.flags.writeable = False
    return X


IN_PLACE = {
    "fortran": random(),
    "c_order": random(order="C"),
    "float32": random(dtype=np.float32),
    "float32_c": random(dtype=np.float32, order="C"),
    "rows_of_fortran": random(10)[2:9],
    "columns_of_c": random(7, 9, order="C")[:, 1:6],
    "every_other_column": random(7, 10)[:, ::2],
    "every_other_row_of_c": random(14, 5, order="C")[::2],
    "read_only": locked(random()),
    "one_row": random(1, 5),
    "one_column": random(7, 1),
    "csc": sparse.csc_matrix(random()),
    "csc_array": sparse.csc_array(random()),
    "csc_float32": sparse.csc_matrix(random(dtype=np.float32)),
    "csc_64_bit": wide(sparse.csc_matrix(random())),
}
CONVERTED = {
    "reversed": random()[::-1],
    "strided_both": random(14, 10)[::2, ::2],
    "negative_columns": random()[:, ::-1],
    "integers": np.arange(35).reshape(7, 5),
    "booleans": random() > 0,
    "float16": random().astype(np.float16),
    "big_endian": random().astype(">f8"),
    "big_endian_single": random().astype(">f4"),
    "list": random().tolist(),
    "csr": sparse.csr_matrix(random()),
    "coo": sparse.coo_array(random()),
    "csc_integers": sparse.csc_matrix(np.arange(35).reshape(7, 5)),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_nothing_is_copied_that_can_be_used_where_it_lies(name):
    X = IN_PLACE[name]
    design = as_design(X)
    assert shares_memory(design, X)
    assert design.dtype == X.dtype and design.shape == X.shape


@pytest.mark.parametrize("name", CONVERTED)
def test_everything_else_is_converted_to_the_same_numbers(name):
    X = CONVERTED[name]
    design = as_design(X)
    dense = np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float64)
    np.testing.assert_allclose(np.column_stack([design.matvec(e) for e in np.eye(5)]), dense, rtol=1e-15)


@pytest.mark.parametrize("name", [*IN_PLACE, *CONVERTED])
def test_products_and_facts(name):
    X = {**IN_PLACE, **CONVERTED}[name]
    dense = np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float64)
    design = as_design(X)
    n, p = dense.shape
    rng = np.random.default_rng(1)
    w, r, R = rng.standard_normal(p), rng.standard_normal(n), rng.standard_normal((n, 3))
    np.testing.assert_allclose(design.matvec(w), dense @ w, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(design.rmatvec(r), dense.T @ r, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(design.rmatvec(R), dense.T @ R, rtol=1e-12, atol=1e-13)
    assert design.matvec(w).dtype == np.float64
    assert (design.n_samples, design.n_features) == (n, p)
    assert design.n_stored == (X.nnz if sparse.issparse(X) else n * p)
    cols = np.arange(p)[::2]
    per_column = np.diff(sparse.csc_matrix(X).indptr)[cols].sum() if sparse.issparse(X) else n * cols.size
    assert design.column_counts(cols) == per_column
    assert as_design(design) is design


def test_misaligned_arrays_are_converted():
    bytes_ = np.zeros(7 * 5 * 8 + 1, dtype=np.uint8)
    X = bytes_[1:].view(np.float64).reshape(5, 7).T
    X[:] = random()
    assert not X.flags.aligned
    np.testing.assert_array_equal(as_design(X).matvec(np.ones(5)), as_design(random()).matvec(np.ones(5)))
    S = sparse.csc_matrix(random())
    room = np.zeros(S.data.nbytes + 1, dtype=np.uint8)
    odd = room[1:].view(np.float64)
    odd[:] = S.data
    S.data = odd
    np.testing.assert_allclose(as_design(S).matvec(np.ones(5)), random().sum(axis=1), rtol=1e-13)


def test_memory_mapped_files_are_not_read_at_once(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, random())
    X = np.load(path, mmap_mode="r")
    design = as_design(X)
    assert shares_memory(design, X)
    np.testing.assert_allclose(design.matvec(np.ones(5)), np.asarray(X).sum(axis=1))


def test_duplicate_and_unsorted_sparse_entries_add_up_and_the_original_stays():
    data, rows, starts = np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3, 3])
    X = sparse.csc_matrix((data, rows, starts), shape=(3, 2))
    design = as_design(X)
    np.testing.assert_array_equal(design.matvec([1.0, 0.0]), [2.0, 0.0, 5.0])
    assert X.nnz == 3 and not X.has_canonical_format


@pytest.mark.parametrize(
    "X, error, message",
    [
        (np.ones(3), ValueError, "two dimensions"),
        (np.ones((2, 2, 2)), ValueError, "two dimensions"),
        (np.ones((2, 2)) * 1j, TypeError, "complex"),
        (np.array([["a"]]), TypeError, "numbers"),
        (np.array([[object()]]), TypeError, "object"),
        (sparse.csc_matrix(np.ones((2, 2)) * 1j), TypeError, "complex"),
        (sparse.coo_array(np.ones(3)), ValueError, "two dimensions"),
    ],
)
def test_what_is_no_real_matrix_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        as_design(X)


def test_broken_sparse_structure_is_refused():
    for change in ({"indptr": [0, 3, 2]}, {"indices": [0, 9, 1]}, {"indices": [-1, 0, 1]}, {"indptr": [1, 2, 3]}):
        X = sparse.csc_matrix((np.ones(3), np.array([0, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
        for name, value in change.items():
            setattr(X, name, np.array(value, dtype=np.int32))
        with pytest.raises(ValueError):
            as_design(X)


@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_standardized_designs_equal_formed_ones(seed, is_sparse, has_center, has_scale, twice):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((6, 4)) * (rng.random((6, 4)) < 0.7)
    design, formed = as_design(sparse.csc_matrix(X) if is_sparse else X), X
    for _ in range(2 if twice else 1):
        center = rng.standard_normal(4) if has_center else None
        scale = rng.uniform(0.5, 2.0, 4) * rng.choice([-1, 1], 4) if has_scale else None
        design = Standardized(design, center, scale)
        formed = (formed - (0.0 if center is None else center)) / (1.0 if scale is None else scale)
    assert design.is_sparse == is_sparse and design.shape == (6, 4)
    w, r = rng.standard_normal(4), rng.standard_normal((6, 2))
    np.testing.assert_allclose(design.matvec(w), formed @ w, atol=1e-12)
    np.testing.assert_allclose(design.rmatvec(r), formed.T @ r, atol=1e-12)
    np.testing.assert_allclose(design.rmatvec(r[:, 0]), formed.T @ r[:, 0], atol=1e-12)
    c, f = rng.standard_normal(4), rng.uniform(0.5, 2.0, 4)
    kernel = design.columns(c, f)
    np.testing.assert_allclose(kernel.rmatvec(r[:, 0].copy()), (f * (formed - c)).T @ r[:, 0], atol=1e-12)


def test_bad_standardization_is_refused():
    design = as_design(random())
    for bad in ({"center": np.ones(4)}, {"scale": np.zeros(5)}, {"scale": [np.nan] * 5}, {"center": [np.inf] * 5}):
        with pytest.raises(ValueError):
            Standardized(design, **bad)
    with pytest.raises(ValueError, match="w has shape"):
        design.matvec(np.ones(4))


def test_a_dense_design_survives_pickling_and_copying():
    design = as_design(np.asfortranarray(np.arange(6.0).reshape(3, 2)))
    for other in (pickle.loads(pickle.dumps(design)), copy.deepcopy(design)):
        np.testing.assert_array_equal(other.columns().rmatvec(np.ones(3)), [6.0, 9.0])
