"""The measuring process, which `process.py` starts.

It is started with the number of threads in its environment, because numerical libraries read it
once. It takes one JSON object a line on standard input (first the plan, then one problem at a
time) and answers with one JSON object a line on what was standard output.
"""

import json
import os
import sys
import time
import traceback
import warnings
from dataclasses import dataclass

from . import OURS, machine
from .measure import in_fork, ladder, repetitions

STOPPED_AFTER = 30  # times ours, while no other peer has certified the gap
LADDER_LENGTH = 4  # runs as long as the longest allowed that a peer may make
SHORTEST_LIMIT = 0.3  # seconds every peer gets, however fast others are


@dataclass
class Options:
    """What the parent asks for; the same for the whole run."""

    root: str
    topics: list[str]
    mode: str
    seed: int = 0
    cap: float = 10.0
    repeats: int = 5
    patience: float = 10.0
    solvers: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()


class Worker:
    """Holds the loaded topics and the last data set, and measures problems one by one."""

    def __init__(self, options, send):
        from . import locate
        from .catalogue import Topic, fingerprint
        from .figures import FigureTopic

        self.options = options
        self.send = send
        self.fingerprint = fingerprint(options.root)
        races = [name for name in locate.races(options.root) if name in options.topics]
        self.topics = {
            name: Topic(options.root, name, options.mode, options.seed, options.solvers) for name in races
        }
        self.figures = {
            name: FigureTopic(options.root, name) for name in options.topics if name not in races
        }
        self.compiled = set()
        self.loaded = None

    def plan(self):
        """Everything the parent needs to know before it sends problems."""
        from .versions import version_of

        libraries = ["numpy", "scipy", "scikit-learn", "numba", "benchopt"]
        return {
            "event": "plan",
            "topics": [topic.describe() for topic in self.topics.values()],
            "figures": [topic.describe() for topic in self.figures.values()],
            "fingerprint": self.fingerprint,
            "versions": {name: version_of(name) for name in libraries},
        }

    def measure(self, job):
        """Rows and runs of one problem.

        What solvers did before, in a run that was interrupted, comes with the job.
        """
        start = time.monotonic()
        topic = self.topics[job["topic"]]
        problem = next(p for p in topic.problems if p.key == job["key"])
        self.send(event="progress", stage="data")
        objective = self._load(problem)
        solvers = {
            label: solver
            for label, solver in topic.installed.items()
            if job.get("only") is None or label in job["only"]
        }
        targets = self.options.targets or type(objective).targets
        self.deadline = None if job.get("left") is None else start + job["left"]
        self.steps = 0
        records = {label: record for label, record in job.get("records", {}).items() if label in solvers}
        self._compile(topic, problem, [s for label, s in solvers.items() if _needed(records.get(label), targets)])
        self._ladders(objective, solvers, targets, job["allowance"], records)
        self._step()
        records = {label: records[label] for label in solvers if records[label]["status"] != "skipped"}
        load = machine.OtherLoad()
        self._repeat(objective, solvers, records, targets, job["allowance"])
        return {
            "rows": [
                self._row(label, record, target)
                for label, record in records.items()
                for target in targets
            ],
            "runs": {label: record["runs"] for label, record in records.items()},
            "notes": {label: r["note"] for label, r in records.items() if r["note"]},
            "load": load.read(),
            "shape": list(objective.X.shape),
        }

    def _step(self):
        """Begin another step of a problem, unless time is up; the first is always made, so that each call gets on."""
        if self.steps and self.deadline is not None and time.monotonic() >= self.deadline:
            raise _TimeIsUp
        self.steps += 1

    def draw(self, job):
        """Rows, verdicts and pictures of a figure topic."""
        topic, result = self.figures[job["topic"]], {"event": "killed"}
        for message in in_fork(topic.messages(self.options.mode != "full", self.options.seed, job["limit"])):
            if message["event"] == "row":
                self.send(event="progress", stage=f"{message['count']} results")
            else:
                result = message
        event = result.pop("event")
        if event == "killed":
            return {"failed": f"not done within {job['limit']:.0f} s"}
        return result if event == "figure" else {"failed": result.get("note", "it ended early")}

    def _load(self, problem):
        """Set the data, freeing the previous data first."""
        if self.loaded is None or self.loaded is not problem.dataset:
            if self.loaded is not None:
                self.loaded._data = None
            for topic in self.topics.values():
                for other in topic.problems:
                    for name in ("X", "y"):
                        other.objective.__dict__.pop(name, None)
                for solver in topic.installed.values():
                    for name in ("X", "y", "coef", "_objective"):
                        solver.__dict__.pop(name, None)
            self.loaded = problem.dataset
        problem.objective._dataset_ready = False
        skip, reason = problem.objective._set_dataset(problem.dataset)
        if skip:
            raise ValueError(reason)
        return problem.objective

    def _compile(self, topic, problem, solvers):
        """Let compilers run on a tiny problem of the same layout, here, before any fork."""
        from scipy import sparse

        layout = "sparse" if sparse.issparse(problem.objective.X) else "dense"
        tiny = {cls.name: cls for cls in topic.benchmark.get_datasets()}.get("tiny")
        for solver in solvers:
            if (
                tiny is None
                or not solver.compiles
                or (topic.name, layout, solver.label) in self.compiled
            ):
                continue
            self.send(event="progress", stage=f"compiling {solver.label}")
            objective = type(problem.objective).get_instance(**problem.objective._parameters)
            objective._set_dataset(tiny.get_instance(layout=layout))
            try:
                if not solver._set_objective(objective)[0]:
                    solver.warm_up()  # its guarded form compiles one layout only
            except Exception:
                continue  # the same error becomes the solver's result
            self.compiled.add((topic.name, layout, solver.label))

    def _ladders(self, objective, solvers, targets, allowance, records):
        """Runs of every solver into ``records``, ours first, then the peers that are usually fast.

        A peer may always take some multiple of the best peer's time: which peer is the best, and
        how long it takes, must not depend on how much time is left.
        """
        ours, peer = None, None
        for label, solver in solvers.items():
            if label not in records:
                self._step()
                self.send(event="progress", stage=label)
                records[label] = self._ladder(objective, solver, targets, allowance, ours, peer)
                self.send(event="part", label=label, record=records[label])
            tight = fastest(records[label]["runs"], min(targets))
            if tight is None:
                continue
            seconds = records[label]["runs"][tight]["seconds"]
            if solver.name == OURS:
                ours = seconds
            else:
                peer = seconds if peer is None else min(peer, seconds)

    def _ladder(self, objective, solver, targets, allowance, ours, peer):
        """Runs of one solver; ``ours`` and ``peer`` are the seconds that we and the best peer needed."""
        limit, budget = self.options.cap, 3 * self.options.cap
        if solver.name != OURS:
            enough = self.options.patience * peer if peer is not None else allowance
            if ours is not None and peer is None:
                enough = max(enough, STOPPED_AFTER * ours)
            limit = min(limit, max(enough, SHORTEST_LIMIT))
            budget = LADDER_LENGTH * limit
        record = {"runs": [], "note": None, "limit": limit, "status": None}
        for message in in_fork(ladder(objective, solver, targets, limit, budget)):
            event = message.pop("event")
            if event == "run":
                record["runs"].append(message)
            elif event == "killed":
                record["status"] = "stopped"
            elif event in ("stopped", "skipped", "error"):
                record["status"] = event
                record["note"] = message.get("note")
        record["runs"].sort(key=lambda run: -run["tolerance"])
        return record

    def _repeat(self, objective, solvers, records, targets, allowance):
        """Repeat, in turns, the fastest certified run of each solver and target."""
        chosen = {}
        for label, record in records.items():
            for target in targets:
                index = fastest(record["runs"], target)
                if index is not None:
                    chosen[label, index] = record["runs"][index]["seconds"]
        if not chosen:
            return
        self.send(event="progress", stage="repeating")
        share = 0.5 * allowance / len(chosen)
        peers = [s for (label, _), s in chosen.items() if solvers[label].name != OURS]
        pace = 1.5 * min(peers, default=float("inf"))
        entries = []
        for (label, index), seconds in chosen.items():
            count = max(1, int(share / max(seconds, 1e-6)))
            if seconds <= pace or solvers[label].name == OURS:  # these decide the ratio
                count = max(count, int(allowance / max(seconds, 1e-6)), 3)
            tolerance = records[label]["runs"][index]["tolerance"]
            entries.append(
                (f"{label}|{index}", solvers[label], tolerance, min(count, self.options.repeats))
            )
        limit = 5 * max(chosen.values()) + 10
        for message in in_fork(repetitions(objective, entries, limit)):
            if message["event"] == "timed":
                label, index = message["key"].rsplit("|", 1)
                timings = records[label].setdefault("timings", {}).setdefault(int(index), [])
                timings.append((message["seconds"], message["cpu_seconds"]))
            elif message["event"] in ("killed", "error"):
                self.send(event="note", text=f"repetitions ended early: {message.get('note')}")

    def _row(self, label, record, target):
        """One result: the fastest way of this solver to a certified gap."""
        row = {"solver": label, "target": target, "status": "ok", "note": record["note"]}
        index = fastest(record["runs"], target)
        if index is None:
            gaps = [r["gap"] for r in record["runs"] if r["gap"] is not None]
            row["status"] = record["status"] or "not reached"
            row["gap"] = min(gaps, default=None)
            row["limit"] = record["limit"]
            return row
        run = record["runs"][index]
        timings = record.get("timings", {}).get(index) or [(run["seconds"], run["cpu_seconds"])]
        walls, cpus = (sorted(values) for values in zip(*timings, strict=True))
        row.update(
            seconds=median(walls),
            seconds_min=walls[0],
            seconds_max=walls[-1],
            cpu_seconds=median(cpus),
            repeats=len(walls),
            tolerance=run["tolerance"],
            gap=run["gap"],
            passes=run["passes"],
            n_nonzero=run["n_nonzero"],
            memory_mb=max((r["memory_mb"] or 0 for r in record["runs"]), default=None),
        )
        return row


class _TimeIsUp(Exception):
    """The rest of a problem is left to another call."""


def _needed(record, targets):
    """Whether a solver will run: for the first time, or repeatedly."""
    return record is None or any(fastest(record["runs"], target) is not None for target in targets)


def fastest(runs, target):
    """Index of the fastest run whose recomputed gap is at most ``target``, or None."""
    reached = [
        (run["seconds"], i)
        for i, run in enumerate(runs)
        if run["gap"] is not None and run["gap"] <= target
    ]
    return min(reached)[1] if reached else None


def median(values):
    """Median of a sorted, non-empty list."""
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def main():
    """Serve requests until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a peer prints must not look like an answer

    def send(**message):
        channel.write(json.dumps(message) + "\n")

    warnings.simplefilter("ignore")
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if worker is None:
                worker = Worker(Options(**request), send)
                send(**worker.plan())
            else:
                measure = worker.draw if "limit" in request else worker.measure
                send(event="done", **measure(request))
        except _TimeIsUp:
            send(event="unfinished")
        except Exception as error:
            traceback.print_exc()
            send(event="failed", note=f"{type(error).__name__}: {error}"[:300])
