"""Plan a benchmark, drive the measuring processes, keep a journal, collect the result document."""

import contextlib
import datetime
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import machine

FORMAT = 1
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
SILENCE = 600.0  # seconds without any answer after which a measuring process is given up
DATA_VARIABLE = "SPARSEOPT_BENCH_DATA"


class BenchError(RuntimeError):
    """The benchmark cannot go on; the message is for the user."""


@dataclass
class Settings:
    """One benchmark as the user asked for it."""

    root: Path
    topics: list[str]
    mode: str = "quick"
    threads: tuple[int, ...] = (1,)
    minutes: float = 1.0
    cap: float = 10.0
    repeats: int = 5
    patience: float = 10.0
    seed: int = 0
    data: Path | None = None
    solvers: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    command: str = "sparseopt bench"

    def identity(self):
        """What must agree for an interrupted run to be continued."""
        known = asdict(self)
        for name in ("command", "minutes", "root"):
            known.pop(name)
        return json.loads(json.dumps(known, default=str))


class Process:
    """A measuring process with a fixed number of threads."""

    def __init__(self, settings, n_threads, log):
        environment = dict(os.environ, PYTHONWARNINGS="ignore", TQDM_DISABLE="1")
        environment.update({name: str(n_threads) for name in THREAD_VARIABLES})
        if settings.data is not None:
            environment[DATA_VARIABLE] = str(settings.data)
        self.child = subprocess.Popen(
            [sys.executable, "-m", "sparseopt.cli.bench_suite.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            start_new_session=True,  # so that `close` reaches forked children as well
        )
        self.answers = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.plan = self._plan(settings)

    def _listen(self):
        for line in self.child.stdout:
            with contextlib.suppress(ValueError):
                self.answers.put(json.loads(line))
        self.answers.put({"event": "ended"})

    def _plan(self, settings):
        self.send(
            root=str(settings.root),
            topics=settings.topics,
            mode=settings.mode,
            seed=settings.seed,
            cap=settings.cap,
            repeats=settings.repeats,
            patience=settings.patience,
            solvers=list(settings.solvers),
            targets=list(settings.targets),
        )
        answer = self.receive()
        if answer["event"] != "plan":
            raise BenchError(f"the benchmark could not start: {answer.get('note', 'see the log')}")
        return answer

    def send(self, **request):
        """Send one request."""
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
        except OSError:
            self.answers.put({"event": "ended"})

    def receive(self):
        """The next answer; silence counts as an end."""
        try:
            return self.answers.get(timeout=SILENCE)
        except queue.Empty:
            return {"event": "ended"}

    def close(self):
        """End the process and everything it started."""
        if self.child.poll() is None:
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.child.pid, signal.SIGKILL)
            else:
                self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            with contextlib.suppress(OSError):
                stream.close()


class Journal:
    """Finished problems on disk, one JSON object a line, so that a run can be continued."""

    def __init__(self, path, identity):
        self.path = path
        self.done = {}
        self.resumed = self._read(identity)
        if not self.resumed:
            self.done = {}
            path.write_text(json.dumps({"journal": FORMAT, "identity": identity}) + "\n")

    def _read(self, identity):
        try:
            head, *lines = self.path.read_text().splitlines()
            if json.loads(head) != {"journal": FORMAT, "identity": identity}:
                return False
            for line in lines:
                entry = json.loads(line)
                if entry.get("finished"):
                    return False
                self.done[entry["topic"], entry["key"], entry["threads"]] = entry
        except (OSError, ValueError, KeyError):
            pass  # no journal, or its last line was cut off by whatever ended the run
        return bool(self.done)

    def add(self, entry):
        """Write one finished problem."""
        self.done[entry["topic"], entry["key"], entry["threads"]] = entry
        self._write(entry)

    def finish(self):
        """A finished journal is not continued: the next run measures again."""
        self._write({"finished": True})

    def _write(self, entry):
        with self.path.open("a") as out:
            out.write(json.dumps(entry) + "\n")


@dataclass
class Progress:
    """What a display needs; the default shows nothing."""

    total: int = 0
    notes: list[str] = field(default_factory=list)

    def start(self, total, done):
        """``total`` problems, of which ``done`` were measured by an earlier run."""

    def stage(self, text):
        """What is happening now."""

    def advance(self):
        """One problem is finished."""

    def note(self, text):
        """Something the user should know."""
        self.notes.append(text)


def plan(settings):
    """Topics, problems and solvers, without measuring anything."""
    process = Process(settings, 1, subprocess.DEVNULL)
    try:
        return process.plan
    finally:
        process.close()


