"""The published algorithms, iterate by iterate, against dense formulas that share no code with the package."""

import numpy as np
import pytest
from sbl_oracles import kron
from scipy.optimize import nnls

from sparseopt.solvers.sbl import solve_kronecker

ROWS, ATOMS, ACTIVE = (3, 4, 5), (5, 5, 6), (2, 2, 2)
PRUNE = {"am": 0.2, "ksbl": 0.2, "svd": 1e-2, "pc": 0.2}  # more than is usual, so that few iterations prune
COUPLING = (0.8, None, 0.8)


def draw(seed, kind):
    """Dictionaries, data at 15 dB of values that are a product, noise variance."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        real = rng.standard_normal(shape)
        return real if kind is float else real + 1j * rng.standard_normal(shape)

    factors, parts = [normal(m, n) for m, n in zip(ROWS, ATOMS, strict=True)], []
    for H, active in zip(factors, ACTIVE, strict=True):
        x = np.zeros(H.shape[1], dtype=kind)
        x[rng.choice(len(x), active, replace=False)] = normal(active)
        parts.append(H @ x)
    clean = kron([v[:, None] for v in parts])[:, 0]
    noise = normal(clean.size)
    s2 = np.mean(np.abs(clean) ** 2) / 10**1.5
    return factors, clean + np.sqrt(s2 / np.mean(np.abs(noise) ** 2)) * noise, s2


class Dense:
    """Expectation-maximisation on the Kronecker matrix: variances of the factors, pruned to the kept entries."""

    def __init__(self, factors, y, s2, solver):
        self.factors, self.y, self.s2, self.solver = factors, y, s2, solver
        self.keep = [np.arange(H.shape[1]) for H in factors]
        self.g = [np.ones(H.shape[1]) for H in factors]
        self.C = [None] * len(factors)
        for i, beta in enumerate(COUPLING if solver == "pc" else ()):
            if beta is not None:
                steps = np.abs(np.subtract.outer(self.keep[i], self.keep[i]))
                self.C[i] = np.where(steps == 0, 1.0, 0.0) + beta * (steps == 1)
                self.g[i] = self.C[i] @ self.g[i]
        self.normalise()

    def normalise(self):
        for i in range(len(self.g) - 1):
            norm = np.linalg.norm(self.g[i])
            self.g[i], self.g[-1] = self.g[i] / norm, self.g[-1] * norm

    def product(self):
        return kron([g[:, None] for g in self.g])[:, 0].real

    def prune(self):
        for i, g in enumerate(self.g):
            ok = g >= PRUNE[self.solver] * g.max()
            self.g[i], self.keep[i] = g[ok], self.keep[i][ok]
            if self.C[i] is not None:
                self.C[i] = self.C[i][ok][:, ok]

    def posterior(self):
        H = kron([H[:, k] for H, k in zip(self.factors, self.keep, strict=True)])
        gamma = self.product()
        inverse = np.linalg.inv(self.s2 * np.eye(len(H)) + (H * gamma) @ H.conj().T)
        mean = gamma * (H.conj().T @ inverse @ self.y)
        spread = gamma - gamma**2 * np.einsum("ij,ik,kj->j", H.conj(), inverse, H).real
        _, log = np.linalg.slogdet(inverse)
        residual = np.sum(np.abs(self.y - H @ mean) ** 2)
        self.noise = (residual + self.s2 * np.sum(1.0 - spread / gamma)) / len(H)  # the next, where it is learned
        return mean, spread, float((self.y.conj() @ inverse @ self.y).real - log)

    def target(self, energies, i):
        weights = [1.0 / g for g in self.g]
        weights[i] = np.ones(len(self.g[i]))
        scaled = energies * np.einsum("a,b,c->abc", *weights)
        return np.mean(scaled, axis=tuple(k for k in range(3) if k != i))

    def maximise(self, energies):
        if self.solver == "svd":
            u, s, vh = np.linalg.svd(energies.reshape(len(energies), -1), full_matrices=False)
            rest = (s[0] * vh[0]).reshape(energies.shape[1:])
            v, t, wh = np.linalg.svd(rest, full_matrices=False)
            self.g = [np.abs(u[:, 0]), np.abs(v[:, 0]), np.abs(t[0] * wh[0])]
            return
        cycles, tol = {"am": (1000, 1e-5), "ksbl": (1, 0.0), "pc": (9, 1e-4)}[self.solver]
        for _ in range(cycles):
            old = self.product()
            for i, C in enumerate(self.C):
                goal = self.target(energies, i)
                self.g[i] = goal if C is None else 1e-5 + C @ nnls(C, goal)[0]
            self.normalise()
            if np.linalg.norm(self.product() - old) <= tol * np.linalg.norm(old):
                break

    def run(self, iterations, learn):
        costs = []
        for _ in range(iterations):
            self.prune()
            mean, spread, cost = self.posterior()
            costs.append(cost)
            self.maximise((np.abs(mean) ** 2 + spread).reshape([len(g) for g in self.g]))
            if learn:
                self.s2 = self.noise
        return costs


@pytest.mark.parametrize("learn", [False, True], ids=["known", "learned"])
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("solver", ["am", "ksbl", "svd", "pc"])
def test_iterates_are_those_of_the_dense_formulas(solver, kind, learn):
    """Up to 25 iterations, pruned on the way, on three draws: all costs, the last supports, variances, coefficients."""
    pruned = 0
    for seed in range(3):
        factors, y, s2 = draw(seed, kind)
        found = solve_kronecker(
            factors, y[None, None], solver=solver, noise_variance=None if learn else s2, normalize=False, max_iter=25,
            tol=0.0, prune=PRUNE[solver], coupling=COUPLING if solver == "pc" else None,
        )[0]  # fmt: skip
        dense = Dense(factors, y, 0.1 * np.mean(np.abs(y) ** 2) if learn else s2, solver)
        costs = dense.run(found.n_iter, learn)  # fewer than 25 where nothing moves any more, to the last digit
        np.testing.assert_allclose(found.cost_path, costs, rtol=1e-9, atol=1e-9)
        for a, b, g, h in zip(found.support, dense.keep, found.gamma, dense.g, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_allclose(g[a], h, rtol=1e-8)
        np.testing.assert_allclose(found.mean.ravel(), dense.posterior()[0], rtol=1e-7, atol=1e-9 * np.abs(y).max())
        assert found.noise_variance == pytest.approx(dense.s2, rel=1e-9)
        pruned += sum(ATOMS) - sum(map(len, dense.keep))
        assert found.n_iter >= 15
    assert pruned > 0
