"""The joblib backend, started as its users start it."""

from launching import HERE, needs_mpi, run

pytestmark = needs_mpi


def test_cross_validation_runs_on_the_other_ranks(tmp_path):
    # the runner puts the folder of the script in the first place of sys.path, which must not be that of the packages
    options = dict(cwd=tmp_path, env={"PYTHONSAFEPATH": ""})
    status, out, err = run(3, "-m", "mpi4py.futures", HERE / "ranks" / "tasks.py", **options)
    assert status == 0, f"{out}\n{err}"
    assert "raised task" in out and "workers 2" in out, out
