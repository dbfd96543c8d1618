"""Disagreement and bad data on one rank: the same error on all of them, before any work, naming the rank."""

import os

import numpy as np
import pytest

import sparseopt as so
from sparseopt.exceptions import IncompatibleError, InvalidProblemError, RankMismatchError

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((20, 4)), rng.standard_normal(20)


@pytest.fixture(autouse=True)
def several(comm):
    if comm.size == 1:
        pytest.skip("one rank agrees with itself")


def last(comm):
    """Whether this is the rank at fault."""
    return comm.rank == comm.size - 1


def fails(comm, kind, words, estimator, X, y, **options):
    """Fit, and check that every rank gets an error of this kind with these words."""
    with pytest.raises(kind) as caught:
        so.mpi.fit(estimator, (X, y), comm, **options)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert not hasattr(estimator, "coef_")
    messages = comm.allgather(str(caught.value))
    assert len(set(messages)) == 1 or not words, messages
    so.mpi.fit(so.Lasso(alpha=0.01), (globals()["X"], Y), comm)  # the communicator is as good as before


def test_columns(comm):
    mine = X[:, :3] if last(comm) else X
    fails(comm, RankMismatchError, ["columns of X", "3 on rank", "4 on rank 0"], so.Lasso(), mine, Y)


def test_types(comm):
    mine = X.astype(np.float32) if last(comm) else X
    fails(comm, RankMismatchError, ["dtype of X", "float32"], so.Lasso(), mine, Y)


def test_parameters(comm):
    fails(comm, RankMismatchError, ["alpha: 1.0 on rank 0, 2.0 on rank"], so.Lasso(1.0 + last(comm)), X, Y)


def test_seeds(comm):
    model = so.SketchedRegressor(random_state=int(last(comm)))
    fails(comm, RankMismatchError, ["random_state"], model, X, Y)


def test_kinds_of_estimators(comm):
    fails(comm, RankMismatchError, ["estimator"], so.Lasso() if last(comm) else so.ElasticNet(), X, Y)


def test_weights_on_some_ranks_only(comm):
    weights = np.ones(20) if last(comm) else None
    fails(comm, RankMismatchError, ["sample_weight"], so.Lasso(), X, Y, sample_weight=weights)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_of_x_on_one_rank(comm, bad):
    mine = X.copy()
    mine[7, 2] = bad if last(comm) else 0.0
    fails(comm, InvalidProblemError, ["column 2", f"on rank {comm.size - 1}"], so.Lasso(), mine, Y)


def test_nan_in_y_on_one_rank(comm):
    mine = np.where(np.arange(20) == 3, np.nan, Y) if last(comm) else Y
    fails(comm, InvalidProblemError, ["y contains NaN", f"rank {comm.size - 1}"], so.Lasso(), X, mine)


def test_lengths_on_one_rank(comm):
    mine = Y[:-1] if last(comm) else Y
    fails(comm, InvalidProblemError, [f"rank {comm.size - 1}", "20 rows"], so.Lasso(), X, mine)


def test_weights_on_one_rank(comm):
    weights = np.full(20, -1.0 if last(comm) else 1.0)
    words = [f"rank {comm.size - 1}", "sample_weight"]
    fails(comm, InvalidProblemError, words, so.Lasso(), X, Y, sample_weight=weights)


def test_no_rows_anywhere(comm):
    fails(comm, InvalidProblemError, ["no rank holds any rows"], so.Lasso(), X[:0], Y[:0])


def test_one_class_only_but_not_on_every_rank(comm):
    labels = np.full(20, comm.rank)  # one class a rank, several together
    assert so.mpi.fit(so.SparseLogisticRegression(), (X, labels), comm).classes_.size == comm.size
    fails(comm, ValueError, ["one class"], so.SparseLogisticRegression(), X, np.zeros(20))


def test_parameters_out_of_range(comm):
    fails(comm, ValueError, ["alpha must be"], so.Lasso(alpha=-1.0), X, Y)


def test_estimators_that_cannot(comm):
    fails(comm, IncompatibleError, ["MCPRegressor", "Lasso"], so.MCPRegressor(), X, Y)


def test_solvers_that_cannot(comm):
    fails(comm, IncompatibleError, ["MPI ranks", "working_set"], so.Lasso(solver="coordinate_descent"), X, Y)
    with pytest.raises(IncompatibleError, match="MPI ranks"):
        so.block_coordinate_descent(so.Problem(so.mpi.RowDesign(X, comm), Y))


@pytest.mark.parametrize("fault", ["missing", "truncated"])
def test_a_file_on_one_rank(comm, fault, tmp_path):
    path = tmp_path / "data.npz"  # every rank its own
    np.savez(path, X=X, y=Y)
    if last(comm):
        whole = path.read_bytes()
        path.unlink() if fault == "missing" else path.write_bytes(whole[: len(whole) // 2])
    kind = FileNotFoundError if fault == "missing" else InvalidProblemError
    with pytest.raises(kind, match=f"rank {comm.size - 1} of {comm.size}: "):
        so.mpi.fit(so.Lasso(), os.fspath(path), comm)


def test_replicas_that_differ_by_one_bit(comm):
    w = np.ones(5)
    so.mpi.assert_replicated(w, comm)
    w[3] = np.nextafter(1.0, 2.0) if last(comm) else 1.0
    with pytest.raises(RankMismatchError, match=f"coefficients .* differs on rank {comm.size - 1}"):
        so.mpi.assert_replicated(w, comm, what="coefficients")


def test_designs_that_differ(comm):
    with pytest.raises(RankMismatchError, match="3 columns"):
        so.mpi.RowDesign(X[:, :3] if last(comm) else X, comm)


def test_a_rank_that_fails_at_the_end_is_told_to_the_others(comm, monkeypatch):
    report = so.Lasso._report

    def fail(self, *args):
        report(self, *args)
        if last(comm):
            raise OSError("no more room")

    monkeypatch.setattr(so.Lasso, "_report", fail)
    monkeypatch.setattr("sparseopt.mpi.fitting.assert_replicated", lambda *args, **options: None)
    expected = OSError if last(comm) else RankMismatchError
    with pytest.raises(expected, match=f"no more room|rank {comm.size - 1} of"):
        so.mpi.fit(so.Lasso(), (X, Y), comm)
