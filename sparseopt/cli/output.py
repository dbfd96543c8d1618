"""Files that appear whole or not at all, and are known to be writable before the work starts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .. import _files
from .failures import JobFailed, WrongUse


def check_output(path: Path, suffixes: tuple[str, ...], inputs: tuple[Path, ...] = ()) -> None:
    """Refuse an output path that could not be written, by writing beside it."""
    if path.suffix.lower() not in suffixes:
        raise WrongUse(f"{path}: the output must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise WrongUse(f"{path}: is a directory, not a file")
    if not path.parent.is_dir():
        raise WrongUse(f"{path}: the directory {path.parent} does not exist")
    if path.exists() and any(path.samefile(other) for other in inputs):
        raise WrongUse(f"{path}: would overwrite its own input")
    if path.exists() and not path.is_file():
        raise WrongUse(f"{path}: not a regular file")
    try:
        trial, file = _files.open_beside(path)
        file.close()
        trial.unlink()
    except OSError as error:
        raise WrongUse(f"{path}: cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears whole or not at all; a failure is that of the job."""
    try:
        with _files.written_whole(path) as file:
            yield file
    except OSError as error:
        raise JobFailed(f"{path}: could not be written ({error.strerror or error})") from error
