"""Corrections of a Gram matrix by steps, against the conditions that define them."""

import numpy as np
import pytest

from sparseopt.solvers._secants import MOST, Secants


@pytest.mark.parametrize("intercept", [True, False])
def test_the_newest_step_is_reproduced_and_the_matrix_stays_positive_definite(intercept):
    rng = np.random.default_rng(0)
    n, p, K = 60, 12, int(intercept)
    X = rng.standard_normal((n, p)) + 1.0
    d, true = rng.random(n) + 0.1, rng.random(n) + 0.1
    C = np.atleast_2d(d @ X / d.sum())[:K]
    A = np.column_stack([X - (C[0] if intercept else 0.0), np.ones((n, K))])  # in the coordinates of the model
    raw = np.column_stack([X, np.ones((n, K))])
    G, M = (A[:, :p].T * d) @ A[:, :p], d.sum() * np.eye(K)
    secants, every = Secants(p), np.arange(p)
    for _ in range(MOST + 2):
        move, shift = rng.standard_normal(p) * (rng.random(p) < 0.7), rng.standard_normal(K)
        change = (raw.T * true) @ raw @ np.append(move, shift)
        before = rng.standard_normal(p)
        secants.add(every, move, shift, every, before, before - change[:p], change[p:])
    assert len(secants.kept) == MOST
    B, B0, B00 = secants.corrected(G, M, C, every)
    whole = np.block([[B, B0.T], [B0, B00]])
    assert np.linalg.eigvalsh(whole).min() > 0.0
    image = np.append(change[:p] - change[p:] @ C, change[p:])
    np.testing.assert_allclose(whole @ np.append(move, shift + C @ move), image, rtol=1e-9, atol=1e-9)


def test_steps_whose_change_was_not_read_do_not_count():
    secants = Secants(4)
    secants.add(np.arange(3), np.ones(3), np.empty(0), np.arange(3), np.ones(3), np.zeros(3), np.empty(0))
    G, none = np.eye(4), np.zeros((0, 0))
    B, *_ = secants.corrected(G, none, np.zeros((0, 4)), np.arange(4))
    assert B is G and list(secants.moved()) == [0, 1, 2]
    secants.add(np.arange(3), np.ones(3), np.empty(0), np.arange(3), np.ones(3), np.ones(3) - 1e-9, np.empty(0))
    assert len(secants.kept) == 1  # a change that rounding may have made
