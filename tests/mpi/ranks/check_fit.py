"""Every distributed solver against the serial one: on rank 0 with all rows, on all ranks with some."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

import sparseopt as so

N, P = 70, 24
L1 = so.penalties.L1(0.02)
TALL = np.random.default_rng(2).standard_normal((300, 5)) * [1.0, 2.0, 0.5, 1.0, 3.0] + 1.0, np.arange(300.0) % 7

TIGHT = 1e-12  # serial fits take other steps than ranks do: both end where steps change nothing
NEWTON = dict(solver="prox_newton", tol=TIGHT)  # on ranks the one that is chosen
MODELS = {
    "lasso": (so.Lasso(alpha=0.1), "number"),
    "elastic net": (so.ElasticNet(alpha=0.1, weights=[0.0, *[1.0] * 22, np.inf]), "number"),
    "positive": (so.Lasso(alpha=0.1, positive=True, fit_intercept=False), "number"),
    "several targets": (so.Lasso(alpha=0.1), "numbers"),
    "group": (so.GroupLasso(alpha=0.1, groups=3), "number"),
    "sparse group": (so.SparseGroupLasso(alpha=0.1, groups=3), "number"),
    "multi-task": (so.MultiTaskLasso(alpha=0.1), "numbers"),
    "logistic": (so.SparseLogisticRegression(alpha=0.02, tol=TIGHT), "two"),
    "balanced": (
        so.SparseLogisticRegression(alpha=0.05, class_weight="balanced", penalty="elasticnet", tol=TIGHT), "two"),
    "multinomial": (so.SparseLogisticRegression(alpha=0.03, tol=TIGHT), "three"),
    "row groups": (so.SparseLogisticRegression(alpha=0.05, penalty="group", tol=TIGHT), "three"),
    "poisson": (so.SparseRegressor("poisson", penalty=L1, tol=TIGHT), "count"),
    "huber": (so.SparseRegressor("huber", penalty=L1, tol=TIGHT), "number"),
    "logistic group": (so.SparseClassifier(penalty=so.penalties.Group(0.05, groups=3), **NEWTON), "two"),
    "multinomial group": (so.SparseClassifier(penalty=so.penalties.Group(0.05, groups=4), **NEWTON), "three"),
    "poisson sparse group": (
        so.SparseRegressor("poisson", penalty=so.penalties.SparseGroup(0.1, 0.5, 3), **NEWTON), "count"),
    "huber group": (
        so.SparseRegressor("huber", penalty=so.penalties.Group(0.1, groups=3, l1_ratio=0.8), **NEWTON), "number"),
    "composite": (
        so.SparseClassifier(penalty=so.penalties.Group(0.05, groups=3), solver="prox_gradient", tol=1e-10), "two"),
    "lasso cv": (so.LassoCV(n_alphas=12, cv=3), "number"),
    "group cv": (so.GroupLassoCV(groups=3, n_alphas=8, cv=3, selection_rule="1se"), "number"),
    "logistic cv": (so.SparseLogisticRegressionCV(n_alphas=4, cv=2, tol=TIGHT), "two"),
    "normal equations": (so.SketchedRegressor(solver="csne", tol="machine", random_state=0), "tall"),
    "sketch": (so.SketchedRegressor(solver="spir", m=64, tol="machine", random_state=0), "tall"),
    "heavy ball": (so.SketchedRegressor(solver="heavy_ball", m=64, tol="machine", random_state=0), "tall"),
    "turbo": (so.TurboVBIRegressor(), "number"),
    "turbo full": (so.TurboVBIRegressor(solver="full", structure="groups", groups=4), "pair"),
    "turbo joint": (so.TurboVBIRegressor(evidence="joint", n_nonzero_coefs=5, structure="iid"), "number"),
    "turbo debiased": (so.TurboVBIRegressor(debias=True, solver="active", share_support=True), "pair"),
    "sketch alone": (so.SketchedRegressor(solver="sketch_solve", m=64, random_state=0), "tall"),
}


def data(kind):
    """Return X and targets of every sort."""
    rng = np.random.default_rng(0)
    if kind == "csc":
        X = sparse.random_array((N, P), density=0.3, rng=rng, format="csc")
        X.data += 1.0
    else:
        X = np.asfortranarray(rng.standard_normal((N, P)) * np.geomspace(0.5, 2.0, P) + 1.0)
    spread = np.asarray(X.todense()).std(axis=0) if kind == "csc" else X.std(axis=0)
    eta = X @ (np.where(np.arange(P) % 5 == 0, 1.0, 0.0) / spread)
    eta -= eta.mean()
    noisy = eta + 0.5 * rng.standard_normal(N)
    targets = {
        "number": noisy,
        "numbers": np.column_stack([noisy, -eta]),
        "two": np.where(noisy > 0.2, "yes", "no"),
        "three": np.digitize(noisy, [-0.7, 0.7]),
        "count": rng.poisson(np.exp(eta / 3.0)),
        "pair": np.column_stack([noisy, 0.5 * rng.standard_normal(N) - eta]),
    }
    return X, targets


def shard(rank, n_ranks, n):
    """Return where the rows of a rank start and end: uneven, and with four ranks one has none."""
    ends = {1: [n], 2: [50, n], 3: [11, 30, n], 4: [11, 30, 30, n]}[n_ranks]
    return ([0, *ends])[rank], ends[rank]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", ["dense", "csc"])
@pytest.mark.parametrize("name", MODELS)
def test_coefficients_are_those_of_a_serial_fit(comm, name, kind, weighted):
    if comm.size > 2 and (weighted == (kind == "dense")) == (comm.size == 4):
        pytest.skip("many ranks share few cores: three take one half of the cases, four the other")
    model, target = MODELS[name]
    X, targets = data(kind)
    if target == "tall":
        X, y = TALL if kind == "dense" else (sparse.csr_array(TALL[0]), TALL[1])
    else:
        y = targets[target]
    n = len(y)
    weights = np.random.default_rng(1).integers(0, 4, n).astype(float) if weighted else None
    start, stop = shard(comm.rank, comm.size, n)
    local = None if weights is None else weights[start:stop]
    fitted = so.mpi.fit(clone(model), (X[start:stop], y[start:stop]), comm, sample_weight=local)
    everywhere = comm.allgather((fitted.coef_.tobytes(), np.asarray(fitted.intercept_).tobytes()))
    assert len(set(everywhere)) == 1
    if comm.rank == 0:
        serial = clone(model).fit(X, y, sample_weight=weights)
        assert np.count_nonzero(serial.coef_) and serial.converged_
        size = np.abs(serial.coef_).max()
        np.testing.assert_allclose(fitted.coef_, serial.coef_, rtol=1e-9, atol=1e-9 * size)
        np.testing.assert_allclose(fitted.intercept_, serial.intercept_, rtol=1e-9, atol=1e-9)
        assert set(vars(fitted)) == set(vars(serial))
