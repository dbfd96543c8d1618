"""Columns on several ranks against serial fits: on rank 0 with all columns, on all ranks with some."""

import contextlib

import numpy as np
import pytest
from sklearn.base import clone

import sparseopt as so
from sparseopt.exceptions import IncompatibleError, InvalidProblemError, RankMismatchError
from sparseopt.mpi import ColumnDesign, MpiRanks

N, P = 30, 90
MODELS = {
    "lasso": (so.Lasso(alpha=0.1), "number"),
    "elastic net": (so.ElasticNet(alpha=0.1, weights=[0.0, *[1.0] * 88, np.inf]), "number"),
    "several targets": (so.Lasso(alpha=0.1), "numbers"),
    "lasso cv": (so.LassoCV(n_alphas=12, cv=3), "number"),
    "group": (so.GroupLasso(alpha=0.1, groups=3), "number"),
    "multi-task": (so.MultiTaskLasso(alpha=0.1), "numbers"),
    "logistic": (so.SparseLogisticRegression(alpha=0.02, tol=1e-12), "two"),
    "logistic cv": (so.SparseLogisticRegressionCV(n_alphas=4, cv=2, tol=1e-12), "two"),
    "multinomial": (so.SparseLogisticRegression(alpha=0.03), "three"),
    "mcp": (so.MCPRegressor(alpha=0.2, tol=1e-11), "number"),
    "random support": (so.RandomSupportRegressor(random_state=0, n_draws=20), "cancelling"),
    "random support, weighted": (so.RandomSupportRegressor(random_state=0, n_draws=20), "cancelling"),
    "random support, dictionary": (so.RandomSupportRegressor(random_state=0, refit="dictionary"), "cancelling"),
    "random support, lasso": (so.RandomSupportRegressor(random_state=0, base="lasso", refit="none"), "cancelling"),
    "scad": (so.SCADRegressor(alpha=0.2, tol=1e-11), "number"),
}


def data():
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((N, P)) * np.geomspace(0.5, 2.0, P) + 1.0)
    noisy = X[:, ::15].sum(axis=1) + 0.5 * rng.standard_normal(N)
    noisy -= noisy.mean()
    return X, {"number": noisy, "numbers": np.column_stack([noisy, -X[:, 7]]), "two": noisy > 0.2,
               "three": np.digitize(noisy, [-2.0, 2.0])}  # fmt: skip


def cancelling():
    """Columns that share a factor, two of them nearly equal, and a signal that is left when these are out."""
    rng = np.random.default_rng(2)
    half = rng.choice([0.0, 3.0], P)
    X = rng.standard_normal((N, P)) + 8.0 * rng.standard_normal((N, 1)) + half * rng.standard_normal((N, 1))
    X[:, 50] = X[:, 12] + 0.05 * rng.standard_normal(N)
    return np.asfortranarray(X), 2.0 * X[:, 3] - 2.0 * X[:, 70] + 0.3 * rng.standard_normal(N)


def part(comm):
    """Return where the columns of a rank start and end: uneven."""
    ends = [0, *{1: [P], 2: [60, P], 3: [11, 30, P], 4: [11, 30, 31, P]}[comm.size]]
    return slice(ends[comm.rank], ends[comm.rank + 1])


