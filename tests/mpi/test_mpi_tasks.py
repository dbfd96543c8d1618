"""The joblib backend, started as its users start it."""

from launching import HERE, needs_mpi, run

pytestmark = needs_mpi


def test_cross_validation_runs_on_the_other_ranks():
    status, out, err = run(3, "-m", "mpi4py.futures", HERE / "ranks" / "tasks.py")
    assert status == 0, f"{out}\n{err}"
    assert "raised task" in out and "workers 2" in out, out
