"""The two inner solvers, on a Gram matrix and on columns, against enumeration of all sign patterns."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sparseopt._ext._csc import CscColumns
from sparseopt._ext._dense import DenseColumns
from sparseopt._ext._gram_lasso import GramLasso
from sparseopt._ext._residual_lasso import ResidualLasso


def objective(X, y, s, w, lam, mu):
    r = y - X @ w
    return 0.5 * s @ r**2 + lam @ np.abs(w) + 0.5 * mu * w @ w


def brute_force(X, y, s, lam, mu, positive):
    """The minimum: on the face of every sign pattern with a regular Gram matrix there is at most one candidate."""
    k = X.shape[1]
    G, q = (X * s[:, None]).T @ X + mu * np.eye(k), X.T @ (s * y)
    best, at = objective(X, y, s, np.zeros(k), lam, mu), np.zeros(k)
    for signs in itertools.product((0, 1) if positive else (-1, 0, 1), repeat=k):
        signs = np.array(signs)
        on = np.flatnonzero(signs)
        if on.size == 0 or np.linalg.matrix_rank(G[np.ix_(on, on)], tol=1e-9) < on.size:
            continue
        w = np.zeros(k)
        w[on] = np.linalg.solve(G[np.ix_(on, on)], q[on] - lam[on] * signs[on])
        if np.all(w[on] * signs[on] > 0) and objective(X, y, s, w, lam, mu) < best:
            best, at = objective(X, y, s, w, lam, mu), w
    return best, at


def gram_solve(X, y, s, lam, mu, positive, tol, start=None, solver=None, max_rounds=10_000):
    """Return (w, gap, rounds, q, rr) from the Gram kernel."""
    k = X.shape[1]
    w = np.zeros(k) if start is None else np.array(start)
    G = np.ascontiguousarray((X * s[:, None]).T @ X)
    r = y - X @ w
    q = np.ascontiguousarray(X.T @ (s * r))
    for array in (G, lam):
        array.flags.writeable = False
    solver = GramLasso(100) if solver is None else solver
    rr, gap, rounds = solver.solve(G, w, q, lam, mu, positive, r @ (s * r), tol, max_rounds)
    return w, gap, rounds, q, rr


def columns_solve(X, y, s, lam, mu, positive, tol, start=None, storage="dense", center=None, max_sweeps=20_000):
    """Return (w, gap, sweeps, theta) from the kernel that sweeps over columns; X is stored uncentred."""
    n, k = X.shape
    if storage == "dense":
        columns = DenseColumns(np.asfortranarray(X))
    else:
        S = sparse.csc_matrix(X)
        values = np.float32 if "32" in storage else np.float64
        columns = CscColumns(S.data.astype(values), S.indices.astype(np.int64), S.indptr, n)
    columns.set_transform(center, None)
    true = X - (0.0 if center is None else center)
    w = np.zeros(k) if start is None else np.array(start)
    cols = np.arange(k, dtype=np.intp)
    curvature = s @ true**2
    theta = s * (y - true @ w)
    weights = None if np.all(s == 1.0) else s
    kernel = ResidualLasso(columns, cols, curvature, lam, mu, positive, weights, X.T @ s, w, theta)
    gap, sweeps, _ = kernel.run(tol, max_sweeps)
    return w, gap, sweeps


@st.composite
def small_problems(draw):
    """At most six columns, some duplicated, zero or unpenalised; levels from harmless to emptying."""
    n, k = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    X = np.round(rng.standard_normal((n, k)), draw(st.integers(0, 3)))
    if k > 1 and draw(st.booleans()):
        X[:, 1] = X[:, 0] * draw(st.sampled_from([1.0, -1.0, 0.5]))
    if draw(st.integers(0, 4)) == 0:
        X[:, -1] = 0.0
    y = np.round(rng.standard_normal(n) * 2.0, 2)
    s = np.ones(n) if draw(st.booleans()) else np.round(rng.uniform(0.1, 2.0, n), 1)
    if n > 2 and draw(st.booleans()):
        s[0] = 0.0
    size = np.abs(X.T @ (s * y)).max() + 0.1
    lam = size * draw(st.sampled_from([1e-3, 0.05, 0.3, 0.9, 1.5])) * rng.uniform(0.5, 1.0, k)
    mu = draw(st.sampled_from([0.0, 0.0, 0.1, 2.0]))
    start = None if draw(st.booleans()) else np.abs(np.round(rng.standard_normal(k), 1)) * (X != 0).any(axis=0)
    return X, y, s, lam, mu, draw(st.booleans()), start


@given(small_problems())
def test_gram_kernel_finds_the_minimum(problem):
    X, y, s, lam, mu, positive, start = problem
    best, _ = brute_force(X, y, s, lam, mu, positive)
    null = 0.5 * s @ y**2 + 1e-3
    w, gap, rounds, q, rr = gram_solve(X, y, s, lam, mu, positive, 1e-12 * null, start)
    assert not positive or np.all(w >= 0.0)
    value = objective(X, y, s, w, lam, mu)
    assert abs(value - best) <= 1e-10 * (null + best)
    assert -1e-10 * null <= gap <= 1e-10 * null
    r = y - X @ w
    np.testing.assert_allclose(q, X.T @ (s * r), rtol=0, atol=1e-9 * (1 + np.abs(X.T @ (s * y)).max()))
    np.testing.assert_allclose(rr, r @ (s * r), rtol=1e-9, atol=1e-10 * null)


@given(small_problems(), st.sampled_from(["dense", "csc", "csc32"]), st.booleans())
def test_columns_kernel_finds_the_minimum(problem, storage, centred):
    X, y, s, lam, mu, positive, start = problem
    if storage == "csc32":
        X = X.astype(np.float32).astype(float)
    center = np.average(X, axis=0, weights=s) if centred and s.sum() > 0 else None
    true = X - center if center is not None else X
    if center is not None:
        y = y - np.average(y, weights=s)
    if start is not None:
        start = start * (s @ true**2 > 1e-20)  # constant columns stay at zero: callers see to that
    best, _ = brute_force(true, y, s, lam, mu, positive)
    null = 0.5 * s @ y**2 + 1e-3
    w, gap, _ = columns_solve(X, y, s, lam, mu, positive, 1e-11 * null, start, storage, center)
    assert not positive or np.all(w >= 0.0)
    value = objective(true, y, s, w, lam, mu)
    assert value - best <= gap + 1e-10 * (null + best)
    assert value - best >= -1e-10 * (null + best)
    assert gap <= 1e-9 * null


@given(small_problems(), st.integers(0, 4))
def test_reported_gap_bounds_the_distance_to_the_minimum_at_every_stage(problem, rounds):
    X, y, s, lam, mu, positive, start = problem
    best, _ = brute_force(X, y, s, lam, mu, positive)
    null = 0.5 * s @ y**2 + 1e-3
    if positive and start is not None:
        start = np.abs(start)
    for solve in (gram_solve, columns_solve):
        limit = {"max_rounds": rounds} if solve is gram_solve else {"max_sweeps": rounds}
        w, gap = solve(X, y, s, lam, mu, positive, 0.0, start, **limit)[:2]
        assert objective(X, y, s, w, lam, mu) - best <= gap + 1e-11 * (null + best)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("mu", [0.0, 0.5])
def test_unpenalised_columns_are_fitted_exactly(mu, positive):
    rng = np.random.default_rng(0)
    X, y, s = rng.standard_normal((20, 5)), rng.standard_normal(20), rng.uniform(0.5, 2.0, 20)
    lam = np.array([0.0, 2.0, 1.0, 0.0, 3.0])
    best, at = brute_force(X, y, s, lam, mu, positive)
    w, gap, *_ = gram_solve(X, y, s, lam, mu, positive, 1e-13)
    np.testing.assert_allclose(w, at, atol=1e-10)
    assert gap < 1e-10
    w, gap, _ = columns_solve(X, y, s, lam, mu, positive, 1e-12)
    np.testing.assert_allclose(w, at, atol=1e-5)
    assert objective(X, y, s, w, lam, mu) - best <= gap + 1e-13


def correlated(n, k, seed):
    """A support of about a third of the columns that keeps changing along the way."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, k)) + rng.standard_normal((n, 1))
    y = X[:, ::4] @ rng.standard_normal(len(range(0, k, 4))) + rng.standard_normal(n)
    return X, y


