"""The architecture: which way imports point, what may be imported where, and how long files may grow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sparseopt

ROOT = Path(sparseopt.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py"))
SOURCES = Path(__file__).parents[1] / "sparseopt" / "_ext"  # an installed package has no kernel sources
KERNELS = sorted(path for path in SOURCES.iterdir() if path.suffix in (".pyx", ".pxd", ".h"))
MAX_LINES = 400

# Lower layers know nothing of the ones above. Files at the top of the package: foundations, but for the public faces.
LAYERS = {
    "_ext": 0, "problem": 1, "solvers": 2, "datasets": 2, "mpi": 3, "estimators": 3,
    "channel": 4, "bridge": 4, "cli": 5,
}  # fmt: skip
FOUNDATIONS = {"exceptions", "_files", "_lazy", "_ranks", "_suggest", "_validation", "_threads", "_version"}
FACES = {"__init__", "__main__", "designs", "losses", "penalties", "supports"}
HOMES = {"mpi4py": ("mpi",), "torch": ("bridge",), "click": ("cli",), "benchopt": ("cli",)}


def imports(path):
    """Yield (absolute module name, line) for every import in a file, also inside functions."""
    package = ("sparseopt", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                name = ".".join([*base, *([node.module] if node.module else [])])
                yield name, node.lineno
                if not node.module:
                    yield from ((f"{name}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def layer(parts):
    """Return the layer of a module given as parts below the package; None for the public faces."""
    if not parts or parts[0] in FACES:
        return None
    if parts[0] in FOUNDATIONS:
        return -1
    assert parts[0] in LAYERS, f"{parts[0]} has no place in the layers"
    return LAYERS[parts[0]]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    own_parts = (*path.relative_to(ROOT).parts[:-1], path.stem)
    own = layer(own_parts)
    if own is None:
        return
    for name, line in imports(path):
        parts = tuple(name.split("."))
        if parts[0] != "sparseopt":
            continue
        other = layer(parts[1:])
        if other is None:  # only the command line may use the package as its users do
            assert own_parts[0] in ("cli", "datasets"), f"line {line}: {name} is the public face"
        else:
            assert other <= own, f"line {line}: {'.'.join(own_parts)} imports {name}, which lies above it"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_foreign_imports_are_public_and_at_home(path):
    where = path.relative_to(ROOT).parts[0]
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] == "sklearn":
            assert not any(part.startswith("_") for part in parts[1:]), f"line {line}: {name} is private"
        if parts[0] in HOMES:
            assert where in HOMES[parts[0]], f"line {line}: {name} belongs into {HOMES[parts[0]]}"


def test_private_names_of_scikit_learn_are_not_used():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklearn"):
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, f"{path.name}:{node.lineno} imports {private}"


@pytest.mark.parametrize("path", [*MODULES, *KERNELS], ids=lambda p: str(Path(p.parent.name, p.name)))
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_the_kernels_are_seen():
    assert {"_dense.pyx", "_blas.pxd", "simd.h"} <= {path.name for path in KERNELS}


def test_every_module_can_be_imported_first():
    names = [".".join(("sparseopt", *path.relative_to(ROOT).with_suffix("").parts)) for path in MODULES]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    script = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m.split('.')[0] == 'sparseopt' and '._ext' not in m]:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
