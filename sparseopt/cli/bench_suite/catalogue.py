"""Problems and solvers of a topic, read from its benchopt folder."""

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from benchopt.benchmark import Benchmark

from . import OURS
from .versions import our_version, version_of


def grid(parameters):
    """Combinations of a benchopt parameter dictionary, whose keys may name several at once."""
    keys = list(parameters)
    values = [v if isinstance(v, list | tuple) else [v] for v in parameters.values()]
    for combination in itertools.product(*values):
        chosen: dict[str, Any] = {}
        for key, value in zip(keys, combination, strict=True):
            names = [name.strip() for name in key.split(",")]
            chosen.update(zip(names, value, strict=True) if len(names) > 1 else {key: value})
        yield chosen


@dataclass
class Problem:
    """One data set under one objective."""

    topic: str
    dataset: Any
    objective: Any

    @property
    def key(self):
        return f"{self.topic}|{self.dataset!r}|{self.objective!r}"

    @property
    def label(self):
        return f"{self.dataset.label}; {self.objective.label}"


class Topic:
    """A benchopt benchmark folder: its problems in one mode, and its solvers.

    ``mode`` names the file (``quick.yml``, ``full.yml``) that lists data sets and objectives; a
    topic without the file runs everything. ``seed`` replaces the seed of simulated data.
    """

    def __init__(self, root, name, mode, seed=0, only=()):
        self.name = name
        self.benchmark = Benchmark(Path(root) / name, no_cache=True)
        self.seed = seed
        config = Path(root) / name / f"{mode}.yml"
        self.config = yaml.safe_load(config.read_text()) or {} if config.is_file() else {}
        self.missing_data = []
        self.problems = list(self._problems())
        self.installed, self.absent = self._solvers(only)

    def _problems(self):
        datasets = [
            self._dataset(cls, parameters)
            for cls, patterns in self.benchmark.check_dataset_patterns(self.config.get("dataset"))
            for parameters in grid(patterns)
        ]
        objectives = [
            cls.get_instance(**parameters)
            for cls, patterns in self.benchmark.check_objective_filters(
                self.config.get("objective")
            )
            for parameters in grid(patterns)
        ]
        for dataset in datasets:
            reason = dataset.missing()
            if reason:
                self.missing_data.append(reason)
                continue
            for objective in objectives:
                yield Problem(self.name, dataset, objective)

    def _dataset(self, cls, parameters):
        if "seed" in parameters:
            parameters["seed"] = self.seed
        return cls.get_instance(**parameters)

    def _solvers(self, only):
        installed, absent = {}, []
        for cls in self.benchmark.get_solvers():
            if only and cls.name not in only:
                continue
            if not cls.is_installed(quiet=True):
                packages = [r.removeprefix("pip::") for r in cls.requirements or [cls.name]]
                absent.append({"name": cls.name, "install": "pip install " + " ".join(packages)})
                continue
            for parameters in grid(cls.parameters):
                solver = cls.get_instance(**parameters)
                installed[solver.label] = solver
        # Ours and then the usually fast peers: what they need limits what the others get.
        first = [OURS, "celer", "skglm", "glmnet", "adelie"]
        order = sorted(
            installed,
            key=lambda label: tuple(installed[label].name != name for name in first),
        )
        return {label: installed[label] for label in order}, absent

    def describe(self):
        """The topic as plain data, for the process that plans the run."""
        return {
            "topic": self.name,
            "problems": [{"key": p.key, "label": p.label} for p in self.problems],
            "weight": getattr(self.benchmark.get_benchmark_objective(), "weight", 1),
            "missing_data": self.missing_data,
            "solvers": [
                {
                    "label": label,
                    "name": solver.name,
                    "version": our_version() if solver.name == OURS else version_of(solver.distribution),
                    "threaded": solver.threaded,
                    "ours": solver.name == OURS,
                }
                for label, solver in self.installed.items()
            ],
            "absent": self.absent,
        }


def fingerprint(root):
    """Digest of our code and of the definitions: timings of other code are never mixed in."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[2]
    for folder, suffixes in ((package, {".py", ".so", ".pyd"}), (Path(root), {".py", ".yml"})):
        for path in sorted(p for p in folder.rglob("*") if p.suffix in suffixes):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
