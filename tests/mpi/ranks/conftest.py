"""Run by every rank: a communicator, and failures that end all ranks with the traceback of the one that failed.

MPI is imported by what ranks run only: the process that collects the tests starts others and must not be a rank.
"""

import sys

import pytest


@pytest.fixture
def comm():
    """A communicator of its own for every test."""
    from mpi4py import MPI

    own = MPI.COMM_WORLD.Dup()
    yield own
    own.Free()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        from mpi4py import MPI

        sys.stderr.write(f"\nrank {MPI.COMM_WORLD.rank} failed in {item.nodeid}\n{report.longreprtext}\n")
        sys.stderr.flush()
        MPI.COMM_WORLD.Abort(1)
    return report
