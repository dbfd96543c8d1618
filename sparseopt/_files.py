"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Write to a temporary file in the same directory, and rename it when all of it is on the disk."""
    path = Path(os.path.realpath(path))  # a link stays a link
    part, file = open_beside(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _keep_name(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def open_beside(path: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside another."""
    # Not tempfile: its files are private to the user, and the result should follow the umask.
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    return part, open(part, "xb")


def _keep_name(folder: Path) -> None:
    """Ask for the folder's entry to be on the disk, too, where the system can do that."""
    try:
        entry = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(entry)
    except OSError:
        pass
    finally:
        os.close(entry)
