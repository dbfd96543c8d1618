"""Coupled outputs on columns, against the dense problem; losses of whole arrays against extended precision."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sparseopt._ext._csc import CscColumns
from sparseopt._ext._dense import DenseColumns

from sparseopt._ext import _losses
from sparseopt._ext._residual_outputs import ResidualOutputs, ResidualRows


def draw(n=30, p=4, K=3, seed=0, intercept=True):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.7)
    shares = _losses.softmax(rng.standard_normal((n, K)))
    s = rng.uniform(0.5, 2.0, n)
    H = np.stack([np.stack([s * ((k == m) * shares[:, k] - shares[:, k] * shares[:, m]) for m in range(K)])
                  for k in range(K)])  # fmt: skip
    theta = s[:, None] * (np.eye(K)[rng.integers(0, K, n)] - shares)
    if intercept:
        theta -= np.einsum("kmi,m->ik", H, np.linalg.pinv(H.sum(axis=2)) @ theta.sum(axis=0))
    return X, H, s[:, None] * shares, theta


def solve(X, H, scale, theta, lam, mu, storage, intercept, rows, center=None, tol=1e-13):
    n, p = X.shape
    K = H.shape[0]
    if storage == "dense":
        columns = DenseColumns(np.asfortranarray(X))
    else:
        S = sparse.csc_matrix(X)
        columns = CscColumns(S.data, S.indices.astype(np.int64), S.indptr, n)
    columns.set_transform(center, None)
    Z = X if center is None else X - center
    cols, outputs = np.repeat(np.arange(p), K), np.tile(np.arange(K), p)
    bends = np.einsum("kki,ij->jk", H, Z**2).ravel()
    cross = np.ascontiguousarray(np.einsum("kmi,ij->jkm", H, X).reshape(p * K, K))
    root = np.linalg.pinv(H.sum(axis=2)) if intercept else np.zeros((K, K))
    w = np.zeros(p * K)
    kind = ResidualRows if rows else ResidualOutputs
    levels = np.full(p if rows else p * K, lam)
    state = kind(columns, cols, outputs, bends, levels, mu, False, H, scale.T.flatten(), cross, root, w,
                 theta.T.flatten())  # fmt: skip
    return w.reshape(p, K), state.run(tol, 5000)


def dense_objective(X, H, theta, lam, mu, rows, intercept):
    """Minimum by L-BFGS over signed parts (entries), or with a smoothed norm (rows)."""
    n, p = X.shape
    K = H.shape[0]

    def smooth(W, b):
        Z = X @ W + b
        HZ = np.einsum("kmi,im->ik", H, Z)
        return -np.vdot(theta, Z) + 0.5 * np.vdot(Z, HZ), HZ - theta

    def entries(v):
        up, down, b = v[: p * K].reshape(p, K), v[p * K : 2 * p * K].reshape(p, K), v[2 * p * K :]
        W = up - down
        value, G = smooth(W, b if intercept else 0.0)
        g = X.T @ G + mu * W
        parts = [(g + lam).ravel(), (lam - g).ravel(), G.sum(axis=0) if intercept else np.zeros(K)]
        return value + lam * v[: 2 * p * K].sum() + 0.5 * mu * np.vdot(W, W), np.concatenate(parts)

    def norms(v):
        W, b = v[: p * K].reshape(p, K), v[p * K :]
        value, G = smooth(W, b if intercept else 0.0)
        size = np.sqrt((W**2).sum(axis=1) + 1e-18)
        g = X.T @ G + mu * W + lam * W / size[:, None]
        return (value + lam * size.sum() + 0.5 * mu * np.vdot(W, W),
                np.concatenate([g.ravel(), G.sum(axis=0) if intercept else np.zeros(K)]))  # fmt: skip

    options = dict(maxiter=20_000, maxfun=200_000, ftol=1e-15, gtol=1e-10)
    if rows:
        return minimize(norms, np.full(p * K + K, 1e-3), jac=True, method="L-BFGS-B", options=options).fun
    bounds = [(0.0, None)] * (2 * p * K) + [(None, None)] * K
    return minimize(entries, np.zeros(2 * p * K + K), jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("mu", [0.0, 0.5])
@pytest.mark.parametrize("storage", ["dense", "sparse", "centred"])
def test_minimum_of_the_coupled_quadratic(storage, mu, intercept, rows):
    X, H, scale, theta = draw(intercept=intercept)
    center = X.mean(axis=0) if storage == "centred" else None
    w, (gap, _, _) = solve(X, H, scale, theta, 1.5, mu, storage, intercept, rows, center)
    assert gap <= 1e-10
    Z = X if center is None else X - center
    b = np.linalg.pinv(H.sum(axis=2)) @ (theta - np.einsum("kmi,im->ik", H, Z @ w)).sum(axis=0) if intercept else 0.0
    eta = Z @ w + b
    level = np.sqrt((w**2).sum(axis=1)).sum() if rows else np.abs(w).sum()
    value = -np.vdot(theta, eta) + 0.5 * np.vdot(eta, np.einsum("kmi,im->ik", H, eta)) + 1.5 * level
    value += 0.5 * mu * np.vdot(w, w)
    assert np.any(w) and np.any(w == 0.0)
    assert value <= dense_objective(Z, H, theta, 1.5, mu, rows, intercept) + 1e-7


def test_shapes_that_disagree_are_refused():
    X, H, scale, theta = draw()
    columns = DenseColumns(np.asfortranarray(X))
    good = dict(X=columns, cols=np.arange(4), outputs=np.zeros(4, dtype=np.intp), curvature=np.ones(4), lam=np.ones(4),
                mu=0.0, positive=False, H=H, scale=scale.T.ravel(), cross=np.zeros((4, 3)), root=np.zeros((3, 3)),
                w=np.zeros(4), theta=theta.T.flatten())  # fmt: skip
    ResidualOutputs(**good)
    bad = dict(cols=np.array([0, 1, 2, 4]), outputs=np.array([0, 1, 2, 3]), lam=np.ones(3), theta=np.zeros(7),
               cross=np.zeros((4, 2)), w=np.zeros(5), scale=np.ones(4), H=H[:, :, :5].copy())  # fmt: skip
    for name, value in bad.items():
        with pytest.raises(ValueError):
            ResidualOutputs(**{**good, name: value})


SIZES = [0, 1, 7, 8, 9, 1000]


@pytest.mark.parametrize("n", SIZES)
def test_logistic_kernels_have_full_relative_precision(n):
    rng = np.random.default_rng(n)
    eta, y = rng.standard_normal(n) * np.exp(rng.uniform(-30.0, 6.5, n)), rng.choice([-1.0, 1.0], n)
    m = (y * eta).astype(np.longdouble)
    e = np.exp(-np.abs(m))
    np.testing.assert_allclose(_losses.logistic_value(y, eta), np.log1p(e) + np.maximum(-m, 0), rtol=1e-15, atol=1e-320)
    slope = -y * np.where(m > 0, e, 1) / (1 + e)
    np.testing.assert_allclose(_losses.logistic_slope(y, eta), slope, rtol=1e-15, atol=1e-320)
    np.testing.assert_allclose(_losses.logistic_bend(eta), e / (1 + e) ** 2, rtol=2e-15, atol=1e-320)
    v = rng.random(n) ** rng.uniform(0.1, 40.0, n)
    v[1::3] = 1.0 - v[1::3]
    long = v.astype(np.longdouble)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.where(v > 0, long * np.log(long), 0) + np.where(v < 1, (1 - long) * np.log1p(-long), 0)
    np.testing.assert_allclose(_losses.logistic_conjugate(y, -y * v), exact, rtol=1e-14)


def test_logistic_kernels_at_the_ends():
    y, eta = np.array([1.0, -1.0, 1.0, 1.0]), np.array([np.inf, np.inf, np.nan, -1e308])
    np.testing.assert_array_equal(_losses.logistic_value(y, eta), [0.0, np.inf, np.nan, 1e308])
    np.testing.assert_array_equal(_losses.logistic_slope(y[:2], eta[:2]), [-0.0, 1.0])
    outside = _losses.logistic_conjugate(np.ones(5), np.array([0.0, -1.0, 1e-9, -1.0 - 1e-9, np.nan]))
    np.testing.assert_array_equal(outside, [0.0, 0.0, np.inf, np.inf, np.inf])


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5, 2), (40, 10)])
def test_softmax_kernels(shape):
    rng = np.random.default_rng(1)
    eta, codes = 20.0 * rng.standard_normal(shape), rng.integers(0, shape[1], shape[0])
    rows = np.arange(shape[0])
    long = eta.astype(np.longdouble)
    e = np.exp(long - long[rows, codes][:, None])
    np.testing.assert_allclose(_losses.softmax(eta), e / e.sum(axis=1, keepdims=True), rtol=2e-14)
    e[rows, codes] = 0.0
    np.testing.assert_allclose(_losses.softmax_value(codes, eta), np.log1p(e.sum(axis=1)), rtol=2e-14)
    u = rng.dirichlet(np.ones(shape[1]), shape[0]) if shape[0] else np.zeros(shape)
    exact = (u * np.log(u)).sum(axis=1)
    u[rows, codes] -= 1.0
    np.testing.assert_allclose(_losses.softmax_conjugate(codes, u), exact, rtol=1e-12, atol=1e-14)
    assert np.all(np.isinf(_losses.softmax_conjugate(codes, u + 1e-3)))
    with pytest.raises(ValueError, match="class number"):
        _losses.softmax_value(np.array([shape[1]]), np.zeros((1, shape[1])))
