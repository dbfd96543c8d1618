"""Reading DATA for a command: shared options, and the library's errors as wrong use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failures import WrongUse

if TYPE_CHECKING:
    import numpy as np

    from .._ranks import Ranks
    from ..datasets.readers import Table

target = click.option(
    "--target", metavar="COL",
    help="The target: name or number of a column (csv, parquet, npy), name of an array (npz, "
    "HDF5), or an .npy file. Default: y, or target.",
)  # fmt: skip
key = click.option(
    "--key", metavar="NAME", help="The array that holds X in npz and HDF5 files. Default: X."
)
drop = click.option(
    "--drop", multiple=True, metavar="COL", help="A column to leave out (csv, parquet); repeatable."
)

_OPTIONS = {  # what the library advises, in terms of the command line
    "which column is the target? Name it;": "which column is the target? Name it with --target COL;",
    "or drop the column": "or leave the column out with --drop COL",
}


def load(path: Path, ranks: Ranks | None = None, **options) -> Table:
    """Read a file, its part on each rank; that it is missing or unreadable is the caller's mistake."""
    from ..datasets.readers import read  # here and below: `fit --help` should not load scipy
    from ..exceptions import InvalidProblemError

    try:
        if ranks is not None and ranks.several:
            from ..mpi import read_rows

            return read_rows(path, ranks, **options)
        return read(path, **options)
    except OSError as error:
        raise WrongUse(str(error)) from error
    except InvalidProblemError as error:
        message = str(error)
        if options.get("columns") is not None:  # a model needs them
            message = message.replace(", or drop the column", "")
        for words, hint in _OPTIONS.items():
            message = message.replace(words, hint)
        raise WrongUse(message) from error


def is_about_finiteness(error: Exception) -> bool:
    """Whether a fit refused its data because of NaN or infinite entries."""
    words = str(error).lower()
    return any(word in words for word in ("nan", "inf", "finite"))


def refuse_nonfinite(table: Table, error: Exception | None) -> None:
    """Raise an error that names the columns with NaN or infinite entries, if there are any."""
    from ..datasets.readers import explain_nonfinite

    reason = explain_nonfinite(table.X, table.feature_names)
    if reason is not None:
        raise WrongUse(f"{reason}: fill them in, or leave those rows or columns out") from error


def split(table: Table, fraction: float, seed: int, ranks: Ranks) -> tuple[Table, Table]:
    """Split rows at random into a part to fit and a part to test."""
    import numpy as np

    first, n = ranks.place(table.X.shape[0])
    n_test = round(n * fraction)
    if not 0 < n_test < n - 1:
        raise WrongUse(
            f"--test-fraction {fraction}: {n_test} of {n} rows to test, {n - n_test} to fit; both "
            "parts need rows"
        )
    order = np.random.default_rng(seed).permutation(n)
    last = first + table.X.shape[0]
    train, test = (
        np.sort(part[(part >= first) & (part < last)]) - first for part in (order[n_test:], order[:n_test])
    )
    return _rows(table, train), _rows(table, test)


def _rows(table: Table, rows: np.ndarray) -> Table:
    part = table.X[rows]
    part = part.tocsc() if hasattr(part, "tocsc") else part
    return type(table)(part, None if table.y is None else table.y[rows], table.feature_names)
