"""Checks that every rank of a real mpiexec runs; see the folder ``ranks``."""

import pytest
from launching import HERE, needs_mpi, run

pytestmark = needs_mpi


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 4])
def test_under_mpiexec(n_ranks):
    checks = sorted((HERE / "ranks").glob("check_*.py"))
    assert checks
    status, out, err = run(n_ranks, "-m", "mpi4py", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p",
                           "no:xdist", *checks, timeout=280)  # fmt: skip
    assert status == 0, f"{out}\n{err}"
    assert out.count(" passed") == n_ranks, out