def run(settings, out, progress=None):
    """Measure everything and return the result document.

    Parameters
    ----------
    settings : Settings
    out : path
        Folder of the journal and the log; created if need be.
    progress : Progress, optional

    Returns
    -------
    document : dict
        Ready for ``json.dump``; see README.md for its fields.
    """
    progress = progress or Progress()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    facts = machine.facts()
    with (out / "bench.log").open("w") as log:
        process = Process(settings, settings.threads[0], log)
        try:
            described = process.plan
            identity = dict(
                settings.identity(), code=described["fingerprint"], machine=machine.short(facts)
            )
            journal = Journal(out / "journal.jsonl", identity)
            jobs = [
                (topic, problem, n_threads)
                for n_threads in settings.threads
                for topic in described["topics"]
                for problem in topic["problems"]
            ]
            done = sum((t["topic"], p["key"], k) in journal.done for t, p, k in jobs)
            progress.start(len(jobs), done)
            if done:
                progress.note(f"continuing an interrupted run: {done} of {len(jobs)} are done")
            current = settings.threads[0]
            for position, (topic, problem, n_threads) in enumerate(jobs):
                if (topic["topic"], problem["key"], n_threads) in journal.done:
                    continue
                if n_threads != current or process.child.poll() is not None:
                    process.close()
                    process = Process(settings, n_threads, log)
                    current = n_threads
                progress.stage(f"{topic['topic']}: {problem['label']}, {n_threads} thread(s)")
                left = max(60 * settings.minutes - (time.monotonic() - start), 0.0)
                weights = [_weight(job, settings) for job in jobs[position:]]
                allowance = max(left * weights[0] / sum(weights), 1.0)
                entry = _measure(process, topic, problem, n_threads, allowance, journal, progress)
                journal.add(entry)
                progress.advance()
            journal.finish()
        finally:
            process.close()
    return document(settings, described, facts, journal, time.monotonic() - start)


def _weight(job, settings):
    """Share of the time: later numbers of threads run a few solvers only, see `_contenders`."""
    topic, _, n_threads = job
    return topic["weight"] * (3 if n_threads == settings.threads[0] else 1)


def _measure(process, topic, problem, n_threads, allowance, journal, progress):
    """Send one problem and wait for its result."""
    process.send(
        topic=topic["topic"],
        key=problem["key"],
        allowance=allowance,
        only=_contenders(topic, problem, n_threads, journal),
    )
    while True:
        answer = process.receive()
        event = answer.pop("event")
        if event == "progress":
            progress.stage(f"{topic['topic']}: {problem['label']}: {answer['stage']}")
        elif event == "note":
            progress.note(answer["text"])
        else:
            break
    entry = {
        "topic": topic["topic"],
        "key": problem["key"],
        "label": problem["label"],
        "threads": n_threads,
        "rows": [],
        "runs": {},
        "notes": {},
        "load": None,
        "shape": None,
    }
    if event == "done":
        entry.update(answer)
    else:
        entry["failed"] = answer.get("note", "the measuring process ended unexpectedly")
        progress.note(f"{topic['topic']}: {problem['label']}: {entry['failed']}")
        process.close()
    return entry


def _contenders(topic, problem, n_threads, journal):
    """Solvers worth running with more threads: ours, those with threads, the two fastest peers.

    A solver that uses one thread takes as long as before; time is better spent on repetitions.
    """
    earlier = journal.done.get((topic["topic"], problem["key"], 1))
    if n_threads == 1 or earlier is None or not earlier["rows"]:
        return None  # everything
    wanted = {s["label"] for s in topic["solvers"] if s["threaded"] or s["ours"]}
    ours = {s["label"] for s in topic["solvers"] if s["ours"]}
    for target in {row["target"] for row in earlier["rows"]}:
        times = sorted(
            (row["seconds"], row["solver"])
            for row in earlier["rows"]
            if row["target"] == target and row["status"] == "ok" and row["solver"] not in ours
        )
        wanted.update(label for _, label in times[:2])
    return sorted(wanted)


def document(settings, described, facts, journal, elapsed):
    """All results and what is needed to read and repeat them."""
    versions = {s["label"]: s for topic in described["topics"] for s in topic["solvers"]}
    place = machine.short(facts)
    rows, problems = [], []
    for entry in journal.done.values():
        problems.append({k: v for k, v in entry.items() if k != "rows"})
        for row in entry["rows"]:
            rows.append(
                {
                    "topic": entry["topic"],
                    "problem": entry["label"],
                    "threads": entry["threads"],
                    **row,
                    "version": versions[row["solver"]]["version"],
                    "ours": versions[row["solver"]]["ours"],
                    "machine": place,
                    "load": entry["load"],
                }
            )
    loads = [p["load"] for p in problems if p["load"] is not None]
    return {
        "format": FORMAT,
        "command": settings.command,
        "mode": settings.mode,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "elapsed_seconds": round(elapsed, 1),
        "machine": facts,
        "other_load": max(loads, default=None),
        "loaded": any(load > machine.LOADED for load in loads),
        "versions": described["versions"],
        "solvers": list(versions.values()),
        "absent": _unique(a for topic in described["topics"] for a in topic["absent"]),
        "missing_data": _unique(m for topic in described["topics"] for m in topic["missing_data"]),
        "settings": {
            "threads": list(settings.threads),
            "repeats": settings.repeats,
            "cap_seconds": settings.cap,
            "patience": settings.patience,
            "seed": settings.seed,
        },
        "rows": rows,
        "problems": problems,
    }


def _unique(values):
    found = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
