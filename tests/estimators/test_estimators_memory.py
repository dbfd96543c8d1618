"""X is never copied: a fit needs little memory beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("measure_fit_memory.py")
# what does not grow with X: the block of residuals, coefficients, the Gram matrix of a few hundred columns, arenas
CONSTANT = 3_000_000

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from /proc")


def measure(name, kind, n, p, weighted="plain", eps=0.1):
    command = [sys.executable, str(SCRIPT), name, kind, str(n), str(p), weighted, str(eps)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    size, extra = map(int, run.stdout.split())
    # every job of a path holds blocks of residuals and gradients, one column for each of its ten alphas
    blocks = 2 * 3 * 10 * 8 * (n + p) if name.endswith("CV") else 0
    return size, extra - blocks


@pytest.mark.parametrize("name", ["Lasso", "ElasticNet", "LassoCV", "ElasticNetCV"])
@pytest.mark.parametrize("kind, n, p", [("fortran", 2000, 6000), ("float32", 4000, 6000), ("csc", 20_000, 4000)])
def test_extra_memory(name, kind, n, p):
    size, extra = measure(name, kind, n, p)
    assert size > 90e6
    assert extra < 0.05 * size + CONSTANT, f"{extra / 1e6:.1f} MB beside X of {size / 1e6:.0f} MB"


@pytest.mark.parametrize("name, kind", [("Lasso", "fortran"), ("LassoCV", "csc"), ("LassoCV", "c")])
def test_extra_memory_with_sample_weights(name, kind):
    n, p = (20_000, 4000) if kind == "csc" else (2000, 6000)
    size, extra = measure(name, kind, n, p, "weighted")
    assert extra < 0.05 * size + CONSTANT, f"{extra / 1e6:.1f} MB beside X of {size / 1e6:.0f} MB"


def test_extra_memory_of_a_path_with_many_active_features():
    """Down to the default smallest alpha nearly every row is fitted: working memory must not outgrow X even so."""
    size, extra = measure("LassoCV", "fortran", 2000, 6000, eps=1e-2)
    assert extra < size, f"{extra / 1e6:.1f} MB beside X of {size / 1e6:.0f} MB"
