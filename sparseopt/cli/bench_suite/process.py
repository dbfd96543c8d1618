"""The measuring process as the parent sees it: started with a number of threads, asked, ended."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
PACKAGES = str(Path(__file__).resolve().parents[3])  # the folder that holds this package
# The child measures the package that its parent is, never a source tree that happens to lie where both were started.
START = """
import sys
if sys.argv[1] not in sys.path:
    sys.path.insert(0, sys.argv[1])
from sparseopt.cli.bench_suite.worker import main
main()
"""
SILENCE = 600.0  # seconds without any answer after which a measuring process is given up
DATA_VARIABLE = "SPARSEOPT_DATA"
PEERS_VARIABLE = "SPARSEOPT_BENCH_PEERS"


class BenchError(RuntimeError):
    """The benchmark cannot go on; the message is for the user."""


class Process:
    """A measuring process with a fixed number of threads."""

    def __init__(self, settings, n_threads, log):
        environment = dict(os.environ, PYTHONWARNINGS="ignore", TQDM_DISABLE="1")
        environment.update({name: str(n_threads) for name in THREAD_VARIABLES})
        if settings.data is not None:
            environment[DATA_VARIABLE] = str(settings.data)
        environment[PEERS_VARIABLE] = "no" if settings.solvers else "yes"
        self.child = subprocess.Popen(
            [sys.executable, "-P", "-c", START, PACKAGES],
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

    def receive(self, patience=SILENCE):
        """The next answer; silence of so many seconds counts as an end."""
        try:
            return self.answers.get(timeout=patience)
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
