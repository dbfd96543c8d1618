"""Bad data: one clear error, never a crash, a hang or NaN in silence."""

import numpy as np
import pytest
from estimator_oracles import CROSS_VALIDATED, EVERY, SINGLE, make_data
from scipy import sparse

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

NAN, INF = float("nan"), float("inf")
LAYOUTS = {
    "fortran": np.asfortranarray,
    "c_order": np.ascontiguousarray,
    "float32": lambda X: np.asfortranarray(X, dtype=np.float32),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "csc": sparse.csc_matrix,
    "csr": sparse.csr_matrix,
    "coo": sparse.coo_matrix,
}


@pytest.fixture(params=sorted(EVERY))
def name(request):
    return request.param


def quick(name, **parameters):
    return EVERY[name](**({"n_alphas": 5} if name in CROSS_VALIDATED else {"alpha": 0.1}), **parameters)


def refused(name, X, y, error, message, **fit):
    model = quick(name)
    with pytest.raises(error, match=f"(?i){message}") as caught:
        model.fit(X, y, **fit)
    assert not hasattr(model, "coef_")
    return str(caught.value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("row, column", [(0, 0), (59, 89), (0, 89), (59, 0), (31, 44)])
def test_one_bad_entry_of_X(name, layout, value, row, column):
    X, y = make_data(density=0.8)
    X[row, column] = value
    message = refused(name, LAYOUTS[layout](X), y, ValueError, r"\bX\b.*(NaN|inf)")
    assert str(column) in message


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc"])
@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("row", [0, 31, 59])
def test_bad_entry_in_a_row_of_zero_weight(name, layout, value, row):
    X, y = make_data()
    X[row, 5] = value
    s = np.ones(60)
    s[row] = 0.0
    refused(name, LAYOUTS[layout](X), y, ValueError, r"\bX\b.*(NaN|inf)", sample_weight=s)


@pytest.mark.parametrize("layout", ["fortran", "csc"])
def test_bad_entry_where_the_target_is_zero(name, layout):
    """0 * NaN is NaN: but does anybody multiply?"""
    X, y = make_data()
    X[3, 5] = NAN
    y[:] = 0.0
    refused(name, LAYOUTS[layout](X), y, ValueError, r"\bX\b.*NaN")


@pytest.mark.parametrize("layout", ["fortran", "csc"])
def test_bad_entries_that_cancel(name, layout):
    X, y = make_data()
    X[3, 5], X[4, 5] = INF, -INF
    refused(name, LAYOUTS[layout](X), y, ValueError, r"\bX\b.*(NaN|inf)")


@pytest.mark.parametrize("layout", ["fortran", "c_order", "csc"])
@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_bad_entry_in_an_excluded_column(kind, layout):
    X, y = make_data()
    X[3, 5] = NAN
    omega = np.ones(90)
    omega[5] = INF
    with pytest.raises(ValueError, match=r"\bX\b.*NaN"):
        SINGLE[kind](0.1, weights=omega).fit(LAYOUTS[layout](X), y)


def test_everything_is_nan(name):
    X, y = make_data()
    for layout in LAYOUTS.values():
        refused(name, layout(np.full_like(X, NAN)), y, ValueError, r"\bX\b.*NaN")


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("row", [0, 59])
def test_bad_target(name, value, row):
    X, y = make_data()
    y[row] = value
    refused(name, X, y, ValueError, r"\by\b.*(NaN|inf)")


def test_bad_target_in_a_row_of_zero_weight(name):
    X, y = make_data()
    y[3] = NAN
    s = np.ones(60)
    s[3] = 0.0
    refused(name, X, y, ValueError, r"\by\b.*NaN", sample_weight=s)


@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_bad_target_in_the_last_column(kind):
    X, Y = make_data(n_targets=3)
    Y[7, 2] = NAN
    refused(kind, X, Y, ValueError, r"\by\b.*NaN")


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda X: X[0], ValueError, "2D array.*1D"),
        (lambda X: X[:, 0].tolist(), ValueError, "2D array.*1D"),
        (lambda X: X[None], ValueError, "dim 3"),
        (lambda X: X[0, 0], ValueError, "2D array.*scalar"),
        (lambda X: X[:0], ValueError, "0 sample"),
        (lambda X: X[:, :0], ValueError, "0 feature"),
        (lambda X: sparse.csc_matrix((0, 90)), ValueError, "0 sample"),
        (lambda X: sparse.csc_matrix((60, 0)), ValueError, "0 feature"),
        (lambda X: [], ValueError, "2D array"),
        (lambda X: X.astype(complex), ValueError, "complex"),
        (lambda X: sparse.csc_matrix(X.astype(complex)), ValueError, "complex"),
        (lambda X: np.where(X > 0, "a", "b"), ValueError, "convert|numeric|string"),
        (lambda X: np.where(X > 3, "a", X.astype(object)), ValueError, "convert|numeric|string"),
        (lambda X: np.where(X > 2, None, X.astype(object)), (TypeError, ValueError), "NaN|None|X"),
        (lambda X: [[1, 2], [3]] * 30, ValueError, "inhomogeneous|shape"),
        (lambda X: None, (TypeError, ValueError), "X|array|None"),
        (lambda X: "X.csv", ValueError, "X|array|convert"),
        (lambda X: {"a": X}, (TypeError, ValueError), "X|array|number"),
        (lambda X: X[:59], ValueError, "60.*59|59.*60"),
        (lambda X: np.vstack([X, X]), ValueError, "60.*120|120.*60"),
        (lambda X: X.T, ValueError, "60.*90|90.*60"),
    ],
    ids=["row", "list", "3-D", "number", "no rows", "no columns", "sparse no rows", "sparse no columns", "nothing",
         "complex", "sparse complex", "words", "word among numbers", "None among numbers", "ragged", "None",
         "path", "dict", "one row short", "twice the rows", "transposed"],
)  # fmt: skip
def test_X_that_is_no_matrix_of_numbers(name, make, error, message):
    X, y = make_data()
    refused(name, make(X), y, error, message)


