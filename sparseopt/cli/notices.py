"""Warnings and log lines as single lines on stderr."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections import Counter
from collections.abc import Iterator

import click

from .failures import one_line

_SHOWN = 3  # different messages of one kind


class Notices:
    """Collects warnings while the work runs; prints each once when it is over."""

    def __init__(self) -> None:
        self._messages: dict[type, Counter] = {}

    def add(self, message, category, filename="", lineno=0, file=None, line=None) -> None:
        """Stands in for warnings.showwarning."""
        self._messages.setdefault(category, Counter())[one_line(str(message))] += 1

    def has(self, category: type) -> bool:
        """Whether a warning of this kind was given."""
        return any(issubclass(kind, category) for kind in self._messages)

    def show(self) -> None:
        """Print what was collected."""
        for category, messages in self._messages.items():
            for message in list(messages)[:_SHOWN]:
                click.echo(f"sparseopt: warning: {message}", err=True)
            more = sum(messages.values()) - min(len(messages), _SHOWN)
            if more:
                click.echo(
                    f"sparseopt: warning: {more} more like it ({category.__name__})", err=True
                )
        self._messages = {}


@contextlib.contextmanager
def collected() -> Iterator[Notices]:
    """Collect user-visible warnings; they are shown when the block ends, also by an error."""
    notices = Notices()
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)  # ConvergenceWarning is one
        warnings.showwarning = notices.add
        try:
            yield notices
        finally:
            notices.show()


@contextlib.contextmanager
def logged(wanted: bool) -> Iterator[None]:
    """Send the package's log to stderr for the time of a command."""
    logger = logging.getLogger("sparseopt")
    handler = logging.StreamHandler()
    level = logger.level
    if wanted:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
