"""Coefficients that are themselves a product: variances are read from them, and only then."""

from functools import reduce

import numpy as np
import pytest
from sbl_oracles import dense_posterior, kron, nmse

import sparseopt as so

ROWS, ATOMS, ACTIVE = (5, 6, 7), (8, 8, 9), (2, 3, 2)


def draw(seed, kind=float, product=True, snr=20.0):
    """Dictionaries, coefficients, data, noise variance and support."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        real = rng.standard_normal(shape)
        return real if kind is float else real + 1j * rng.standard_normal(shape)

    factors = [normal(m, n) for m, n in zip(ROWS, ATOMS, strict=True)]
    support = [np.sort(rng.choice(n, k, replace=False)) for n, k in zip(ATOMS, ACTIVE, strict=True)]
    values = [np.exp(0.3 * rng.standard_normal(k)) * np.sign(normal(k)) for k in ACTIVE]
    x = np.zeros(ATOMS, dtype=kind)
    x[np.ix_(*support)] = reduce(np.multiply.outer, values) if product else normal(*ACTIVE)
    clean = np.einsum("ia,jb,kc,abc->ijk", *factors, x)
    s2 = np.mean(np.abs(clean) ** 2) / 10 ** (snr / 10)
    noise = normal(*ROWS)
    return factors, x.ravel(), clean + noise * np.sqrt(s2 / np.mean(np.abs(noise) ** 2)), s2, support


def squares_of_the_product(factors, y, s2):
    """Squares of the coefficients of the rank-one fit to y, and what noise adds to those of each factor."""
    inverses = [np.linalg.pinv(H) for H in factors]
    v = [np.linalg.svd(np.moveaxis(y, i, 0).reshape(len(H), -1))[0][:, 0] for i, H in enumerate(factors)]
    v = [H @ (P @ u) for H, P, u in zip(factors, inverses, v, strict=True)]
    for _ in range(100):
        for i, (H, P) in enumerate(zip(factors, inverses, strict=True)):
            others = [u.conj() / np.vdot(u, u).real for u in v]
            others[i] = np.eye(len(H))
            fibres = [np.atleast_2d(o) for o in others]
            v[i] = H @ (P @ np.einsum("ai,bj,ck,ijk->abc", *fibres, y).ravel())
    sizes = [np.vdot(u, u).real for u in v]
    out = []
    for i, (P, u) in enumerate(zip(inverses, v, strict=True)):
        spread = s2 * np.sum(np.abs(P) ** 2, axis=1) * sizes[i] / np.prod(sizes)
        out.append(np.abs(P @ u) ** 2 + spread)
    return reduce(np.multiply.outer, out)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("seed", range(3))
def test_variances_of_a_product_are_its_squares(kind, seed):
    factors, _, y, s2, support = draw(seed, kind)
    model = so.KroneckerSBL(noise_variance=s2).fit(factors, y)
    for found, true in zip(model.support_, support, strict=True):
        np.testing.assert_array_equal(found, true)
    columns = [H[:, s] for H, s in zip(factors, support, strict=True)]
    found = reduce(np.multiply.outer, [g[s] for g, s in zip(model.gamma_, support, strict=True)])
    np.testing.assert_allclose(found, squares_of_the_product(columns, y, s2), rtol=1e-4)
    gamma = [g[s] for g, s in zip(model.gamma_, support, strict=True)]
    mean, _, cost, *_ = dense_posterior(columns, gamma, s2, y.reshape(1, -1))
    np.testing.assert_allclose(model.coef_block_.ravel(), mean[0], rtol=1e-8)
    assert model.cost_ == pytest.approx(cost, rel=1e-9)


@pytest.mark.parametrize("kind", [float, complex])
def test_other_values_keep_the_variances_of_the_best_evidence(kind):
    for seed in range(2):
        factors, _, y, s2, _ = draw(seed, kind, product=False)
        model = so.KroneckerSBL(noise_variance=s2, tol=1e-8).fit(factors, y)
        columns = [H[:, s] for H, s in zip(factors, model.support_, strict=True)]
        gamma = [g[s] for g, s in zip(model.gamma_, model.support_, strict=True)]
        best = dense_posterior(columns, gamma, s2, y.reshape(1, -1))[2]
        for i in range(3):
            for a in range(len(gamma[i])):
                for step in (0.9, 1.1):
                    other = [g.copy() for g in gamma]
                    other[i][a] *= step
                    assert dense_posterior(columns, other, s2, y.reshape(1, -1))[2] > best


@pytest.mark.parametrize("kind, auto", [(float, 12.0), (complex, 6.0)])
def test_entries_are_dropped_while_the_cost_rises_by_less_than_the_threshold(kind, auto):
    """The default is six units of log-evidence, of which the cost of real data is minus twice."""
    factors, _, y, s2, _ = draw(0, kind, product=False, snr=0.0)
    fits = [so.KroneckerSBL(noise_variance=s2, evidence_threshold=t).fit(factors, y) for t in (0.0, auto, "auto", 1e30)]
    sizes = [[s.size for s in model.support_] for model in fits]
    assert sum(sizes[0]) > sum(sizes[1]) and sizes[3] == [1, 1, 1]
    np.testing.assert_array_equal(fits[1].coef_, fits[2].coef_)
    columns = [H[:, s] for H, s in zip(factors, fits[1].support_, strict=True)]
    gamma = [g[s] for g, s in zip(fits[1].gamma_, fits[1].support_, strict=True)]
    for i in range(3):
        for a in range(len(gamma[i]) if len(gamma[i]) > 1 else 0):
            other = [g.copy() for g in gamma]
            other[i][a] = 0.0
            assert dense_posterior(columns, other, s2, y.reshape(1, -1))[2] > fits[1].cost_ + auto


def test_products_are_estimated_better_than_by_the_best_evidence():
    """Shrinkage by known variances: on nearly all draws closer to the truth, at nearly the same evidence."""
    won, draws = 0, 20
    for seed in range(draws):
        factors, x, y, s2, support = draw(100 + seed, snr=10.0)
        model = so.KroneckerSBL(noise_variance=s2).fit(factors, y)
        plain = so.KroneckerSBL(noise_variance=s2, refine_support=False, prune=0.0).fit(
            [H[:, s] for H, s in zip(factors, support, strict=True)], y
        )
        other = np.zeros(ATOMS)
        other[np.ix_(*support)] = plain.coef_block_
        won += nmse(model.coef_, x) < nmse(other.ravel(), x)
        assert model.cost_ <= plain.cost_ + 12.0 * (1 + sum(ACTIVE) - sum(s.size for s in model.support_))
    assert won >= 0.75 * draws


def test_snapshots_and_vectors_have_no_product_to_read():
    """With several snapshots, or one factor that is not a single atom, nothing is changed."""
    rng = np.random.default_rng(0)
    H = [rng.standard_normal((6, 8)), rng.standard_normal((7, 9))]
    X = np.zeros((8, 9, 4))
    X[np.ix_([1, 5], [2, 6])] = np.multiply.outer(np.outer([1.0, -2.0], [1.5, 0.7]), rng.standard_normal(4))
    y = (kron(H) @ X.reshape(72, 4)) + 0.1 * rng.standard_normal((42, 4))
    model = so.KroneckerSBL(noise_variance=0.01, tol=1e-8).fit(H, y)
    single = so.KroneckerSBL(noise_variance=0.01, tol=1e-8).fit([kron(H)[:, [11, 15, 47, 51]]], y[:, 0])
    for fitted, factors, data in ((model, H, y.T), (single, [kron(H)[:, [11, 15, 47, 51]]], y[:, :1].T)):
        columns = [F[:, s] for F, s in zip(factors, fitted.support_, strict=True)]
        gamma = [g[s] for g, s in zip(fitted.gamma_, fitted.support_, strict=True)]
        best = dense_posterior(columns, gamma, 0.01, data)[2]
        for i, g in enumerate(gamma):
            for a in range(len(g)):
                other = [v.copy() for v in gamma]
                other[i][a] *= 1.2
                assert dense_posterior(columns, other, 0.01, data)[2] > best
