"""Facts about the installation and the machine, for bug reports and benchmark tables."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

_PACKAGES = ("numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl")
_READERS = ("pyarrow", "h5py")


def all_facts() -> dict[str, dict | list]:
    """Everything that `sparseopt info` shows."""
    return {
        "versions": versions(),
        "kernels": kernels(),
        "thread_pools": thread_pools(),
        "MPI": mpi(),
        "threads": threads(),
        "machine": machine(),
    }


def versions() -> dict[str, str | None]:
    """Versions of the package, of Python and of what it stands on; None: not installed."""
    import sparseopt

    found = {"sparseopt": sparseopt.__version__, "python": platform.python_version()}
    return found | {name: _version(name) for name in _PACKAGES + _READERS}


def kernels() -> dict:
    """How the compiled part was built."""
    from sparseopt._ext import _build_info

    return {
        "openmp": bool(_build_info.openmp_enabled()),
        "openmp_max_threads": int(_build_info.max_threads()),
        "compiler": _called(_build_info.compiler),
        "cython": _called(getattr(_build_info, "cython_version", None)),
        "debug": bool(_called(_build_info.debug)),
    }


def thread_pools() -> list[dict]:
    """The BLAS and OpenMP libraries loaded in this process."""
    import scipy.linalg  # noqa: F401  (loads scipy's own BLAS)
    import sklearn.linear_model  # noqa: F401  (loads the OpenMP runtime that scikit-learn uses)
    from threadpoolctl import threadpool_info

    return [
        {
            "kind": {"blas": "BLAS", "openmp": "OpenMP"}.get(pool["user_api"], pool["user_api"]),
            "library": pool["internal_api"],
            "version": pool.get("version"),
            "threads": pool["num_threads"],
            "architecture": pool.get("architecture"),
            "file": Path(pool["filepath"]).name,
        }
        for pool in threadpool_info()
    ]


def mpi() -> dict[str, str | None]:
    """Whether MPI could be used; mpi4py is not imported, because importing it starts MPI."""
    beside = str(Path(sys.executable).parent)  # where a wheel puts it, environment active or not
    launcher = shutil.which("mpiexec") or shutil.which("mpiexec", path=beside)
    return {"mpi4py": _version("mpi4py"), "mpiexec": launcher}


def threads() -> dict:
    """Threads that a fit would use when not told, and the variable that sets them."""
    from sparseopt._threads import resolve_n_threads

    return {
        "of_a_fit": resolve_n_threads(None),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
    }


def machine() -> dict:
    """Processor, cores, memory, operating system."""
    import joblib

    return {
        "cpu": cpu_model(),
        "logical_cores": os.cpu_count(),
        "physical_cores_usable": joblib.cpu_count(only_physical_cores=True),
        "memory_GiB": memory_gib(),
        "system": platform.platform(),
    }


def cpu_model() -> str | None:
    """The processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip() or None
    return platform.processor() or None


def memory_gib() -> float | None:
    """Physical memory in GiB, None where the system does not say."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(size / 2**30, 1)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _called(fact):
    """A build fact is a constant or a function, whichever reads better there."""
    return fact() if callable(fact) else fact