def kkt(X, y, s, w, lam, mu):
    """Largest violation of the optimality conditions, from their definition."""
    c = X.T @ (s * (y - X @ w)) - mu * w
    return np.max(np.where(w == 0.0, np.maximum(np.abs(c) - lam, 0.0), np.abs(c - lam * np.sign(w))))


@pytest.mark.parametrize("mu", [0.0, 3.0])
@pytest.mark.parametrize("share", [0.3, 0.05, 0.005, 1e-4])
def test_gram_kernel_ends_in_few_rounds_at_full_precision(share, mu):
    """Newton steps on the support end the work: coordinate descent alone needs thousands of sweeps here."""
    X, y = correlated(60, 90, 0)
    s = np.ones(60)
    level = share * np.abs(X.T @ y).max()
    lam = np.full(90, level)
    w, gap, rounds, *_ = gram_solve(X, y, s, lam, mu, False, 1e-13 * (y @ y))
    assert gap <= 1e-13 * (y @ y)
    assert kkt(X, y, s, w, lam, mu) <= 1e-6 * level
    assert rounds <= 60


def test_one_solver_serves_a_sequence_on_a_growing_matrix():
    """The kept factor must not remember what is no longer so."""
    X, y = correlated(80, 70, 1)
    s = np.ones(80)
    top = np.abs(X.T @ y).max()
    solver = GramLasso(100)
    w = np.zeros(0)
    steps = [(10, 0.5, 0.0), (30, 0.1, 0.0), (30, 0.01, 0.0), (50, 0.3, 1.0), (70, 0.02, 1.0), (70, 0.2, 0.0)]
    for k, share, mu in steps:
        lam = np.full(k, share * top)
        start = np.concatenate([w, np.zeros(k - w.size)])
        w, gap, *_ = gram_solve(X[:, :k], y, s, lam, mu, False, 1e-13 * (y @ y), start, solver)
        assert gap <= 1e-13 * (y @ y)
        assert kkt(X[:, :k], y, s, w, lam, mu) <= 1e-6 * share * top
    with pytest.raises(ValueError, match="shrank"):
        gram_solve(X[:, :5], y, s, np.ones(5), 0.0, False, 1.0, solver=solver)


