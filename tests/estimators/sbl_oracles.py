"""Dense formulas and data: what the solvers are compared with."""

from functools import reduce

import numpy as np

import sparseopt.estimators  # noqa: F401  (before the doctests import its modules by their files)


def kron(matrices):
    return reduce(np.kron, matrices)


def random_factors(rng, sizes, complex_=False):
    return [rng.standard_normal(s) + (1j * rng.standard_normal(s) if complex_ else 0.0) for s in sizes]


def random_target(rng, size, complex_=False):
    return rng.standard_normal(size) + (1j * rng.standard_normal(size) if complex_ else 0.0)


def dense_posterior(factors, gammas, s2, Y):
    """Posterior mean (L, N), variances (N,), cost, squared residual, trace of the inverse covariance; Y is (L, M)."""
    H, g = kron(factors), reduce(np.kron, gammas)
    S = s2 * np.eye(H.shape[0]) + (H * g) @ H.conj().T
    inverse = np.linalg.inv(S)
    mean = g[:, None] * (H.conj().T @ inverse @ Y.T)
    covariance = np.diag(g) - (g[:, None] * H.conj().T) @ inverse @ (H * g)
    cost = len(Y) * np.linalg.slogdet(S)[1] + np.einsum("li,ij,lj->", Y.conj(), inverse, Y).real
    return mean.T, np.diag(covariance).real, cost, np.sum(np.abs(Y.T - H @ mean) ** 2), np.trace(inverse).real


def kronecker_signal(seed, *, atoms=15, rows=(8, 12, 15), active=3, snr=25.0, rank_one=False, snapshots=1):
    """Gaussian dictionaries and a signal whose support is a Kronecker product; y is (rows..., [snapshots])."""
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((m, atoms)) for m in rows]
    support = [np.sort(rng.choice(atoms, active, replace=False)) for _ in rows]
    x = np.zeros((atoms,) * len(rows) + (snapshots,))
    if rank_one:
        values = [rng.standard_normal(active) for _ in rows]
        x[np.ix_(*support, [0])] = reduce(np.multiply.outer, values)[..., None]
    else:
        shape = (active,) * len(rows) + (snapshots,)
        x[np.ix_(*support, range(snapshots))] = np.sqrt(0.05) * rng.standard_normal(shape)
    y = x
    for axis, H in enumerate(factors):
        y = np.moveaxis(np.tensordot(H, y, axes=(1, axis)), 0, axis)
    s2 = np.mean(y**2) / 10 ** (snr / 10)
    y = y + np.sqrt(s2) * rng.standard_normal(y.shape)
    if snapshots == 1:
        x, y = x[..., 0], y[..., 0]
    return factors, x, y, s2, support


def nmse(estimate, truth):
    return float(np.sum(np.abs(estimate - truth) ** 2) / np.sum(np.abs(truth) ** 2))


def recovery_rate(estimate, truth, threshold=1e-3):
    found, real = np.abs(estimate) > threshold * np.abs(estimate).max(), truth != 0
    return (found & real).sum() / (found | real).sum()


def decibel(x):
    return 10 * np.log10(x)
