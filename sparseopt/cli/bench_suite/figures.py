"""Topics that end in pictures: found in benchmarks/<topic>/figure.py, described, and run.

Describing reads the text only, so that a topic that cannot be imported is one failed topic. `benchmarks/README.md` has
the contract.
"""

import ast
import contextlib
import importlib.util
import math
import sys
import time
from pathlib import Path

from . import OURS, machine
from .versions import our_version, version_of

KEY = "figure"  # stands for the problem in the journal
DRAWING_LIMIT = 120.0  # seconds
STANDARD = {"solver": OURS, "seconds": None, "passes": None, "certificate": None, "note": None}


class FigureTopic:
    """A folder with a `figure.py`."""

    def __init__(self, root, name):
        self.name = name
        self.path = Path(root) / name / "figure.py"
        try:
            tree = ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))
        except SyntaxError:
            tree = ast.Module([], [])  # running it will say what is wrong
        self.label = (ast.get_docstring(tree) or name).strip().splitlines()[0].rstrip(".")
        self.baselines = _literal(tree, "BASELINES") or {}

    def describe(self):
        """The topic as plain data, for the process that plans the run."""
        solvers, absent = [], []
        for name, package in self.baselines.items():
            version = version_of(package) if package else None
            if package and version is None:
                absent.append({"name": package, "install": f"pip install {package}"})
            else:
                solvers.append({"label": name, "name": package or name, "version": version, "ours": False})
        return {"topic": self.name, "label": self.label, "solvers": solvers, "absent": absent}

    def messages(self, quick, seed, limit):
        """Compute and draw; a generator for `measure.in_fork`."""
        from . import pictures

        deadline = time.monotonic() + limit
        yield {"event": "start", "limit": limit}
        module = self._load()
        measurable, before = machine.reset_peak_memory(), machine.peak_memory("VmRSS")
        load, rows = machine.OtherLoad(), []
        for row in module.compute(quick, seed):
            rows.append(row)
            yield {"event": "row", "count": len(rows), "limit": max(deadline - time.monotonic(), 0.0)}
        if not rows:
            raise ValueError("compute returned no rows")
        seconds, other = time.monotonic() - load.wall, load.read()
        memory = round(machine.peak_memory() - before, 1) if measurable and before is not None else None
        yield {"event": "drawing", "limit": DRAWING_LIMIT}
        verdicts = module.verdicts(rows) if hasattr(module, "verdicts") else []
        yield {
            "event": "figure",
            "rows": [self._row(plain(row), memory) for row in rows],
            "verdicts": plain(verdicts),
            "pictures": pictures.of_topic(self.name, lambda: module.draw(rows)),
            "seconds": round(seconds, 2),
            "load": other,
            "memory_mb": memory,
        }

    def _load(self):
        """Import the file; what lies beside it, and the folder `common`, can be imported while the process lives."""
        sys.path[:0] = [str(self.path.parent), str(self.path.parents[1])]
        spec = importlib.util.spec_from_file_location(f"figure_{self.name}", self.path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name in ("compute", "draw"):
            if not callable(getattr(module, name, None)):
                raise TypeError(f"{self.path.name} has no function {name}")
        self.baselines = getattr(module, "BASELINES", {})
        return module

    def _row(self, row, memory):
        """Add what every row of the results carries."""
        solver = row.get("solver", OURS)
        ours = solver not in self.baselines
        package = self.baselines.get(solver)
        version = our_version() if ours or package is None else version_of(package)
        return {**STANDARD, "memory_mb": memory, **row, "ours": ours, "version": version}


def plain(value):
    """Values as JSON can carry them: arrays become lists, what is not finite becomes None.

    >>> plain({"a": (1, float("nan")), 2: True})
    {'a': [1, None], '2': True}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _literal(tree, name):
    """The value of a constant at the top of a file, or None where it is computed."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            with contextlib.suppress(ValueError):
                return ast.literal_eval(node.value)
    return None
