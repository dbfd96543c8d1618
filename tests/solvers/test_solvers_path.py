"""Paths: every alpha certified, equal to single fits, on any grid, and few readings of X."""

import logging

import numpy as np
import pytest
from estimator_oracles import objective_and_gap
from scipy import sparse
from scipy.signal import lfilter
from sklearn.exceptions import ConvergenceWarning

import sparseopt as so
from sparseopt.penalties import L1, ElasticNet
from sparseopt.solvers import batch_path, solve_path
from sparseopt.solvers.grid import alpha_grid

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning", "error::RuntimeWarning")


def gaussian(n, p, rho=0.0, seed=0, n_true=20):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    if rho:
        X[:, 1:] *= np.sqrt(1.0 - rho**2)
        X = lfilter([1.0], [1.0, -rho], X, axis=1)
    w = np.zeros(p)
    w[rng.permutation(p)[:n_true]] = rng.standard_normal(min(n_true, p))
    y = X @ w
    return np.asfortranarray(X), y + 0.5 * np.std(y) * rng.standard_normal(n) + 2.0


def thin(n, p, density, seed=0):
    rng = np.random.default_rng(seed)
    X = sparse.random_array((n, p), density=density, rng=rng, data_sampler=rng.standard_normal).tocsc()
    y = X[:, :40] @ rng.standard_normal(40)
    return X, y + 0.3 * np.std(y) * rng.standard_normal(n)


