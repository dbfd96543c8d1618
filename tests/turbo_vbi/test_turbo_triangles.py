"""Inverted triangles against plain formulas, and products that are updated between exact ones."""

import numpy as np
import pytest

from sparseopt.solvers.sbl.columns import PIECE, Columns
from sparseopt.solvers.turbo_vbi.posterior import Active, Woodbury
from sparseopt.solvers.turbo_vbi.systems import linear_system
from sparseopt.solvers.turbo_vbi.triangles import LEAF, factor, inverse_of, whiten_rows, whitener

SIZES = [1, LEAF, LEAF + 1, 2 * LEAF + 3, 5 * LEAF]


def design(m, n, kind, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    return X + 1j * rng.standard_normal((m, n)) if kind == "complex" else X


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("n", SIZES)
def test_factor_and_inverse_are_those_of_the_matrix(n, kind):
    X = design(n + 5, n, kind)
    gram, root = X.conj().T @ X, np.random.default_rng(1).uniform(0.01, 30.0, n)
    L, inverse = factor(gram, root)
    B = np.eye(n) + root[:, None] * gram * root
    np.testing.assert_allclose(L @ L.conj().T, B, rtol=1e-12, atol=1e-12 * np.abs(B).max())
    assert not np.triu(L, 1).any() and not np.triu(inverse, 1).any()
    assert inverse.flags.f_contiguous
    np.testing.assert_allclose(inverse @ L, np.eye(n), atol=1e-9)
    np.testing.assert_allclose(inverse.conj().T @ inverse, np.linalg.inv(B), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_whitening_is_a_solution_with_the_triangle(dtype):
    m, n = 2 * LEAF + 5, 40
    X = design(m, 2 * m, "complex" if dtype[0] == "c" else "real")
    L = np.asfortranarray(np.linalg.cholesky(np.eye(m) + X @ X.conj().T / m).astype(dtype))
    V = np.asfortranarray(design(m, n, "complex" if dtype[0] == "c" else "real", 1).astype(dtype))
    expected = np.linalg.solve(L.astype("c16"), V)
    tolerance = 200.0 * np.finfo(dtype).eps
    root = np.random.default_rng(2).uniform(0.5, 2.0, m)
    rows = whiten_rows(L, inverse_of(L), root, np.ascontiguousarray(V / root[:, None]).astype(dtype))
    np.testing.assert_allclose(rows, expected, atol=tolerance)
    np.testing.assert_allclose(whitener(L)(V), expected, atol=tolerance)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("centred, weighted", [(False, False), (True, False), (False, True), (True, True)])
def test_whole_design_is_the_formula_however_it_lies(order, dtype, centred, weighted):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.standard_normal((50, PIECE // 16)), dtype=dtype, order=order)  # several pieces
    center = X.mean(axis=0, dtype=float) if centred else None
    roots = rng.uniform(0.5, 2.0, 50) if weighted else None
    columns = Columns(X, center, roots)
    expected = X.astype(float) - (0.0 if center is None else center)
    expected *= 1.0 if roots is None else roots[:, None]
    whole = columns.whole()
    assert whole.flags.f_contiguous and whole.dtype == np.float64
    expected /= np.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(whole, expected, rtol=1e-12 if dtype == np.float64 else 1e-5, atol=1e-12)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_products_between_exact_calls_lose_single_precision_of_the_change_only(kind):
    rng = np.random.default_rng(0)
    m, n = 60, 150
    system = linear_system(design(m, n, kind))
    y = system.forward(np.where(np.arange(n) < 15, 1.0, 0.0)) + 0.05 * rng.standard_normal(m)
    D = np.where(np.arange(n) < 20, 1.0, 1e-5)
    kept = Active(system, y, exact=Woodbury(system, y))
    kept(D, 100.0)
    for step in range(5):
        moved = D * (1.0 + 1e-4 * rng.standard_normal(n))
        center = 1e-3 * rng.standard_normal(n)
        found = kept(moved, 100.0, 1.0, center)
        fresh = Active(system, y, exact=Woodbury(system, y))(moved, 100.0, 1.0, center)
        assert kept.stale
        on = D > 0.5
        np.testing.assert_allclose(found.mean[on], fresh.mean[on], rtol=1e-12)
        np.testing.assert_allclose(found.mean, fresh.mean, atol=1e-6)
        assert found.residual2 == pytest.approx(fresh.residual2, rel=1e-6), step
    kept.refresh()
    found = kept(moved, 100.0, 1.0, center)
    for name in ("mean", "variance", "cavity_precision", "cavity_mean"):
        np.testing.assert_allclose(getattr(found, name), getattr(fresh, name), rtol=1e-9, atol=1e-12, err_msg=name)