@pytest.mark.parametrize("name", MODELS)
def test_coefficients_are_those_of_a_serial_fit(comm, name):
    model, target = MODELS[name]
    X, targets = data()
    if target == "cancelling":
        X, y = cancelling()
    else:
        y = targets[target]
    if name == "lasso":
        X = X.astype(np.float32)
    weights = np.arange(N) % 4.0 if name in ("lasso cv", "logistic", "random support, weighted") else None
    mine = X[:, part(comm)] if name != "group" else np.ascontiguousarray(X[:, part(comm)])
    fitted = so.mpi.fit(clone(model), (mine, y), comm, sample_weight=weights, spread="columns")
    assert len(set(comm.allgather((fitted.coef_.tobytes(), np.asarray(fitted.intercept_).tobytes())))) == 1
    assert fitted.n_features_in_ == P
    if comm.rank == 0:
        serial = clone(model).fit(X, y) if weights is None else clone(model).fit(X, y, sample_weight=weights)
        assert np.count_nonzero(serial.coef_) and getattr(serial, "converged_", True)
        size = np.abs(serial.coef_).max()
        np.testing.assert_allclose(fitted.coef_, serial.coef_, rtol=1e-9, atol=1e-9 * size)
        np.testing.assert_allclose(fitted.intercept_, serial.intercept_, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(fitted.predict(X), serial.predict(X), rtol=1e-6, atol=1e-6)


def test_random_support_is_the_same_in_all_it_reports(comm):
    X, y = cancelling()
    model = so.RandomSupportRegressor(random_state=0, n_draws=20)
    fitted = so.mpi.fit(clone(model), (X[:, part(comm)], y), comm, spread="columns")
    serial = clone(model).fit(X, y)
    assert serial.n_levels_ > 1 and serial.null_sets_ == fitted.null_sets_
    np.testing.assert_array_equal(fitted.support_, serial.support_)
    assert (fitted.kind_, fitted.level_, fitted.dims_) == (serial.kind_, serial.level_, serial.dims_)
    np.testing.assert_allclose(fitted.criterion_path_["criterion"], serial.criterion_path_["criterion"], rtol=1e-9)
    np.testing.assert_allclose(fitted.certificate_.sigma, serial.certificate_.sigma, rtol=1e-8)
    np.testing.assert_allclose(fitted.peeler_.transform(X), serial.peeler_.transform(X), rtol=1e-7, atol=1e-7)
    with pytest.raises(IncompatibleError, match="criterion='cv'") if comm.size > 1 else contextlib.nullcontext():
        so.mpi.fit(so.RandomSupportRegressor(criterion="cv"), (X[:, part(comm)], y), comm, spread="columns")


def test_groups_with_a_smooth_loss(comm):
    X, targets = data()
    y, penalty = np.where(targets["two"], 1.0, -1.0), so.penalties.Group(0.05, groups=3)
    found = so.solve(so.Problem(ColumnDesign(X[:, part(comm)], comm), y, "logistic", penalty), "prox_newton", tol=1e-13)
    serial = so.solve(so.Problem(X, y, "logistic", penalty), "prox_newton", tol=1e-13)
    assert found.converged and np.count_nonzero(serial.coef) and len(set(comm.allgather(found.coef.tobytes()))) == 1
    np.testing.assert_allclose(found.coef, serial.coef, rtol=1e-9, atol=1e-9 * np.abs(serial.coef).max())


def test_products_are_those_of_the_matrix(comm):
    X, _ = data()
    ranks = MpiRanks(comm)
    here = part(comm) if comm.size < 4 else [slice(0, 40), slice(40, 40), slice(40, 89), slice(89, 90)][comm.rank]
    design = ColumnDesign(X[:, here], ranks)
    assert design.shape == X.shape
    rng = np.random.default_rng(1)
    w, R, center = rng.standard_normal(P) * (rng.random(P) < 0.2), rng.standard_normal((N, 3)), X.mean(axis=0)
    np.testing.assert_allclose(design.matvec(w), X @ w, atol=1e-12)
    np.testing.assert_allclose(design.rmatvec(R), X.T @ R, atol=1e-12)
    cols = rng.permutation(P)[:17].astype(np.intp)
    columns = design.columns(center=center)
    expected = (X - center)[:, cols].T
    np.testing.assert_allclose(columns.rmatvec(np.ascontiguousarray(R[:, 0]), cols), expected @ R[:, 0], atol=1e-12)
    G = np.empty((17, 17))
    columns.extend_gram(cols, 0, None, G)
    np.testing.assert_allclose(G, expected @ expected.T, atol=1e-11)
    sent = ranks.traffic.n_bytes
    columns.extend_gram(cols[::-1].copy(), 0, None, G)  # columns are sent once
    assert ranks.traffic.n_bytes == sent


def test_names_come_from_all_ranks(comm):
    pd = pytest.importorskip("pandas")
    X, targets = data()
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(P)])
    model = so.mpi.fit(so.Lasso(alpha=0.1), (frame.iloc[:, part(comm)], targets["number"]), comm, spread="columns")
    assert list(model.feature_names_in_) == list(frame.columns)
    model.predict(frame)


def test_what_ranks_must_agree_on(comm):
    X, targets = data()
    y, last = targets["number"], comm.rank == comm.size - 1
    with pytest.raises(IncompatibleError, match="columns on several ranks; these can"):
        so.mpi.fit(so.SketchedRegressor(), (X, y), comm, spread="columns")
    with pytest.raises(ValueError, match="spread must be one of"):
        so.mpi.fit(so.Lasso(), (X, y), comm, spread="both")
    with pytest.raises(InvalidProblemError, match="files are read by rows"):
        so.mpi.fit(so.Lasso(), "data.npz", comm, spread="columns")
    if comm.size == 1:
        return
    with pytest.raises(RankMismatchError, match="rows of X"):
        so.mpi.fit(so.Lasso(), (X[last:], y[last:]), comm, spread="columns")
    with pytest.raises(RankMismatchError, match="y"):
        so.mpi.fit(so.Lasso(), (X, y + last), comm, spread="columns")
    with pytest.raises(RankMismatchError, match="different kinds"):
        ColumnDesign(X[last:], comm)
    bad = np.where(last & (np.arange(X.size) == 7).reshape(X.shape), np.nan, X)
    with pytest.raises(InvalidProblemError, match=f"on rank {comm.size - 1}"):
        so.mpi.fit(so.Lasso(), (bad, y), comm, spread="columns")
