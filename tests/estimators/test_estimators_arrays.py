"""Arrays as users have them: read-only, mapped, strided, other types, broken structure. None is written to."""

import numpy as np
import pandas
import pytest
from estimator_oracles import CROSS_VALIDATED, EVERY, make_data
from scipy import sparse

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning", "error::RuntimeWarning")


@pytest.fixture(params=sorted(EVERY))
def name(request):
    return request.param


def quick(name, **parameters):
    parameters = {"tol": 1e-10, "n_threads": 1, **parameters}
    return EVERY[name](**({"n_alphas": 10} if name in CROSS_VALIDATED else {"alpha": 0.1}), **parameters)


def assert_same_fit(name, X, y, reference_X, reference_y=None, **fit):
    model = quick(name).fit(X, y, **fit)
    reference = quick(name).fit(reference_X, y if reference_y is None else reference_y, **fit)
    scale = np.abs(reference.coef_).max()
    assert scale > 0.0
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-9 * scale)
    np.testing.assert_allclose(model.intercept_, reference.intercept_, atol=1e-8 * max(scale, 1.0))
    np.testing.assert_allclose(model.predict(X), reference.predict(reference_X), atol=1e-7 * max(scale, 1.0))


DENSE = {
    "fortran": np.asfortranarray,
    "c_order": np.ascontiguousarray,
    "float32": lambda X: np.asfortranarray(X, dtype=np.float32),
    "rows strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "columns strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "window of c": lambda X: np.pad(X, 3)[3:-3, 3:-3],
    "window of fortran": lambda X: np.asfortranarray(np.pad(X, 3))[3:-3, 3:-3],
    "big endian": lambda X: X.astype(">f8"),
    "long double": lambda X: X.astype(np.longdouble),
    "unaligned": lambda X: np.frombuffer(b"x" + X.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(X.shape),
    "matrix of a record": lambda X: np.array([(row,) for row in X], dtype=[("x", np.float64, 90)])["x"],
}


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("read_only", [False, True])
def test_dense_arrays(name, kind, read_only):
    X, y = make_data()
    X = X.astype(np.float32).astype(np.float64)
    given, target = DENSE[kind](X), y.copy()
    s = np.linspace(0.5, 2.0, 60)
    before = given.copy(), target.copy(), s.copy()
    if read_only:
        for array in (given, target, s):
            array.flags.writeable = False
    assert_same_fit(name, given, target, X, y, sample_weight=s)
    for array, copy in zip((given, target, s), before, strict=True):
        np.testing.assert_array_equal(array, copy)


SPARSE = {
    "csc": sparse.csc_matrix,
    "csc_array": sparse.csc_array,
    "csr": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "coo": sparse.coo_matrix,
    "csc float32": lambda X: sparse.csc_matrix(X, dtype=np.float32),
}


def parts(X):
    return (X.data, *((X.row, X.col) if X.format == "coo" else (X.indices, X.indptr)))


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("read_only", [False, True])
def test_sparse_arrays(name, kind, read_only):
    X, y = make_data(density=0.3)
    X = X.astype(np.float32).astype(np.float64)
    given = SPARSE[kind](X)
    before = [part.copy() for part in parts(given)]
    if read_only:
        for part in parts(given):
            part.flags.writeable = False
    assert_same_fit(name, given, y, X, sample_weight=np.linspace(0.5, 2.0, 60))
    for part, copy in zip(parts(given), before, strict=True):
        np.testing.assert_array_equal(part, copy)


def split_entries(X, rng):
    """A CSC matrix equal to X whose columns are shuffled and hold some entries in two pieces."""
    data, rows, starts = [], [], [0]
    for column in sparse.csc_matrix(X).T.toarray():
        where = np.flatnonzero(column)
        twice = where[::3]
        values = column[where]
        values[::3] *= 0.25
        values = np.concatenate([values, 0.75 * column[twice]])
        order = rng.permutation(values.size)
        data.append(values[order])
        rows.append(np.concatenate([where, twice])[order])
        starts.append(starts[-1] + values.size)
    return np.concatenate(data), np.concatenate(rows), np.array(starts)


@pytest.mark.parametrize("layout", [sparse.csc_matrix, sparse.csc_array])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("flags", ["unknown", "claimed sorted"])
def test_unsorted_and_duplicate_entries(name, layout, index, flags):
    X, y = make_data(density=0.4)
    data, rows, starts = split_entries(X, np.random.default_rng(0))
    given = layout((data, rows, starts), shape=X.shape)
    given.indices, given.indptr = given.indices.astype(index), given.indptr.astype(index)
    if flags == "claimed sorted":
        given.has_sorted_indices = False
    before = [part.copy() for part in parts(given)]
    assert_same_fit(name, given, y, X)
    for part, copy in zip(parts(given), before, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_unsorted_entries_without_duplicates(name):
    X, y = make_data(density=0.4)
    C = sparse.csc_matrix(X)
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(C.indptr, C.indptr[1:], strict=False)])
    given = sparse.csc_matrix((C.data[order], C.indices[order], C.indptr), shape=X.shape)
    before = given.indices.copy()
    assert_same_fit(name, given, y, X)
    np.testing.assert_array_equal(given.indices, before)


