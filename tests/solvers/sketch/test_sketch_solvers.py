"""The solvers: backward stability, certificates that hold, and what each does with rounds, targets and ranks."""

import threading
import warnings

import numpy as np
import pytest
from sketch_oracles import DESIGNS, UNIT, backward_error, gaussian, prescribed

import sparseopt as so
from sparseopt.solvers.sketch import Rows, solve_rows


@pytest.mark.parametrize("solver", ["spir", "fossils", "auto"])
@pytest.mark.parametrize("cond", [1e2, 1e4, 1e6, 1e8, 1e10, 1e12, 1e14])
@pytest.mark.parametrize("residual", [1e-12, 1e-6, 1e-3, 1.0])
def test_backward_stable(solver, cond, residual):
    A, b, _ = prescribed(4000, 50, cond, residual, seed=int(np.log10(cond)))
    result = so.lstsq_sketched(A, b, solver=solver, random_state=1)
    assert result.converged
    assert backward_error(A, b, result.x) <= 10 * UNIT
    assert result.backward_error <= 10 * UNIT


@pytest.mark.parametrize("solver", ["spir", "fossils"])
@pytest.mark.parametrize("cond", [1e2, 1e5])
def test_single_precision_data(solver, cond):
    A, b, _ = prescribed(4000, 50, cond, 1e-3, seed=0)
    single = A.astype(np.float32)
    result = so.lstsq_sketched(single, b, solver=solver, random_state=1)
    assert result.x.dtype == np.float64
    assert backward_error(single, b, result.x) <= 10 * UNIT  # the state is double: better than 10 units of float32


def test_the_estimate_is_near_the_backward_error():
    for cond in (1e3, 1e9):
        A, b, x = prescribed(4000, 50, cond, 1e-2, seed=3)
        rows = Rows(A, b[:, None])
        result = solve_rows(rows, solver="spir", tol=1e-8, seed=2)
        exact = backward_error(A, b, result.x[:, 0])
        assert exact / 30 <= result.backward_error[0] <= 30 * exact


def refined(A, b):
    """Least squares with one step of refinement in extended precision."""
    lengths = np.linalg.norm(A, axis=0)
    x = np.linalg.lstsq(A / lengths, b)[0] / lengths
    r = (b.astype(np.longdouble) - A.astype(np.longdouble) @ x).astype(np.float64)
    return x + np.linalg.lstsq(A / lengths, r)[0] / lengths


@pytest.mark.parametrize("solver", ["heavy_ball", "spir", "fossils", "csne"])
def test_certificates_hold(solver):
    """Bounds of coefficients, gaps and predictions in random problems; and they are not much too large."""
    ratios = []
    for seed in range(125):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(2, 12))
        A, b = list(DESIGNS.values())[seed % 3](600, d, rng)
        A = A * np.exp(rng.uniform(-5, 5, d))
        tol = [1e-1, 1e-4, 1e-8, "statistical"][seed % 4]
        result = so.lstsq_sketched(A, b, solver=solver, tol=tol, random_state=seed)
        exact = refined(A, b)
        error = np.abs(result.x - exact)
        assert np.all(error <= result.bound)
        loss = lambda x, A=A, b=b: 0.5 * np.mean((b - A @ x) ** 2)  # noqa: E731
        assert loss(result.x) - loss(exact) <= result.gap + 1e-13 * loss(0 * exact)
        if isinstance(tol, float):
            assert result.gap <= max(tol * loss(0 * exact), 1e-25)
        if solver != "csne":
            ratios.append(np.median(result.bound / np.maximum(error, 1e-300)))
    assert solver == "csne" or np.median(ratios) < 20


@pytest.mark.parametrize("n, d, m", [(1 << 16, 50, 512), (1 << 15, 30, 256), (1 << 15, 30, 1024)])
def test_statistical_tolerance(n, d, m):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n, d)) * np.logspace(0, -3, d)
    b = A @ rng.standard_normal(d) + rng.standard_normal(n)
    exact = so.lstsq_sketched(A, b, solver="csne")
    for seed in range(5):
        result = so.lstsq_sketched(A, b, solver="heavy_ball", tol="statistical", m=m, random_state=seed)
        assert np.all(np.abs(result.x - exact.x) <= 0.05 * exact.stderr)
        assert result.n_iter <= 9
        np.testing.assert_allclose(result.stderr, exact.stderr, rtol=0.35)


@pytest.mark.parametrize("design", DESIGNS)
def test_bounds_of_certified_steps_hold_for_many_columns(design):
    """With many columns bounds use that errors have random directions: for all designs and orders of memory."""
    d = 60
    A, b = DESIGNS[design](1 << 13, d, np.random.default_rng(1))
    exact = refined(A, b)
    for seed in range(6):
        X = A if seed % 2 else np.asfortranarray(A)
        result = so.lstsq_sketched(X, b, solver="heavy_ball", tol="statistical", m=1024, random_state=seed)
        assert result.solver == "heavy_ball" and result.converged
        assert np.all(np.abs(result.x - exact) <= result.bound)
        assert np.all(result.bound <= 0.05 * result.stderr)


