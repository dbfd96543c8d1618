"""The compiled core against dense formulas: posterior, gradient, updates, monotone costs."""

import numpy as np
import pytest
from sbl_oracles import dense_posterior, kron, kronecker_signal, random_factors, random_target

from sparseopt._ext import _kron_sbl
from sparseopt.solvers.sbl.factors import block_posterior, scale
from sparseopt.solvers.sbl.kronecker import solve_kronecker
from sparseopt.solvers.sbl.published import _Run

SHAPES = {
    "1 wide": [(5, 9)],
    "1 tall": [(9, 5)],
    "2": [(4, 6), (5, 3)],
    "3": [(3, 5), (4, 4), (2, 6)],
    "4": [(2, 3), (3, 4), (3, 2), (2, 5)],
    "one atom, one row": [(4, 1), (1, 5), (3, 4)],
    "6": [(2, 3)] * 6,
}


def posterior(factors, gammas, s2, Y):
    problem = scale(factors, Y[None], normalize=False)
    mean, var, _, facts = block_posterior(problem, [g[None] for g in gammas], np.array([s2]))
    return mean.reshape(len(Y), -1), var, facts[0]


@pytest.mark.parametrize("snapshots", [1, 3])
@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pruned", [False, True])
def test_posterior_is_the_dense_formula(shape, complex_, snapshots, pruned):
    rng = np.random.default_rng(3)
    factors = random_factors(rng, SHAPES[shape], complex_)
    factors = [H / np.linalg.norm(H, 2) for H in factors]  # both formulas lose digits by the condition of S alike
    gammas = [rng.uniform(0.1, 2.0, H.shape[1]) for H in factors]
    if pruned:
        for g in gammas:
            g[1:-1:2] = 0.0
            g[: g.size // 2] = 0.0
    Y = random_target(rng, (snapshots, np.prod([len(H) for H in factors])), complex_)
    mean, var, facts = posterior(factors, gammas, 0.3, Y)
    kept = np.flatnonzero(kron(gammas))
    dense_mean, dense_var, cost, residual, trace = dense_posterior(factors, gammas, 0.3, Y)
    np.testing.assert_allclose(mean, dense_mean[:, kept], rtol=0, atol=1e-12 * np.abs(dense_mean).max())
    np.testing.assert_allclose(var, dense_var[kept], rtol=0, atol=1e-12 * dense_var.max())
    np.testing.assert_allclose(facts, [cost, residual, trace], rtol=1e-12)


def test_real_data_on_complex_dictionaries_and_back():
    rng = np.random.default_rng(0)
    factors = [random_factors(rng, [(3, 4)], True)[0], random_factors(rng, [(2, 3)])[0]]
    Y, gammas = rng.standard_normal((1, 6)), [np.ones(4), np.ones(3)]
    mean, _, _ = posterior(factors, gammas, 0.5, Y)
    np.testing.assert_allclose(mean, dense_posterior(factors, gammas, 0.5, Y)[0], atol=1e-13)


@pytest.mark.parametrize("s2", [1e-9, 1e-12])
def test_little_noise_does_not_spoil_the_posterior(s2):
    """Eigenvalues of Gram matrices would; those next to the noise come from singular values."""
    rng = np.random.default_rng(1)
    factors = random_factors(rng, [(4, 6), (5, 6)])
    gammas = [rng.uniform(0.5, 1.0, 6), rng.uniform(0.5, 1.0, 6)]
    Y = random_target(rng, (1, 20))
    mean, _, facts = posterior(factors, gammas, s2, Y)
    dense_mean, _, cost, _, _ = dense_posterior(factors, gammas, s2, Y)
    np.testing.assert_allclose(mean, dense_mean, rtol=1e-7, atol=1e-9)
    assert facts[0] == pytest.approx(cost, rel=1e-8)


def couplers(gammas, coupling):
    return [np.eye(len(g)) + b * (np.eye(len(g), k=1) + np.eye(len(g), k=-1))
            for g, b in zip(gammas, coupling, strict=True)]  # fmt: skip


def explicit_sweep(factors, gammas, s2, Y, power, coupling):
    """One majorise-minimise sweep by dense matrices."""
    H, C = kron(factors), couplers(gammas, coupling)
    gammas = [g.copy() for g in gammas]
    shape = tuple(len(g) for g in gammas)
    for i in range(len(gammas)):
        v = [c @ g for c, g in zip(C, gammas, strict=True)]
        S = s2 * np.eye(len(H)) + (H * kron(v)) @ H.conj().T
        b2 = np.mean(np.abs(H.conj().T @ np.linalg.solve(S, Y.T)) ** 2, axis=1)
        q = np.einsum("ij,ij->j", H.conj(), np.linalg.solve(S, H)).real
        v[i] = np.ones_like(v[i])
        others = kron(v).reshape(shape)
        rest = tuple(k for k in range(len(shape)) if k != i)
        E = C[i].T @ (others * b2.reshape(shape)).sum(rest)
        G = C[i].T @ (others * q.reshape(shape)).sum(rest)
        gammas[i] *= (E / G) ** power
    return gammas


OFF = dict(min_iter=100, tol=0.0, cost_tol=0.0, learn_noise=False, floor=1e-10, refine=False, evidence=0.0, n_threads=1)


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("snapshots", [1, 4])
@pytest.mark.parametrize("coupling", [0.0, 0.6])
@pytest.mark.parametrize("shape", ["1 wide", "2", "3", "4"])
def test_three_sweeps_are_those_of_the_explicit_formula(shape, complex_, snapshots, coupling):
    rng = np.random.default_rng(5)
    factors = [np.asfortranarray(H) for H in random_factors(rng, SHAPES[shape], complex_)]
    Y = random_target(rng, (snapshots, np.prod([len(H) for H in factors])), complex_)
    gammas = [rng.uniform(0.5, 1.5, H.shape[1]) for H in factors]
    beta = [coupling] + [0.0] * (len(factors) - 2) + [coupling] * (len(factors) > 1)
    mine = [g[None].copy() for g in gammas]
    _kron_sbl.solve(factors, Y[None], mine, np.array([0.3]), beta, [0.0] * len(factors), max_iter=3, fast=False, **OFF)
    expected = gammas
    for _ in range(3):
        expected = explicit_sweep(factors, expected, 0.3, Y, 0.5, beta)
    product = kron([C @ g for C, g in zip(couplers(gammas, beta), expected, strict=True)])
    np.testing.assert_allclose(kron([g[0] for g in mine]), product, rtol=1e-11, atol=1e-14 * product.max())


def test_gradient_of_the_cost():
    """d cost / d log g_a = sum of g (q - |b|^2) over the slice: what the updates balance."""
    rng = np.random.default_rng(2)
    factors = random_factors(rng, SHAPES["3"])
    gammas = [rng.uniform(0.5, 1.5, H.shape[1]) for H in factors]
    Y, s2, step = random_target(rng, (2, 24)), 0.4, 1e-5
    mean, var, _ = posterior(factors, gammas, s2, Y)
    product = kron(gammas)
    b2, q = np.sum((mean / product) ** 2, axis=0), (product - var) / product**2
    slices = (product * (len(Y) * q - b2)).reshape([len(g) for g in gammas])
    for i, g in enumerate(gammas):
        expected = slices.sum(tuple(k for k in range(3) if k != i))
        for a in range(len(g)):
            costs = []
            for sign in (1, -1):
                moved = [v.copy() for v in gammas]
                moved[i][a] *= np.exp(sign * step)
                costs.append(posterior(factors, moved, s2, Y)[2][0])
            assert (costs[0] - costs[1]) / (2 * step) == pytest.approx(expected[a], rel=1e-6, abs=1e-6)


def worst_rise(path):
    """Largest rise of a cost from one sweep to the next, relative to the cost."""
    return max(np.diff(path).max() / np.abs(path).max(), 0.0) if len(path) > 1 else 0.0


@pytest.mark.parametrize("solver, power", [("mm", 0.5), ("mm", 1.0), ("am", 1.0), ("ksbl", 1.0)])
def test_the_cost_never_rises(solver, power):
    """200 random problems: real and complex, one to four factors, snapshots, known and learned noise, coupling."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n_factors = 1 + seed % 4
        sizes = [(rng.integers(2, 7), rng.integers(2, 8)) for _ in range(n_factors)]
        complex_ = bool(rng.integers(2))
        factors = random_factors(rng, sizes, complex_)
        snapshots = int(rng.integers(1, 4))
        x = random_target(rng, (int(np.prod([s[1] for s in sizes])), snapshots), complex_)
        x *= rng.uniform(size=(len(x), 1)) < 0.1
        Y = (kron(factors) @ x).T + 0.1 * random_target(rng, (snapshots, int(np.prod([s[0] for s in sizes]))), complex_)
        coupling = 0.7 if solver == "mm" and seed % 3 == 0 else None
        noise = None if seed % 2 else 0.02
        options = dict(max_iter=60, tol=0.0, cost_tol=0.0, refine_support=False, noise_variance=noise)
        if solver != "mm" or seed % 5 == 0:
            options["prune"] = 0.0
        result = solve_kronecker(factors, Y[None], solver=solver, power=power, coupling=coupling, **options)[0]
        assert (len(result.cost_path) == 60 or result.converged) and np.all(np.isfinite(result.cost_path))
        assert worst_rise(result.cost_path) <= 1e-10, (seed, np.diff(result.cost_path).max())
        assert not result.cost_rose


def test_the_cost_of_every_sweep_is_the_evidence():
    """The by-product agrees with the dense formula at the end of a solve that is cut short."""
    factors, _, y, s2, _ = kronecker_signal(0, atoms=5, rows=(4, 3, 5), active=2)
    for max_iter in (1, 2, 5):
        options = dict(max_iter=max_iter, refine_support=False, noise_variance=s2, prune=0.0, min_iter=100)
        result = solve_kronecker(factors, y.reshape(1, 1, -1), **options)[0]
        cost = dense_posterior(factors, result.gamma, s2, y.reshape(1, -1))[2]
        assert result.cost_path[-1] == pytest.approx(cost, rel=1e-10)
        assert result.cost == pytest.approx(cost, rel=1e-10)


def test_alternating_minimisation_has_one_end():
    """Its problem is convex in the logarithms: all starts lead to the same product of variances."""
    rng = np.random.default_rng(4)
    factors = random_factors(rng, SHAPES["3"])
    problem = scale(factors, random_target(rng, (1, 1, 24)), normalize=False)
    energies = rng.uniform(0.1, 3.0, tuple(H.shape[1] for H in factors))
    ends = []
    for _ in range(3):
        run = _Run(problem, [rng.uniform(0.05, 5.0, n) for n in energies.shape], 0.3, 1)
        run.alternate(energies, max_inner=2000, inner_tol=1e-15)
        ends.append(kron(run.gamma))
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, rtol=1e-10)
    for i in range(3):  # stationary: energies over variances average to one in every slice
        ratio = energies / ends[0].reshape(energies.shape)
        np.testing.assert_allclose(ratio.mean(axis=tuple(k for k in range(3) if k != i)), 1.0, rtol=1e-10)


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
def test_the_rank_one_algorithm_has_the_iterates_of_dense_matrices(complex_):
    rng = np.random.default_rng(6)
    factors = random_factors(rng, SHAPES["3"], complex_)
    Y = random_target(rng, (1, 24), complex_)
    gammas = [np.ones(H.shape[1]) for H in factors]
    for count in range(1, 6):
        mean, var, *_ = dense_posterior(factors, gammas, 0.2, Y)
        rest = (np.abs(mean[0]) ** 2 + var).reshape(5, -1)
        gammas = []
        for n in (5, 4):
            u, s, vh = np.linalg.svd(rest.reshape(n, -1), full_matrices=False)
            gammas.append(np.abs(u[:, 0]))
            rest = np.abs(s[0] * vh[0])
        gammas.append(rest)
        options = dict(normalize=False, prune=0.0, max_iter=count, tol=0.0, noise_variance=0.2, refine_support=False)
        result = solve_kronecker(factors, Y[None], solver="svd", **options)[0]
        np.testing.assert_allclose(kron(result.gamma), kron(gammas), rtol=1e-8)
