"""Start programs under mpiexec, with the environment of this Python and nothing to type."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import sparseopt

HERE = Path(__file__).parent
BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")

needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or find_spec("mpi4py") is None, reason="needs mpi4py and an MPI with mpiexec"
)


def environment():
    """Return an environment in which any MPI starts several ranks on few cores, and ranks find this package."""
    package = str(Path(sparseopt.__file__).parents[1])
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPIR_CVAR_POLLS_BEFORE_YIELD": "10",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none",
    }


def start(n_ranks, *args, **options):
    """Start ``mpiexec -n N python ARGS``."""
    return subprocess.Popen(
        [MPIEXEC, "-n", str(n_ranks), sys.executable, *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        env=environment() | options.pop("env", {}), **options,
    )  # fmt: skip


def run(n_ranks, *args, timeout=120, **options):
    """Run ``mpiexec -n N python ARGS`` to its end; return (status, stdout, stderr)."""
    process = start(n_ranks, *args, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"ranks still hang after {timeout} s\n{out}\n{err}")
    return process.returncode, out, err
