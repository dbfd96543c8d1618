"""Restarts of the majorise-minimise solver: when they happen, that they help, and that nothing else depends on them."""

import numpy as np
import pytest
from sbl_oracles import decibel, kronecker_signal, nmse

import sparseopt as so
from sparseopt.solvers.sbl.restarts import RESTARTS, doubtful

FIELDS = ("cost_", "noise_variance_", "n_iter_")


def hard(seed, active=4):
    """A signal of the published kind on which one start often fails: few rows, many active atoms, rank-one values."""
    factors, x, y, s2, _ = kronecker_signal(1000 + seed, active=active, rank_one=True)
    return factors, x.ravel(), y, s2


def fitted(factors, y, s2, **options):
    return so.KroneckerSBL(noise_variance=s2, **options).fit(factors, y)


def test_a_fit_is_doubtful_when_a_short_factor_uses_more_than_half_as_many_atoms_as_rows():
    wide, tall = np.ones((8, 15)), np.ones((15, 8))
    few, many, all_ = ([1.0] * k + [0.0] * (15 - k) for k in (4, 5, 15))
    assert doubtful([np.array([few, many, all_]), np.ones((3, 8))], [wide, tall]).tolist() == [False, True, True]
    assert not doubtful([np.array([all_])], [wide]).any()  # no other factor could do its work
    one_row, two_rows = np.ones((1, 4)), np.ones((2, 4))
    used = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    assert doubtful([used, used], [one_row, one_row]).tolist() == [False, True]
    assert doubtful([used, used], [two_rows, two_rows]).tolist() == [False, True]


def test_easy_problems_have_one_start_and_draw_no_seed():
    for seed in range(4):
        factors, _, y, s2, _ = kronecker_signal(1000 + seed, snr=25.0)
        state = np.random.RandomState(3)
        one, auto = fitted(factors, y, s2, n_init=1), fitted(factors, y, s2, random_state=state)
        assert all(getattr(one, name) == getattr(auto, name) for name in FIELDS)
        np.testing.assert_array_equal(one.coef_, auto.coef_)
        assert state.randint(1000) == np.random.RandomState(3).randint(1000)


def test_restarts_mend_poor_local_maxima_of_the_evidence():
    errors = {1: [], "auto": []}
    for seed in range(12):
        factors, x, y, s2 = hard(seed)
        costs = {}
        for n_init, found in errors.items():
            model = fitted(factors, y, s2, n_init=n_init)
            found.append(nmse(model.coef_, x))
            costs[n_init] = model.cost_
        assert costs["auto"] <= costs[1] + 1e-9 * abs(costs[1])
    lost = {n_init: sum(e > 0.05 for e in found) for n_init, found in errors.items()}
    assert lost["auto"] <= lost[1] - 2
    assert np.mean(decibel(errors["auto"])) < np.mean(decibel(errors[1])) - 2.0


@pytest.mark.parametrize("known", [True, False])
def test_restarts_of_a_user_depend_on_no_other_user_and_no_thread(known):
    factors, _, y, s2 = hard(0, active=5)
    rng = np.random.default_rng(0)
    signals = []
    for _ in range(5):  # users share the dictionaries
        x = np.zeros((15, 15, 15))
        support = [rng.choice(15, 5, replace=False) for _ in range(3)]
        x[np.ix_(*support)] = np.multiply.outer(
            np.multiply.outer(rng.standard_normal(5), rng.standard_normal(5)), rng.standard_normal(5)
        )
        clean = np.einsum("ia,jb,kc,abc->ijk", *factors, x, optimize=True)
        signals.append((clean + 0.05 * np.abs(clean).std() * rng.standard_normal(clean.shape)).ravel())
    Y = np.array(signals)
    options = dict(noise_variance=s2 if known else None, random_state=1)
    together = so.KroneckerSBLCoder(factors, n_threads=2, **options).fit(Y).solve(Y)
    for row, result in zip(Y, together, strict=True):
        alone = so.KroneckerSBL(n_threads=1, **options).fit(factors, row)
        assert alone.cost_ == pytest.approx(result.cost, rel=1e-9)
        assert [s.tolist() for s in alone.support_] == [s.tolist() for s in result.support]


def test_the_default_is_repeatable_and_a_seed_is_drawn_once():
    factors, _, y, s2 = hard(3, active=6)
    first, second = fitted(factors, y, s2), fitted(factors, y, s2)
    np.testing.assert_array_equal(first.coef_, second.coef_)
    state = np.random.RandomState(5)
    fitted(factors, y, s2, random_state=state)
    expected = np.random.RandomState(5)
    expected.randint(2**31 - 1)
    assert RESTARTS > 2  # several random starts, one seed
    assert state.randint(2**31 - 1) == expected.randint(2**31 - 1)


@pytest.mark.parametrize(
    "value, error", [("many", ValueError), (0, ValueError), (2.5, TypeError), (None, TypeError), ([2], TypeError)]
)
def test_bad_numbers_of_starts(value, error):
    factors, _, y, _ = hard(0)
    with pytest.raises(error, match="n_init"):
        so.KroneckerSBL(n_init=value).fit(factors, y)
