"""How much work fits take on fixed problems: counted, not timed, so that a slowdown is found on any machine.

A limit is what was counted when the line was written, and a tenth more, because rounding differs between machines.
Lower a limit when a fit needs less; raise one only with a reason in the commit.
"""

import tracemalloc

import numpy as np
import pytest
from scipy import linalg, sparse
from sklearn.datasets import load_digits

import sparseopt as so


def rows_of(n, p, rho, seed):
    """Gaussian rows whose neighboring columns have this correlation."""
    X = np.random.default_rng(seed).standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    return np.asfortranarray(X)


def target_of(X, k, seed):
    """A sparse combination of columns, with a third of its deviation as noise."""
    rng = np.random.default_rng(seed)
    coef = np.zeros(X.shape[1])
    coef[rng.choice(X.shape[1], k, replace=False)] = rng.standard_normal(k)
    signal = X @ coef
    return signal + rng.standard_normal(len(signal)) * signal.std() / 3


@pytest.fixture(scope="module")
def problems():
    """X, y, two classes, and the largest alpha of the squared and of the logistic loss, by kind of data."""
    designs = {
        "wide": rows_of(100, 2000, 0.9, 0),
        "tall": rows_of(2000, 200, 0.6, 1),
        "sparse": sparse.random(1000, 5000, density=0.01, random_state=2, format="csc"),
    }
    found = {}
    for seed, (kind, X) in enumerate(designs.items()):
        y = target_of(X, (10, 20, 30)[seed], seed)
        classes = (y > np.median(y)).astype(float)
        largest = [np.abs(X.T @ (v - v.mean())).max() / len(v) for v in (y, classes)]
        found[kind] = (X, y, classes, *largest)
    return found


FITS = {
    "path": lambda X, y, c, top, top_c: so.solution_path(X, y),
    "lasso": lambda X, y, c, top, top_c: so.Lasso(alpha=top / 100).fit(X, y),
    "elastic net": lambda X, y, c, top, top_c: so.ElasticNet(alpha=top / 50, l1_ratio=0.5).fit(X, y),
    "groups": lambda X, y, c, top, top_c: so.GroupLasso(alpha=top / 20, groups=5).fit(X, y),
    "logistic": lambda X, y, c, top, top_c: so.SparseLogisticRegression(alpha=top_c / 20).fit(X, c),
    "mcp": lambda X, y, c, top, top_c: so.MCPRegressor(alpha=top / 10).fit(X, y),
    "scad": lambda X, y, c, top, top_c: so.SCADRegressor(alpha=top / 10).fit(X, y),
}
PASSES = {  # over X: wide, tall, sparse
    "path": (7.9, 4.4, 10.6),
    "lasso": (8.2, 7.4, 10.9),
    "elastic net": (9.3, 7.5, 9.9),
    "groups": (8.6, 6.8, 5.2),
    "logistic": (8.7, 14.8, 20.0),
    "mcp": (14.1, 13.3, 41.9),
    "scad": (12.9, 14.4, 36.1),
}


@pytest.mark.parametrize("kind", ["wide", "tall", "sparse"])
@pytest.mark.parametrize("name", FITS)
def test_passes_over_the_data(problems, name, kind):
    model = FITS[name](*problems[kind])
    passes = getattr(model, "n_passes_", None) or model.n_passes
    assert 1 <= passes <= 1.1 * PASSES[name][("wide", "tall", "sparse").index(kind)]


def test_passes_of_cross_validation_are_those_of_its_paths(problems):
    X, y, *_ = problems["tall"]
    assert so.LassoCV(cv=5).fit(X, y).n_passes_ <= 1.1 * 30.4


def test_rounds_of_iterative_methods(problems):
    wide, y, *_ = problems["wide"]
    rounds = {
        "best subset": (so.BestSubsetRegressor(10).fit(wide, y).n_iter_, 11),
        "sbl": (so.SBLRegressor().fit(wide[:, :200], y).n_iter_, 123),
        "sbl, fast": (so.SBLRegressor(update="fast").fit(wide, y).n_iter_, 22),
    }
    assert all(counted <= 1.1 * limit for counted, limit in rounds.values()), rounds


def test_blocks_until_the_support_is_found(problems):
    X, y, _, top, _ = problems["tall"]
    problem = so.Problem(X, y, penalty=so.penalties.L1(alpha=top / 10), fit_intercept=False)
    found = so.block_coordinate_descent(
        problem, block_size=10, selection="gsd-q", update="prox-newton", max_iter=500, tol=1e-9, track="support"
    )
    assert found.converged and found.n_iter <= 22 and found.identified_at <= 4


def test_a_sketched_fit_reads_the_rows_twice():
    X = rows_of(20_000, 50, 0.5, 3)
    y = target_of(X, 50, 3)
    assert so.SketchedRegressor(random_state=0).fit(X, y).n_passes_ <= 2
    assert so.SketchedRegressor(random_state=0, tol="machine").fit(X, y).n_passes_ <= 2


def test_labels_spread_in_few_rounds():
    X, digits = load_digits(return_X_y=True)
    labels = np.full(len(digits), -1)
    labels[:60] = digits[:60]
    assert so.GraphLabelPropagation(n_neighbors=7).fit(X, labels).n_iter_ <= 1.1 * 311


def test_factorizations_of_a_random_support_fit(problems, monkeypatch):
    counts = dict.fromkeys(("eigh", "svd", "qr", "cholesky"), 0)
    for name in counts:
        for module in (linalg, np.linalg):
            whole = getattr(module, name)

            def counted(*args, _name=name, _whole=whole, **options):
                counts[_name] += 1
                return _whole(*args, **options)

            monkeypatch.setattr(module, name, counted)
    X, y, *_ = problems["wide"]
    so.RandomSupportRegressor(random_state=0).fit(X[:, :300], y)
    limits = {"eigh": 1, "svd": 1, "qr": 8, "cholesky": 0}
    assert all(counts[name] <= limits[name] for name in limits), counts


COPIES = {
    "Lasso": lambda X, y: so.Lasso(alpha=0.1).fit(X, y),
    "ElasticNet": lambda X, y: so.ElasticNet(alpha=0.1).fit(X, y),
    "GroupLasso": lambda X, y: so.GroupLasso(alpha=0.1, groups=5).fit(X, y),
    "SparseLogisticRegression": lambda X, y: so.SparseLogisticRegression(alpha=0.05).fit(X, y > 0),
    "MCPRegressor": lambda X, y: so.MCPRegressor(alpha=0.1).fit(X, y),
    "BestSubsetRegressor": lambda X, y: so.BestSubsetRegressor(5).fit(X, y),
    "solution_path": lambda X, y: so.solution_path(X, y, n_alphas=20, eps=0.1),
    "Problem": lambda X, y: so.solve(so.Problem(X, y, penalty=so.penalties.L1(alpha=0.1))),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", COPIES)
def test_the_design_is_not_copied(name, dtype):
    X = np.asfortranarray(rows_of(1000, 2000, 0.0, 4), dtype=dtype)
    y = X[:, :5].sum(axis=1, dtype=float)
    COPIES[name](X[:50], y[:50])  # imports and caches are not the fit's
    tracemalloc.start()
    try:
        COPIES[name](X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.4 * X.nbytes, f"{peak / 1e6:.1f} MB beside X of {X.nbytes / 1e6:.1f} MB"