def test_explicit_zeros(name):
    X, y = make_data(density=0.4)
    C = sparse.csc_matrix(np.where(X == 0.0, 7.0, X))
    C.data[C.data == 7.0] = 0.0
    assert C.nnz == X.size
    assert_same_fit(name, C, y, X)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("broken", ["row too large", "row negative", "starts decrease", "starts too large"])
def test_broken_sparse_structure_is_refused(name, index, broken):
    """Arrays of a sparse matrix can be overwritten; reading outside memory must not be the answer."""
    X, y = make_data(density=0.4)
    C = sparse.csc_matrix(X)
    C.indices, C.indptr = C.indices.astype(index), C.indptr.astype(index)
    if broken == "row too large":
        C.indices[5] = 10_000
    elif broken == "row negative":
        C.indices[5] = -3
    elif broken == "starts decrease":
        C.indptr[5] = C.indptr[6] + 1
    else:
        C.indptr[-1] += 1000
    with pytest.raises(ValueError):
        quick(name).fit(C, y)


@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_mapped_file(name, tmp_path, order, dtype):
    X, y = make_data()
    np.save(tmp_path / "X.npy", np.array(X, dtype=dtype, order=order))
    before = (tmp_path / "X.npy").read_bytes()
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert_same_fit(name, mapped, y, X.astype(dtype).astype(np.float64))
    assert (tmp_path / "X.npy").read_bytes() == before


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64, bool, np.float16])
@pytest.mark.parametrize("layout", [np.array, np.asfortranarray, sparse.csc_matrix, sparse.csr_matrix])
def test_other_number_types(name, dtype, layout):
    if dtype == np.float16 and layout not in (np.array, np.asfortranarray):
        layout = np.ascontiguousarray  # scipy has no sparse float16
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2 if dtype is bool else 5, (60, 30)).astype(dtype)
    y = X.astype(float)[:, :4] @ [3.0, -2.0, 1.0, 2.0] + rng.standard_normal(60)
    given = layout(X)
    assert_same_fit(name, given, y, X.astype(np.float64))
    assert given.dtype == X.dtype


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32, bool, np.float16, ">f8", object])
def test_number_types_of_y(name, dtype):
    X, y = make_data()
    y = (y > 3.0).astype(dtype) if dtype is bool else np.round(y).astype(dtype)
    target = y.copy()
    assert_same_fit(name, X, target, X, y.astype(np.float64))
    np.testing.assert_array_equal(target, y)


def test_lists_and_strided_targets(name):
    X, y = make_data()
    reference = quick(name).fit(X, y).coef_
    for target in (y.tolist(), np.repeat(y, 2)[::2], pandas.Series(y, index=np.arange(60)[::-1]), y[::-1].copy()[::-1]):
        np.testing.assert_array_equal(quick(name).fit(X, target).coef_, reference)


def test_data_frames(name):
    X, y = make_data()
    mixed = pandas.DataFrame(X)
    mixed[0] = np.round(X[:, 0]).astype(int)
    mixed[1] = X[:, 1] > 0
    mixed[2] = X[:, 2].astype(np.float32)
    mixed.columns = [f"f{j}" for j in range(90)]
    before = mixed.copy()
    assert_same_fit(name, mixed, pandas.Series(y), before.to_numpy(dtype=np.float64))
    pandas.testing.assert_frame_equal(mixed, before)


def test_object_array_of_numbers(name):
    """What reading mixed tables gives; scikit-learn converts it too."""
    X, y = make_data()
    assert_same_fit(name, X.astype(object), y, X)


def test_penalty_weights_are_not_written_to(name):
    X, y = make_data()
    omega = np.linspace(0.0, 2.0, 90)
    omega.flags.writeable = False
    before = omega.copy()
    quick(name, weights=omega).fit(X, y)
    np.testing.assert_array_equal(omega, before)


def test_results_are_the_callers_own(name):
    """Writing into what a fit gave changes neither the data nor a later fit."""
    X, y = make_data()
    model = quick(name).fit(X, y)
    first = model.coef_.copy()
    model.coef_[:] = 1e9
    np.testing.assert_array_equal(model.fit(X, y).coef_, first)