def test_numbers_written_as_text(name):
    """Scikit-learn converts them, so these estimators do."""
    X, y = make_data()
    X = np.round(X, 3)
    np.testing.assert_array_equal(quick(name).fit(X.astype(str), y).coef_, quick(name).fit(X, y).coef_)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda y: y[:59], ValueError, "60.*59|59.*60"),
        (lambda y: np.r_[y, 1.0], ValueError, "60.*61|61.*60"),
        (lambda y: [], ValueError, "0|y"),
        (lambda y: None, ValueError, r"\by\b"),
        (lambda y: 1.0, (TypeError, ValueError), "y|array|scalar"),
        (lambda y: np.where(y > 3, "a", "b"), ValueError, "convert|string|numeric"),
        (lambda y: y.astype(complex), ValueError, "complex"),
        (lambda y: np.stack([y, y])[:, :, None], ValueError, "."),
        (lambda y: y[:, None, None], ValueError, "dim 3|3D|shape"),
        (lambda y: np.empty((60, 0)), ValueError, r"\by\b|0 feature|target"),
        (lambda y: sparse.csc_matrix(y[:, None]), (TypeError, ValueError), "sparse|dense|y"),
        (lambda y: np.where(y > 3, None, y.astype(object)), (TypeError, ValueError), "NaN|None|y"),
    ],
    ids=["short", "long", "empty", "None", "number", "words", "complex", "3-D", "deep", "no targets", "sparse",
         "None among numbers"],
)  # fmt: skip
def test_y_that_is_no_target(name, make, error, message):
    X, y = make_data()
    refused(name, X, make(y), error, message)


@pytest.mark.parametrize("kind", sorted(CROSS_VALIDATED))
def test_cross_validation_takes_one_target(kind):
    X, Y = make_data(n_targets=3)
    refused(kind, X, Y, ValueError, r"\by\b.*\(60, 3\)")


def test_an_error_names_no_internals(name):
    """What a user sees at the end of the traceback is about their data."""
    X, y = make_data()
    X[0, 7] = NAN
    message = refused(name, X, y, ValueError, "X")
    assert "column 7" in message and "\n" not in message and len(message) < 300
    for word in ("memoryview", "Buffer", "kernel", "Quadratic"):
        assert word not in message


def test_two_bad_columns_give_one_error(name):
    X, y = make_data()
    X[0, 7] = X[0, 80] = NAN
    assert "column 7" in refused(name, X, y, ValueError, "X")


def test_mixture_of_nan_and_infinity(name):
    X, y = make_data()
    X[0, 7], X[1, 7], X[2, 8] = NAN, INF, -INF
    refused(name, X, y, ValueError, r"\bX\b.*(NaN|inf)")
