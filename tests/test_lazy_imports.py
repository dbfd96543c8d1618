"""What a first fit imports: its own solver, and nothing of scikit-learn or SciPy beyond what the base classes need."""

import gc
import json
import subprocess
import sys

import pytest

from sparseopt._lazy import import_large, lazy_names
from sparseopt.solvers import available_solvers, registry

SCRIPT = """
import json, sys
import numpy as np
import sklearn.base, sklearn.utils.validation
before = set(sys.modules)
import sparseopt as so
X = np.random.default_rng(0).standard_normal((20, 30))
{fit}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
FITS = {
    "Lasso": "so.Lasso(alpha=0.1).fit(X, X[:, 0])",
    "ElasticNet": "so.ElasticNet(alpha=0.1).fit(X, X[:, 0])",
    "path": "so.solution_path(X, X[:, 0], n_alphas=5)",
}


@pytest.mark.parametrize("name", FITS)
def test_a_fit_loads_its_own_solver_only(name):
    script = SCRIPT.format(fit=FITS[name])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    families = {module.removeprefix("sparseopt.solvers.") for module in loaded if "sparseopt.solvers." in module}
    own = {"registry", "result", "scope", "monitor", "checkpoint", "working_set", "_gram_set", "_quadratic"}
    assert families <= own | ({"path", "batch_path", "_path_batches", "grid"} if name == "path" else set())
    assert not [module for module in loaded if module.split(".")[0] not in ("sparseopt", "numpy")]


@pytest.mark.parametrize("name", available_solvers())
def test_every_name_of_the_registry_leads_to_a_function(name):
    assert callable(registry._function(name))


def test_a_lazy_name_is_loaded_once_and_an_unknown_one_is_an_attribute_error():
    namespace = {"__name__": "sparseopt.solvers"}
    load = lazy_names(namespace, {"Result": ".result"}, {"grid": ".grid"})
    assert load("Result") is namespace["Result"] and load("grid") is sys.modules["sparseopt.solvers.grid"]
    with pytest.raises(AttributeError, match=r"'sparseopt.solvers' has no attribute 'Results'"):
        load("Results")


@pytest.mark.parametrize("enabled", [True, False])
def test_importing_leaves_the_collector_as_it_was(enabled):
    gc.enable() if enabled else gc.disable()
    frozen = gc.get_freeze_count()
    try:
        import_large("wave")
        with pytest.raises(ModuleNotFoundError):
            import_large("no_such_module")
        assert gc.isenabled() is enabled and gc.get_freeze_count() == frozen
    finally:
        gc.enable()


def test_importing_leaves_what_someone_froze_frozen():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        import_large("wave")
        assert gc.get_freeze_count() == frozen > 0
    finally:
        gc.unfreeze()
