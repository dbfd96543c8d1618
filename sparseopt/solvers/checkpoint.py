"""Finished work of a fit, kept in a folder so that the same fit continues after it was killed.

A fit is a sequence of sections: paths (of the folds of a cross-validation, say) and single solves. They are numbered in
the order in which they start, which is the same every time. A section knows which problem it belongs to, its state
after the last batch of alphas, and in the end its result. A file appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from .._files import written_whole
from ..exceptions import InvalidProblemError


class Checkpoint:
    """A folder with the finished work of one fit.

    Parameters
    ----------
    folder : path-like
        Made if need be, where the first rank runs.
    minutes : float, default=0.0
        Shortest time between two writings of a state; results are always written.

    Attributes
    ----------
    restored, solved : int
        Alphas that were read, and alphas that were solved.
    """

    def __init__(self, folder, *, minutes: float = 0.0) -> None:
        self.folder, self.minutes = Path(folder), minutes
        self.restored = self.solved = 0
        self._sections = 0

    def section(self, kind: str, problem, **facts) -> Section:
        """Start the next section: the work on one problem."""
        if self._sections == 0 and problem.ranks.index == 0:
            for half_written in self.folder.glob(".*.part"):
                half_written.unlink(missing_ok=True)
        self._sections += 1
        path = self.folder / f"{self._sections:04d}-{kind}.npz"
        return Section(self, path, problem.ranks, {"kind": kind, **_facts(problem), **facts})


class Section:
    """The work on one problem; without a checkpoint nothing is kept."""

    def __init__(self, checkpoint: Checkpoint | None, path, ranks, facts) -> None:
        self.checkpoint, self.path, self.ranks, self.facts = checkpoint, path, ranks, facts
        self._last = time.monotonic()
        self.before = 0  # alphas that were there

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self.checkpoint is not None

    def load(self) -> dict[str, Any] | None:
        """Return the state or result that was saved last, on all ranks, or None."""
        if self.checkpoint is None:
            return None
        state, trouble = None, None
        if self.ranks.index == 0:
            try:
                state = self._read()
            except (OSError, ValueError, KeyError, EOFError) as error:
                trouble = str(error)
        state, trouble = self.ranks.same((state, trouble))
        if trouble is not None:
            raise InvalidProblemError(f"{self.path}: {trouble}")
        if state is not None:
            self.before = int(state["n_done"])
            self.checkpoint.restored += self.before
        return state

    def save(self, n_done: int, final: bool = False, **state) -> None:
        """Keep a state; the first rank writes it, not more often than was asked unless it is final."""
        if self.checkpoint is None:
            return
        if final:
            self.checkpoint.solved += n_done - self.before
        now = time.monotonic()
        if not final and now - self._last < 60.0 * self.checkpoint.minutes:
            return
        self._last = now
        if self.ranks.index == 0:
            self.checkpoint.folder.mkdir(parents=True, exist_ok=True)
            names = {f"fact_{name}": value for name, value in self.facts.items()}
            with written_whole(self.path) as file:
                np.savez(file, n_done=n_done, final=final, **names, **state)

    def _read(self):
        if not self.path.exists():
            others = sorted(self.path.parent.glob(self.path.name[:5] + "*.npz"))
            if others:
                raise ValueError(f"the checkpoint is of another fit (it has {others[0].name}); use another folder")
            return None
        with np.load(self.path, allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
        for name, value in self.facts.items():
            saved = state.pop(f"fact_{name}")
            numbers = np.asarray(value).dtype.kind in "if"
            # sums over other numbers of ranks round differently
            same = np.allclose(saved, value, rtol=1e-9, atol=0.0) if numbers else str(saved) == str(value)
            if not same:
                raise ValueError(
                    f"the checkpoint is of another fit ({name} was {saved}, is {value}); use another folder"
                )
        return state


def _facts(problem) -> dict:
    return {
        "samples": problem.design.n_total,
        "features": problem.design.n_features,
        "weight": problem.total_weight,
        "null_objective": problem.null_objective,
        "loss": repr(problem.loss)[:200],
        "penalty": joblib.hash(problem.penalty.get_params() if hasattr(problem.penalty, "get_params") else ""),
        "intercept": problem.fit_intercept,
    }


NOTHING_KEPT = Section(None, None, None, {})
_current: ContextVar[Checkpoint | None] = ContextVar("sparseopt_checkpoint", default=None)


def next_section(kind: str, problem, **facts) -> Section:
    """Start a section of the checkpoint in use; without one, a section that keeps nothing."""
    checkpoint = _current.get()
    return NOTHING_KEPT if checkpoint is None else checkpoint.section(kind, problem, **facts)


@contextlib.contextmanager
def kept_in(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Let the fits in this block keep their finished work."""
    token = _current.set(checkpoint)
    try:
        yield
    finally:
        _current.reset(token)
