"""Plan a benchmark, drive the measuring processes, collect what they find."""

import json
import re
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import machine, results
from .figures import KEY
from .journal import Journal
from .process import SILENCE, BenchError, Process


@dataclass
class Settings:
    """One benchmark as the user asked for it."""

    root: Path
    topics: list[str]
    chosen: tuple[str, ...] = ()  # the topics that were named; empty: all
    mode: str = "quick"
    threads: tuple[int, ...] = (1,)
    minutes: float = 1.0
    cap: float = 10.0
    repeats: int = 5
    patience: float = 10.0
    figure_limit: float = 3600.0
    seed: int = 0
    data: Path | None = None
    solvers: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    problems: str | None = None  # a pattern: only problems of races whose name has it
    stop_after: float | None = None  # seconds after which nothing new is begun
    options: str = "--quick"

    @property
    def command(self):
        """The command that does the same again, all choices spelled out."""
        return " ".join(["sparseopt bench", *self.chosen, self.options])

    def identity(self):
        """What must agree for an interrupted run to be continued."""
        known = asdict(self)
        for name in ("chosen", "options", "minutes", "root", "stop_after"):
            known.pop(name)
        return json.loads(json.dumps(known, default=str))


class NoProblemError(BenchError):
    """The chosen topics have no problem of that name."""


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
    pictures : dict
        Of each figure topic: names and SVG texts.
    """
    progress = progress or Progress()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    facts = machine.facts()
    with (out / "bench.log").open("w") as log:
        crew = _Crew(settings, log)
        try:
            described = crew.process(settings.threads[0]).plan
            identity = dict(
                settings.identity(), code=described["fingerprint"], machine=machine.short(facts)
            )
            journal = Journal(out / "journal.jsonl", identity)
            jobs = _jobs(settings, described)
            if not jobs:
                raise NoProblemError(f"no problem of {', '.join(settings.topics)} is called {settings.problems!r}")
            done = sum(job.name in journal.done for job in jobs)
            progress.start(len(jobs), done)
            if journal.resumed:
                progress.note(f"continuing an interrupted run: {done} of {len(jobs)} are done")
            clock = _Clock(start, settings.stop_after)
            todo = [job for job in jobs if job.name not in journal.done]
            for position, job in enumerate(todo):
                if position and clock.over():
                    break
                progress.stage(f"{job.text}, {job.threads} thread(s)")
                request = _request(job, todo[position:], settings, journal, clock)
                entry = _measure(crew.process(job.threads), job, request, progress, journal, clock)
                if entry is None:
                    break
                journal.add(entry)
                progress.advance()
            else:
                journal.finish()
        finally:
            crew.close()
    entries = [journal.done[job.name] for job in jobs if job.name in journal.done]
    pictures = {entry["topic"]: entry["pictures"] for entry in entries if "pictures" in entry}
    document = results.document(settings, described, facts, entries, journal.spent, len(jobs) - len(entries))
    return document, pictures


class _Clock:
    """Seconds since the start of this piece of the run, and since the last thing was written down."""

    def __init__(self, start, stop_after):
        self.start, self.stop_after, self.lap_start = start, stop_after, start

    def left(self):
        """Seconds until nothing new is to be begun, or None."""
        if self.stop_after is None:
            return None
        return max(self.stop_after - (time.monotonic() - self.start), 0.0)

    def over(self):
        return self.left() == 0.0

    def lap(self):
        """Seconds since the last call."""
        now = time.monotonic()
        seconds, self.lap_start = now - self.lap_start, now
        return round(seconds, 2)


def _request(job, todo, settings, journal, clock):
    """What the measuring process is asked; ``todo`` is this job and those after it."""
    if job.problem is None:
        return {"topic": job.topic["topic"], "limit": settings.figure_limit}
    left = max(60 * settings.minutes - journal.spent - (time.monotonic() - clock.lap_start), 0.0)
    weights = [_weight(other, settings) for other in todo]
    return {
        "topic": job.topic["topic"],
        "key": job.problem["key"],
        "allowance": max(left * weights[0] / max(sum(weights), 1), 1.0),
        "only": _contenders(job.topic, job.problem, job.threads, journal),
        "records": journal.parts.get(job.name, {}),
        "left": clock.left(),
    }


@dataclass
class Job:
    """One problem of a race, or one figure topic, for one number of threads."""

    topic: dict
    problem: dict | None
    threads: int

    @property
    def name(self):
        """The key in the journal."""
        return self.topic["topic"], self.problem["key"] if self.problem else KEY, self.threads

    @property
    def label(self):
        return self.problem["label"] if self.problem else self.topic["label"]

    @property
    def text(self):
        return f"{self.topic['topic']}: {self.label}"


def _jobs(settings, described):
    """Races for all numbers of threads, then figure topics, which run once and have no problems to choose from."""
    races = [
        Job(topic, problem, n_threads)
        for n_threads in settings.threads
        for topic in described["topics"]
        for problem in topic["problems"]
        if matches(settings.problems, problem["label"])
    ]
    figures = described["figures"] if settings.problems is None else []
    return [*races, *(Job(topic, None, settings.threads[0]) for topic in figures)]


def matches(pattern, label):
    """Whether a name has the pattern in it, in which * stands for anything; None: all have. Numbers count as a whole.

    >>> matches("dense*max/10", "Dense 100 x 10k; max/10"), matches("dense*max/10", "Dense 100 x 10k; max/100")
    (True, False)
    """
    if pattern is None:
        return True
    parts = ".*".join(map(re.escape, pattern.split("*")))
    return re.search(rf"(?<!\d){parts}(?!\d)", label, re.IGNORECASE) is not None


class _Crew:
    """At most one measuring process, with the number of threads that was last asked for."""

    def __init__(self, settings, log):
        self.settings, self.log = settings, log
        self.member, self.threads = None, None

    def process(self, n_threads):
        """The process with so many threads; a new one if need be."""
        if self.member is None or n_threads != self.threads or self.member.child.poll() is not None:
            self.close()
            self.member, self.threads = Process(self.settings, n_threads, self.log), n_threads
        return self.member

    def close(self):
        if self.member is not None:
            self.member.close()


def _weight(job, settings):
    """Share of the time: later numbers of threads run a few solvers only, see `_contenders`.

    A figure topic has a size instead of a share: what it finds must not depend on the time that is left.
    """
    if job.problem is None:
        return 0
    return job.topic["weight"] * (3 if job.threads == settings.threads[0] else 1)


def _measure(process, job, request, progress, journal, clock):
    """Send one job and wait for its result; None where time was up before it was finished."""
    process.send(**request)
    topic, key, threads = job.name
    where = {"topic": topic, "key": key, "threads": threads}
    while True:
        answer = process.receive(request.get("limit", 0.0) + SILENCE)
        event = answer.pop("event")
        if event == "progress":
            progress.stage(f"{job.text}: {answer['stage']}")
        elif event == "note":
            progress.note(answer["text"])
        elif event == "part":
            journal.add({**where, "part": answer["label"], "record": answer["record"], "spent": clock.lap()})
        else:
            break
    if event == "unfinished":
        return None
    entry = {**where, "label": job.label, "rows": [], "load": None, "spent": clock.lap()}
    entry |= {"verdicts": [], "pictures": {}} if job.problem is None else {"runs": {}, "notes": {}, "shape": None}
    if event == "done":
        entry.update(answer)
    else:
        entry["failed"] = answer.get("note", "the measuring process ended unexpectedly")
    if "failed" in entry:
        progress.note(f"{job.text}: {entry['failed']}")
        process.close()  # and with it whatever the job may have left behind
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