def test_supports_beyond_the_largest_factor_are_left_to_sweeps():
    X, y = correlated(200, 30, 2)
    s = np.ones(200)
    lam = np.full(30, 1e-3 * np.abs(X.T @ y).max())
    w, gap, *_ = gram_solve(X, y, s, lam, 0.0, False, 1e-10 * (y @ y), solver=GramLasso(5), max_rounds=100_000)
    assert np.count_nonzero(w) > 5 and gap <= 1e-10 * (y @ y)
    assert kkt(X, y, s, w, lam, 0.0) <= 1e-3 * lam[0]


def test_columns_kernel_lowers_the_objective_sweep_by_sweep():
    X, y = correlated(50, 40, 3)
    s = np.random.default_rng(3).uniform(0.5, 2.0, 50)
    lam = np.full(40, 0.02 * np.abs(X.T @ (s * y)).max())
    values = []
    for sweeps in range(0, 40):
        w, *_ = columns_solve(X, y, s, lam, 0.1, False, 0.0, max_sweeps=sweeps)
        values.append(objective(X, y, s, w, lam, 0.1))
    assert np.all(np.diff(values) <= 1e-12 * values[0])
    assert values[-1] < values[1]


def test_nothing_to_solve():
    none = np.zeros(0)
    assert GramLasso(10).solve(np.zeros((0, 0)), none, none, none, 0.0, False, 3.0, 0.0, 10) == (3.0, 0.0, 0)
    columns = DenseColumns(np.ones((4, 3), order="F"))
    kernel = ResidualLasso(columns, np.zeros(0, dtype=np.intp), none, none, 0.0, False, None, none, none, np.ones(4))
    assert kernel.run(0.0, 10) == (0.0, 0, False)


def test_disagreeing_shapes_are_refused():
    G, three, two = np.eye(3), np.ones(3), np.ones(2)
    for arguments in ((np.eye(2), three, three, three), (G, three, two, three), (G, three, three, two)):
        with pytest.raises(ValueError, match="shapes disagree"):
            GramLasso(10).solve(*arguments, 0.0, False, 1.0, 0.0, 10)
    columns = DenseColumns(np.ones((4, 3), order="F"))
    cols = np.arange(3, dtype=np.intp)
    good = dict(curvature=three, lam=three, mu=0.0, positive=False, s=None, mass=three, w=np.zeros(3), theta=np.ones(4))
    ResidualLasso(columns, cols, *good.values())
    for name, value in [
        ("curvature", two), ("lam", two), ("w", np.zeros(2)), ("theta", np.ones(3)), ("s", np.ones(5)),
    ]:  # fmt: skip
        with pytest.raises(ValueError):
            ResidualLasso(columns, cols, *{**good, name: value}.values())
    with pytest.raises(ValueError, match="column index"):
        ResidualLasso(columns, cols + 1, *good.values())
    columns.set_transform(np.ones(3), None)
    with pytest.raises(ValueError, match="mass"):
        ResidualLasso(columns, cols, *{**good, "mass": two}.values())
    empty = DenseColumns(np.ones((0, 3), order="F"))
    with pytest.raises(ValueError, match="no rows"):
        ResidualLasso(empty, cols, *{**good, "theta": np.zeros(0)}.values())
