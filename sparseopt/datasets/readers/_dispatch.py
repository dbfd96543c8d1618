"""Choose the reader by the file's extension and turn its failures into one clear error."""

from __future__ import annotations

import csv
import importlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...exceptions import InvalidProblemError, SparseOptError
from ._table import WHOLE, Part, Table

_COMPRESSED = (".gz", ".bz2", ".xz")


@dataclass(frozen=True)
class Format:
    """A file format: what it is called, its extensions, the module that reads it, its options."""

    title: str
    suffixes: tuple[str, ...]
    module: str
    options: frozenset[str]
    compressed: tuple[str, ...] = ()


FORMATS = (
    Format("libsvm", (".svm", ".libsvm"), "libsvm", frozenset({"columns"}), (".gz", ".bz2")),
    Format("NumPy .npz", (".npz",), "npz", frozenset({"target", "key"})),
    Format("NumPy .npy", (".npy",), "npy", frozenset({"target"})),
    Format("CSV", (".csv", ".tsv"), "csv", frozenset({"target", "columns", "drop"}), _COMPRESSED),
    Format("Parquet", (".parquet",), "parquet", frozenset({"target", "columns", "drop"})),
    Format("HDF5", (".h5", ".hdf5"), "hdf5", frozenset({"target", "key"})),
)

# What parsers of broken files raise; OSError comes from gzip and HDF5, whose files exist by then.
_BROKEN = (
    ValueError, EOFError, KeyError, IndexError, OverflowError, OSError, TypeError, SyntaxError,
    csv.Error, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip


def read(
    path: str | os.PathLike,
    target: str | int | None = None,
    *,
    key: str | None = None,
    columns: Sequence | None = None,
    drop: Sequence[str] | str = (),
    require_target: bool = True,
) -> Table:
    r"""Read a design matrix and a target from a file.

    The extension says the format. Arrays are memory-mapped where the format allows it (``.npy``,
    ``.npz`` saved without compression, contiguous HDF5), so X may be larger than memory. Nothing
    that could run code is ever loaded: pickled objects are refused.

    Parameters
    ----------
    path : path-like
        ``.npz``, ``.npy``, ``.csv`` or ``.tsv`` (also ``.gz``, ``.bz2``, ``.xz``), ``.parquet``, ``.svm`` or
        ``.libsvm`` (also ``.gz``, ``.bz2``), ``.h5`` or ``.hdf5``.
    target : str or int, default=None
        Where y is. CSV and Parquet: the name or number of a column (default: the one called ``y``
        or ``target``). ``.npz`` and HDF5: the name of an array (default ``y``), or a second
        ``.npy`` file. ``.npy``: the number of a column, or a second ``.npy`` file. libsvm files
        hold their target.
    key : str, default=None
        ``.npz`` and HDF5: the name of the array that holds X; None: ``X``.
    columns : sequence, default=None
        CSV and Parquet: names or numbers of the columns to use as features, in this order; others
        are not read. libsvm: the ``range`` of feature numbers, so that a file which lacks the last
        features still has the right shape. None: all columns but the target.
    drop : str or sequence of str
        CSV and Parquet: columns to leave out.
    require_target : bool, default=True
        False: y may be absent and is then None; without `target`, every column is a feature.

    Returns
    -------
    Table
        Named tuple ``(X, y, feature_names)``. X is a csc_array for sparse formats.

    Raises
    ------
    InvalidProblemError
        The file is broken, or does not hold what is needed. The message names the file, the column
        and the number of rows concerned.
    MissingDependencyError
        The format needs a package that is not installed; the message is the pip command.
    OSError
        The file is missing, not readable or not a regular file.

    Notes
    -----
    Text formats are checked for missing values while they are parsed. Arrays are not scanned,
    because that costs a pass over X which the fit makes anyway.

    Examples
    --------
    >>> import os, tempfile
    >>> from sparseopt.datasets import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "cars.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("weight,power,price\n1.2,80,15\n1.5,95,21\n")
    ...     X, y, names = read(path, target="price")
    >>> X
    array([[ 1.2, 80. ],
           [ 1.5, 95. ]])
    >>> y, names
    (array([15., 21.]), ['weight', 'power'])
    """
    options = dict(target=target, key=key, columns=columns, drop=(drop,) if isinstance(drop, str) else tuple(drop))
    return read_part(path, WHOLE, require_target=require_target, **options)


def read_part(path, part: Part, *, require_target: bool = True, **options) -> Table:
    """Read the rows of a part as `read` reads all of them."""
    path = Path(path)
    chosen = format_of(path)
    _check_file(path)
    options["drop"] = tuple(options.get("drop", ()))
    for name, value in options.items():
        if name not in chosen.options and value not in (None, ()):
            raise InvalidProblemError(f"{path}: {name!r} does not apply to {chosen.title} files")
    options = {name: options.get(name) for name in chosen.options}
    reader = importlib.import_module(f".{chosen.module}", __package__)
    try:
        return reader.read(path, require_target=require_target, part=part, **options)
    except InvalidProblemError as error:
        raise InvalidProblemError(f"{path}: {error}") from error
    except SparseOptError:
        raise
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidProblemError(
            f"{path}: not a readable {chosen.title} file ({reason[:200]})"
        ) from error


def format_of(path: str | os.PathLike) -> Format:
    """The format that the extension names."""
    path = Path(path)
    suffixes = [s.lower() for s in path.suffixes[-2:]]
    packed = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSED else None
    for candidate in FORMATS:
        if suffixes and suffixes[-1] in candidate.suffixes:
            if packed is None or packed in candidate.compressed:
                return candidate
    known = ", ".join(s for f in FORMATS for s in f.suffixes)
    raise InvalidProblemError(
        f"{path}: unknown extension; known are {known} (text also with .gz or .bz2)"
    )


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a directory, not a file")
    if not path.is_file():
        raise OSError(f"{path}: not a regular file")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{path}: not readable")
    if path.stat().st_size == 0:
        raise InvalidProblemError(f"{path}: the file is empty")