def test_standard_errors_are_those_of_least_squares():
    A, b = gaussian(3000, 8, np.random.default_rng(0))
    r = b - A @ np.linalg.lstsq(A, b)[0]
    expected = np.sqrt(r @ r / (3000 - 8) * np.diag(np.linalg.inv(A.T @ A)))
    for solver in ("csne", "lapack"):
        np.testing.assert_allclose(so.lstsq_sketched(A, b, solver=solver).stderr, expected, rtol=1e-9)


@pytest.mark.parametrize("solver", ["heavy_ball", "spir", "fossils", "csne", "lapack"])
@pytest.mark.parametrize("kind", ["blocksum", "srht", "gaussian", "sjlt"])
def test_every_solver_and_sketch(solver, kind):
    A, b = gaussian(3000, 12, np.random.default_rng(2))
    B = np.column_stack([b, A[:, 0], np.zeros(3000)])
    result = so.lstsq_sketched(A, B, solver=solver, sketch=kind, random_state=0)
    np.testing.assert_allclose(result.x, np.linalg.lstsq(A, B)[0], rtol=0, atol=1e-13)
    assert result.solver == solver and result.converged
    again = so.lstsq_sketched(A, B, solver=solver, sketch=kind, random_state=0)
    np.testing.assert_array_equal(again.x, result.x)


@pytest.mark.parametrize("weighted", [False, True])
def test_normal_equations_in_single_precision_end_in_double(weighted):
    """From 400 columns on the factor comes from products in float32; the answer must not show it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, 410)) * np.exp(rng.uniform(-9, 9, 410))
    y = X @ (1 / np.linalg.norm(X, axis=0)) + rng.standard_normal(4000)
    s = rng.uniform(0.1, 2.0, 4000) if weighted else np.ones(4000)
    result = so.lstsq_sketched(X, y, solver="csne", sample_weight=s if weighted else None)
    assert result.solver == "csne" and result.n_passes >= 3
    root = np.sqrt(s)
    assert backward_error(root[:, None] * X / np.linalg.norm(X, axis=0), root * y,
                          result.x * np.linalg.norm(X, axis=0)) <= 10 * UNIT  # fmt: skip


def test_too_few_iterations_are_told():
    A, b = gaussian(3000, 12, np.random.default_rng(2))
    with pytest.warns(so.ConvergenceWarning, match="increase max_iter"):
        result = so.lstsq_sketched(A, b, solver="spir", max_iter=2, random_state=0)
    assert not result.converged and result.n_iter <= 2


class Ranks:
    """Ranks as threads, with the three collective operations that are used."""

    def __init__(self, size):
        self.size, self.barrier, self.slots = size, threading.Barrier(size), [None] * size

    def rank(self, index):
        ranks = self

        class Communicator:
            def Get_rank(self):
                return index

            def allgather(self, value):
                ranks.slots[index] = value
                ranks.barrier.wait()
                result = list(ranks.slots)
                ranks.barrier.wait()
                return result

            def Allreduce(self, local, total):
                total[...] = sum(self.allgather(local.copy()))

            def bcast(self, value):
                return self.allgather(value)[0]

        return Communicator()


@pytest.mark.parametrize("solver", ["sketch_solve", "heavy_ball", "spir", "csne"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_ranks_agree(solver, size):
    A, b = gaussian(5000, 9, np.random.default_rng(4))
    whole = so.lstsq_sketched(A, b, solver=solver, m=256, random_state=0)
    cuts = [0, *[5000 * k // size + 13 for k in range(1, size)], 5000]
    if size == 3:
        cuts[1] = 0  # a rank without rows
    ranks, results = Ranks(size), [None] * size

    def work(k):
        rows = slice(cuts[k], cuts[k + 1])
        results[k] = so.lstsq_sketched(A[rows], b[rows], solver=solver, m=256, random_state=0, comm=ranks.rank(k))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(size)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result in results:
        np.testing.assert_allclose(result.x, whole.x, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(result.x, results[0].x)


def test_nothing_is_copied_and_read_only_data_work():
    A, b = gaussian(3000, 12, np.random.default_rng(2))
    A.flags.writeable = b.flags.writeable = False
    before = A.copy()
    for solver in ("sketch_solve", "heavy_ball", "spir", "fossils", "csne", "lapack"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            so.lstsq_sketched(A, b, solver=solver, random_state=0)
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize(
    "name, value",
    [("solver", "qr"), ("tol", "tight"), ("tol", -1.0), ("sketch", "none"), ("m", 0), ("m", "big"), ("m", 5),
     ("eps", 0.0), ("delta", 1.0), ("alpha", -1.0), ("max_iter", 0)],
)  # fmt: skip
def test_bad_options(name, value):
    A, b = gaussian(300, 5, np.random.default_rng(2))
    with pytest.raises(ValueError, match=name):
        so.lstsq_sketched(A, b, **{name: value})
    with pytest.raises(ValueError, match=name):
        so.SketchedRegressor(**{name: value}).fit(A, b)