def genotypes(n, p, seed=0):
    """Blocks of counts 0, 1, 2, strongly correlated within a block; standardised."""
    rng = np.random.default_rng(seed)
    blocks = [(rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal((n, 25)) > 0.8) for _ in range(2 * p // 25)]
    X = np.hstack(blocks[: p // 25]).astype(float) + np.hstack(blocks[p // 25 :])
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    return np.asfortranarray(X), X[:, ::40] @ rng.standard_normal(X[:, ::40].shape[1]) + rng.standard_normal(n)


def check_every_gap(path, X, y, penalty, tol, sample_weight=None, fit_intercept=True):
    """Recompute each certificate in plain numpy from the coefficients."""
    finite = None if penalty.weights is None else np.minimum(penalty.weights, 1e300)
    assert path.converged.all()
    for k, alpha in enumerate(path.alphas):
        objective, gap = objective_and_gap(
            X, y, path.coefs[k], path.intercepts[k], alpha, penalty.l1_ratio, finite, sample_weight, fit_intercept,
            penalty.positive,
        )  # fmt: skip
        assert path.objectives[k] == pytest.approx(objective, rel=1e-9)
        assert path.gaps[k] == pytest.approx(gap, rel=1e-5, abs=1e-12 * path.null_objective)
        assert gap <= tol * path.null_objective * (1.0 + 1e-6)


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-10])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_few_passes_over_gaussian_designs_and_every_gap(rho, tol):
    X, y = gaussian(200, 5000, rho)
    path = so.solution_path(X, y, tol=tol)
    check_every_gap(path, X, y, L1(), tol)
    assert path.alphas.size == 100
    assert path.alphas[-1] == pytest.approx(0.01 * path.alphas[0])
    assert path.n_passes <= 12.0


HARD = {
    "wide_06": lambda: gaussian(60, 3000, 0.6),
    "close_neighbours": lambda: gaussian(150, 1500, 0.9),
    "square": lambda: gaussian(500, 500, 0.6),
    "tall": lambda: gaussian(2000, 100, 0.3),
    "thin": lambda: thin(600, 4000, 0.01),
    "genotypes": lambda: genotypes(200, 2000),
    "duplicates": lambda: (np.repeat(gaussian(80, 300)[0], 2, axis=1), gaussian(80, 300)[1]),
}


@pytest.mark.parametrize("name", HARD)
def test_few_passes_on_every_problem(name):
    X, y = HARD[name]()
    path = so.solution_path(X, y, eps=1e-2)
    check_every_gap(path, X, y, L1(), 1e-6)
    assert path.n_passes <= 20.0


VARIANTS = {
    "plain": {},
    "no_intercept": {"fit_intercept": False},
    "rows_weighted": {"rows": True},
    "elastic_net": {"l1_ratio": 0.6},
    "elastic_net_rows": {"l1_ratio": 0.3, "rows": True},
    "positive": {"positive": True},
    "columns_weighted": {"columns": True},
    "unpenalised": {"columns": True, "free": 2},
    "unpenalised_ridge": {"columns": True, "free": 2, "l1_ratio": 0.7},
    "excluded": {"columns": True, "excluded": 5},
    "everything": {"columns": True, "rows": True, "l1_ratio": 0.8, "positive": True, "excluded": 5},
}


@pytest.mark.parametrize("kind", ["dense", "float32", "csc"])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_equals_single_fits(name, kind):
    options = VARIANTS[name]
    X, y = gaussian(50, 120, 0.4, n_true=10)
    rng = np.random.default_rng(1)
    if kind == "csc":
        X = sparse.csc_matrix(X * (rng.random(X.shape) < 0.3))
    elif kind == "float32":
        X = X.astype(np.float32)
    weights = rng.uniform(0.5, 2.0, 120) if options.get("columns") else None
    if weights is not None:
        weights[: options.get("free", 0)] = 0.0
        weights[100 : 100 + options.get("excluded", 0)] = np.inf
    s = rng.uniform(0.2, 2.0, 50) if options.get("rows") else None
    penalty = ElasticNet(1.0, options.get("l1_ratio", 1.0), weights=weights, positive=options.get("positive", False))
    fit_intercept = options.get("fit_intercept", True)
    path = so.solution_path(
        X, y, penalty=penalty, n_alphas=12, tol=1e-12, sample_weight=s, fit_intercept=fit_intercept, max_iter=1000
    )
    check_every_gap(path, X, y, penalty, 1e-12, s, fit_intercept)
    for k in range(0, 12, 3):
        penalty.set_params(alpha=path.alphas[k])
        problem = so.Problem(X, y, penalty=penalty, sample_weight=s, fit_intercept=fit_intercept)
        single = so.solve(problem, tol=1e-13, max_iter=1000)
        scale = max(np.abs(single.coef).max(), 1e-3)
        np.testing.assert_allclose(path.coefs[k], single.coef, rtol=0, atol=2e-5 * scale)
        assert path.objectives[k] == pytest.approx(single.objective, rel=1e-11)
        assert path.intercepts[k] == pytest.approx(single.intercept, abs=1e-4 * scale)


@pytest.mark.parametrize("share", [[1.0], [0.01], [3.0, 1.5], [5.0, 0.3, 0.299999, 1e-3], np.geomspace(0.2, 0.19, 50)])
def test_any_decreasing_grid_will_do(share):
    X, y = gaussian(60, 300, 0.5)
    top = so.Problem(X, y).alpha_max()
    alphas = top * np.asarray(share)
    path = so.solution_path(X, y, alphas=alphas)
    np.testing.assert_array_equal(path.alphas, alphas)
    check_every_gap(path, X, y, L1(), 1e-6)
    assert not np.any(path.coefs[alphas >= top * (1.0 + 1e-9)])


def test_default_grids():
    X, y = gaussian(40, 60)
    wide = so.solution_path(X, y, n_alphas=7)
    assert wide.alphas.shape == (7,) and wide.alphas[-1] == pytest.approx(1e-2 * wide.alphas[0])
    tall = so.solution_path(*gaussian(60, 40), n_alphas=7)
    assert tall.alphas[-1] == pytest.approx(1e-3 * tall.alphas[0])
    assert wide.alphas[0] == pytest.approx(np.abs((X - X.mean(0)).T @ (y - y.mean())).max() / 40)
    assert so.solution_path(X, y, eps=0.5, n_alphas=3).alphas[-1] == pytest.approx(0.5 * wide.alphas[0])
    np.testing.assert_allclose(np.diff(np.log(alpha_grid(2.0, 5, 0.1))), np.log(0.1) / 4)
    assert not np.any(wide.coefs[0]) and np.any(wide.coefs[1])


def test_nothing_to_select():
    path = so.solution_path(np.random.default_rng(0).standard_normal((10, 4)), np.full(10, 2.0), n_alphas=5)
    assert path.converged.all() and not np.any(path.coefs) and np.all(path.intercepts == 2.0)


def test_batches_and_prediction_change_nothing_but_the_passes(monkeypatch):
    X, y = gaussian(80, 600, 0.5)
    paths = {}
    for batch, damping, least in ((20, 0.85, 100), (1, 0.85, 100), (100, 0.0, 1), (7, 3.0, 1000)):
        monkeypatch.setattr(batch_path, "BATCH", batch)
        monkeypatch.setattr(batch_path, "DAMPING", damping)
        monkeypatch.setattr(batch_path, "LEAST", least)
        paths[batch] = so.solution_path(X, y, n_alphas=40, tol=1e-12, max_iter=1000)
        assert paths[batch].converged.all()
    for batch, path in paths.items():
        np.testing.assert_allclose(path.coefs, paths[20].coefs, atol=1e-6), batch
    assert paths[20].n_passes < paths[1].n_passes


@pytest.mark.parametrize("make", [lambda: gaussian(150, 3000, 0.5), lambda: thin(600, 4000, 0.01)])
def test_threads_change_nothing(make):
    X, y = make()
    one, two = (so.solution_path(X, y, n_alphas=30, n_threads=k) for k in (1, 2))
    np.testing.assert_array_equal(one.coefs, two.coefs)
    np.testing.assert_array_equal(one.gaps, two.gaps)
    assert one.n_passes == two.n_passes


def test_stopping_early_is_honest():
    X, y = gaussian(60, 600)
    with pytest.warns(ConvergenceWarning, match=r"for \d+ of 100 alphas.*max_iter \(now 1\)"):
        path = so.solution_path(X, y, max_iter=1)
    assert path.n_iter == 1 and 0 < path.converged.sum() < 100
    for k in np.flatnonzero(path.converged):
        gap = objective_and_gap(X, y, path.coefs[k], path.intercepts[k], path.alphas[k])[1]
        assert gap <= 1.001e-6 * path.null_objective
    assert np.all(np.isinf(path.gaps[20:])) and not np.any(path.coefs[20:])


def test_a_callback_may_stop(caplog):
    X, y = gaussian(60, 600)
    done = []
    problem = so.Problem(X, y)
    path = solve_path(problem, callback=lambda n_done: done.append(n_done) or len(done) == 2)
    assert path.n_iter == 2 and len(done) == 2 and done[0] <= done[1] < 100
    with caplog.at_level(logging.INFO, logger="sparseopt"):
        whole = so.solution_path(X, y, verbose=2)
    assert len(caplog.records) == whole.n_iter and whole.converged.all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_alphas": 0}, "n_alphas"), ({"n_alphas": 2.5}, "n_alphas"), ({"n_alphas": True}, "n_alphas"),
        ({"eps": 0.0}, "eps"), ({"eps": 1.0}, "eps"), ({"eps": np.nan}, "eps"), ({"tol": -1.0}, "tol"),
        ({"max_iter": 0}, "max_iter"), ({"alphas": []}, "alphas"), ({"alphas": [[1.0]]}, "alphas"),
        ({"alphas": [1.0, 0.0]}, "alphas"), ({"alphas": [1.0, -1.0]}, "alphas"), ({"alphas": [1.0, 1.0]}, "decreasing"),
        ({"alphas": [0.5, 1.0]}, "decreasing"), ({"alphas": [np.nan]}, "alphas"), ({"alphas": [np.inf, 1.0]}, "alphas"),
        ({"n_threads": 0}, "n_threads"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    X, y = gaussian(10, 5)
    with pytest.raises(ValueError, match=message):
        so.solution_path(X, y, **arguments)
