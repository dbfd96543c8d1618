"""`sparseopt info`: facts for people and for machines."""

import numpy as np
import scipy
import sklearn

import sparseopt
from sparseopt._threads import resolve_n_threads


def test_json_has_versions_threads_and_the_machine(run):
    outcome = run("info", "--json")
    assert outcome.status == 0 and outcome.err == ""
    facts = outcome.json
    assert facts["versions"]["sparseopt"] == sparseopt.__version__
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["versions"]["scipy"] == scipy.__version__
    assert facts["versions"]["scikit-learn"] == sklearn.__version__
    assert isinstance(facts["kernels"]["openmp"], bool)
    assert facts["kernels"]["openmp_max_threads"] >= 1
    assert isinstance(facts["kernels"]["debug"], bool)
    assert facts["threads"]["of_a_fit"] == resolve_n_threads(None)
    assert facts["machine"]["logical_cores"] >= facts["machine"]["physical_cores_usable"] >= 1
    assert any(pool["kind"] == "BLAS" for pool in facts["thread_pools"])
    assert set(facts["MPI"]) == {"mpi4py", "mpiexec"}


def test_people_see_the_same(run):
    outcome = run("info")
    assert outcome.status == 0 and outcome.err == ""
    for text in ("numpy", np.__version__, "openmp", "BLAS", "mpi4py", "of a fit", "cpu"):
        assert text in outcome.out
    assert "None" not in outcome.out
