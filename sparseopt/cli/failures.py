"""From an exception to one line on stderr and an exit status.

2: nothing was computed, because the command, a file or an option is wrong or a package is missing.
1: the job began and failed. 130: interrupted.
"""

from __future__ import annotations

import traceback

import click

_LONGEST = 1000
_USER_MISTAKES = (ValueError, TypeError)  # what validation raises, InvalidProblemError included


class Interrupted(click.ClickException):
    """Ctrl-C."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted")


class WrongUse(click.ClickException):
    """A wrong file, option or value: nothing was computed."""

    exit_code = 2


class JobFailed(click.ClickException):
    """The work began and could not be finished."""

    exit_code = 1


def one_line(message: str) -> str:
    """The message on one line of bearable length, control characters escaped."""
    folded = " ".join(str(message).split())
    folded = folded if len(folded) <= _LONGEST else folded[:_LONGEST] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in folded)


def as_click_error(error: BaseException, debug: bool = False) -> click.ClickException:
    """Choose the exit status of an exception and word its line."""
    from ..exceptions import MissingDependencyError  # here, because it imports scikit-learn

    if debug and not isinstance(error, KeyboardInterrupt):
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted()
    if isinstance(error, MissingDependencyError):
        return WrongUse(f"a package is missing that this needs: {error}")
    if isinstance(error, MemoryError):
        return JobFailed(f"not enough memory ({error or 'no details'})")
    if isinstance(error, _USER_MISTAKES):
        return WrongUse(str(error) or type(error).__name__)
    return JobFailed(f"{error or 'failed'} ({type(error).__name__}; --debug shows where)")
