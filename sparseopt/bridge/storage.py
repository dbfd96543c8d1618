"""How a matrix with zeros is stored: dense, compressed rows, runs, blocks, or one bit a weight; what takes least.

| format  | arrays                                                                                            |
|---------|---------------------------------------------------------------------------------------------------|
| dense   | `values` (out, in)                                                                                |
| csr     | `values` (n,), `columns` (n,), `counts` (out,): entries of each row                               |
| runs    | `values` (n,), `starts` (k,), `lengths` (k,), `counts` (out,): neighbours in a row have one start |
| bsr     | `values` (n, height, width), `columns` (n,) of blocks, `counts` (out / height,)                   |
| bitmask | `values` (n,), `mask` (out, ceil(in / 8)): one bit a weight, the least significant first          |

Integers take two bytes where they fit and four where not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._validation import check_option
from ..exceptions import InvalidProblemError

FORMATS = ("dense", "csr", "runs", "bsr", "bitmask")
MAX_WEIGHTS = 2**31  # of a matrix that a file describes with fewer bytes
BLOCKS = ((1, 4), (4, 1), (4, 4), (1, 8), (8, 1), (8, 8), (1, 16), (16, 1), (16, 16), (32, 32))  # that are tried


@dataclass(frozen=True, eq=False)
class Stored:
    """A matrix (out, in) in one of the formats.

    Attributes
    ----------
    format : {"dense", "csr", "runs", "bsr", "bitmask"}
    shape : tuple of int
        (out, in).
    arrays : dict of str to ndarray
        See the module.
    """

    format: str
    shape: tuple[int, int]
    arrays: Mapping[str, NDArray] = field(repr=False)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def nnz(self) -> int:
        """Values that are stored."""
        return int(self.arrays["values"].size)

    def dense(self) -> NDArray:
        """Return the matrix (out, in)."""
        values = self.arrays["values"]
        if self.format == "dense":
            return values
        if self.format == "bitmask":
            out = np.zeros(self.shape, dtype=values.dtype)
            out[bits(self.arrays["mask"], self.shape[1])] = values
            return out
        if self.format == "runs":
            out = np.zeros(self.shape, dtype=values.dtype)
            starts, lengths, counts = (self.arrays[part].astype(np.int64) for part in ("starts", "lengths", "counts"))
            rows = np.repeat(np.repeat(np.arange(self.shape[0]), counts), lengths)
            out[rows, np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(values.size)] = values
            return out
        pointers = pointers_of(self.arrays["counts"])
        kind = sparse.csr_array if self.format == "csr" else sparse.bsr_array
        if values.dtype == np.float16:  # which scipy does not know
            return (
                kind((values.astype(np.float32), self.arrays["columns"], pointers), self.shape).toarray().astype("f2")
            )
        return kind((values, self.arrays["columns"], pointers), shape=self.shape).toarray()


def store(weight: NDArray, format: str | None = None) -> Stored:
    """Store a matrix without loss.

    Parameters
    ----------
    weight : ndarray of shape (out, in)
    format : {"dense", "csr", "runs", "bsr", "bitmask"}, optional
        None: the one that takes the fewest bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge.storage import store
    >>> W = np.zeros((64, 64), dtype=np.float32)
    >>> W[::2, ::2] = W[1::2, 1::2] = 1.0
    >>> stored = store(W)
    >>> stored.format, stored.n_bytes, W.nbytes
    ('bitmask', 8704, 16384)
    """
    weight = np.asarray(weight)
    if weight.ndim != 2 or weight.dtype.kind != "f":
        raise InvalidProblemError(f"weight must be a matrix of floats, got {weight.dtype} with shape {weight.shape}")
    block = None
    if format is None:
        sizes: dict[tuple[str, Any], int] = {("dense", None): weight.nbytes, ("bitmask", None): _bitmask_size(weight)}
        sizes["csr", None], sizes["runs", None] = _blocks_size(weight, (1, 1)), _runs_size(weight)
        sizes |= {("bsr", each): _blocks_size(weight, each) for each in _worth_trying(weight, min(sizes.values()))}
        format, block = min(sizes, key=lambda key: sizes[key])
    else:
        check_option("format", format, FORMATS)
        if format == "bsr":
            block = min(_blocks_of(weight.shape), key=lambda each: _blocks_size(weight, each), default=None)
            if block is None:
                raise InvalidProblemError(f"format 'bsr': no block of {list(BLOCKS)} divides the shape {weight.shape}")
    return Stored(format, (weight.shape[0], weight.shape[1]), _ENCODERS[format](weight, block))


def stored_bytes(weight: NDArray) -> int:
    """Return how many bytes the smallest format takes."""
    return store(weight).n_bytes


def pointers_of(counts: NDArray) -> NDArray[np.int64]:
    """Return where each row starts, and the end."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def bits(mask: NDArray, n: int) -> NDArray[np.bool_]:
    """Return a mask of bytes as (out, n) booleans."""
    return np.unpackbits(mask, axis=1, count=n, bitorder="little").view(np.bool_)


def _small(values: NDArray, below: int) -> NDArray:
    return values.astype(np.uint16 if below <= 2**16 else np.uint32)


def _width(below: int) -> int:
    return 2 if below <= 2**16 else 4


def _blocks_of(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(h, w) for h, w in BLOCKS if shape[0] % h == 0 and shape[1] % w == 0 and shape[0] and shape[1]]


def _worth_trying(weight: NDArray, best: int) -> list[tuple[int, int]]:
    """Return the blocks that may beat `best`: every block consists of pieces 1 x 4 or 4 x 1, whose values it holds."""
    fits = _blocks_of(weight.shape)
    values = {
        piece: 4 * int(_in_use(weight, piece).sum()) * weight.itemsize for piece in ((1, 4), (4, 1)) if piece in fits
    }
    across, down = values.get((1, 4), best), values.get((4, 1), best)
    return [each for each in fits if (each[1] == 1 or across < best) and (each[0] == 1 or down < best)]


def _in_use(weight: NDArray, block: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which blocks hold anything: (out / height, in / width)."""
    (out, n), (h, w) = weight.shape, block
    return (weight.reshape(out // h, h, n // w, w) != 0).any(axis=(1, 3))


def _blocks_size(weight: NDArray, block: tuple[int, int]) -> int:
    used = int(_in_use(weight, block).sum())
    across = weight.shape[1] // block[1]
    each = block[0] * block[1] * weight.itemsize + _width(across)
    return used * each + weight.shape[0] // block[0] * _width(across + 1)


def _bitmask_size(weight: NDArray) -> int:
    return int(np.count_nonzero(weight)) * weight.itemsize + weight.shape[0] * -(-weight.shape[1] // 8)


def _runs_size(weight: NDArray) -> int:
    n = weight.shape[1]
    values, runs = int(np.count_nonzero(weight)), int(np.count_nonzero(_first_of_runs(weight != 0)))
    return values * weight.itemsize + runs * (_width(n) + _width(n + 1)) + weight.shape[0] * _width(n + 1)


def _first_of_runs(used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which entries have a zero before them in their row."""
    first = used.copy()
    first[:, 1:] &= ~used[:, :-1]
    return first


def _as_dense(weight, block):
    return {"values": weight}


def _as_bitmask(weight, block):
    return {"values": weight[weight != 0], "mask": np.packbits(weight != 0, axis=1, bitorder="little")}


def _as_blocks(weight, block):
    (out, n), (h, w) = weight.shape, block
    used = _in_use(weight, block)
    rows, columns = np.nonzero(used)
    values = weight.reshape(out // h, h, n // w, w)[rows, :, columns, :]
    return {"values": values, "columns": _small(columns, n // w), "counts": _small(used.sum(axis=1), n // w + 1)}


def _as_csr(weight, block):
    arrays = _as_blocks(weight, (1, 1))
    return arrays | {"values": arrays["values"].reshape(-1)}


def _as_runs(weight, block):
    used, n = weight != 0, weight.shape[1]
    first = _first_of_runs(used)
    starts = np.nonzero(first)[1]
    ends = np.nonzero(_first_of_runs(used[:, ::-1])[:, ::-1])[1] + 1  # of the same runs, in the same order
    return {
        "values": weight[used], "starts": _small(starts, n), "lengths": _small(ends - starts, n + 1),
        "counts": _small(first.sum(axis=1), n + 1),
    }  # fmt: skip


_ENCODERS = {"dense": _as_dense, "csr": _as_csr, "runs": _as_runs, "bsr": _as_blocks, "bitmask": _as_bitmask}


def restore(format: Any, shape: Any, arrays: Mapping[str, NDArray], name: str) -> Stored:
    """Return a matrix read from a file, or raise InvalidProblemError where its parts contradict each other."""

    def refuse(reason: str):
        raise InvalidProblemError(f"layer {name!r} of the file: {reason}")

    if not isinstance(format, str) or format not in FORMATS:
        refuse(f"the format {format!r} is none of {list(FORMATS)}")
    if not isinstance(shape, (list, tuple)) or len(shape) != 2 or not all(type(n) is int and n >= 0 for n in shape):
        refuse(f"the shape {shape!r} is none of a matrix")
    beside = {"dense": set(), "bitmask": {"mask"}, "runs": {"starts", "lengths", "counts"}}
    wanted = beside.get(format, {"columns", "counts"}) | {"values"}
    if set(arrays) != wanted:
        refuse(f"format {format!r} takes the arrays {sorted(wanted)}, there are {sorted(arrays)}")
    out, n = shape
    if format != "dense" and out * n > MAX_WEIGHTS:
        refuse(f"the shape {shape!r} is beyond {MAX_WEIGHTS} weights")
    values = arrays["values"]
    if values.dtype.kind != "f":
        refuse(f"values of type {values.dtype}")
    if format == "dense" and values.shape != (out, n):
        refuse(f"values with shape {values.shape}, expected {(out, n)}")
    if format == "bitmask":
        mask = arrays["mask"]
        if mask.dtype != np.uint8 or mask.shape != (out, -(-n // 8)) or values.ndim != 1:
            refuse(f"a mask of {mask.dtype} with shape {mask.shape}, expected bytes with shape {(out, -(-n // 8))}")
        flags = np.unpackbits(mask, axis=1, bitorder="little")
        if flags[:, n:].any() or int(flags.sum()) != values.size:
            refuse(f"the mask does not fit {values.size} values and {n} inputs")
    if format == "runs":
        parts = [arrays[part] for part in ("starts", "lengths", "counts")]
        if values.ndim != 1 or not {part.dtype.str for part in parts} <= {"<u2", "<u4"}:
            refuse("starts, lengths and counts must be unsigned integers of two or four bytes, values a vector")
        starts, lengths, counts = (part.astype(np.int64) for part in parts)
        if counts.shape != (out,) or starts.ndim != 1 or starts.shape != lengths.shape or counts.sum() != starts.size:
            refuse(f"the counts do not fit {out} rows, {starts.size} starts and {lengths.size} lengths of runs")
        ends, row_of = starts + lengths, np.repeat(np.arange(out), counts)
        overlap = (starts[1:] < ends[:-1]) & (np.diff(row_of) == 0)
        if lengths.sum() != values.size or (lengths < 1).any() or (ends > n).any() or overlap.any():
            refuse(f"runs must hold {values.size} values, follow each other in a row and end within {n} inputs")
    if format in ("csr", "bsr"):
        h, w = values.shape[1:] if values.ndim == 3 and format == "bsr" else (1, 1)
        columns, counts = arrays["columns"], arrays["counts"]
        if values.ndim != (3 if format == "bsr" else 1) or 0 in (h, w) or out % h or n % w:
            refuse(f"values with shape {values.shape} for a matrix of {(out, n)}")
        if not {columns.dtype.str, counts.dtype.str} <= {"<u2", "<u4"} or columns.shape != values.shape[:1]:
            refuse("columns and counts must be unsigned integers of two or four bytes, one column a value")
        if counts.shape != (out // h,) or int(counts.sum(dtype=np.uint64)) != columns.size:
            refuse(f"the counts do not fit {out // h} rows and {columns.size} columns")
        if columns.size:
            row_of = np.repeat(np.arange(out // h), counts)
            falling = (np.diff(columns.astype(np.int64)) <= 0) & (np.diff(row_of) == 0)
            if int(columns.max()) >= n // w or falling.any():
                refuse(f"columns must rise within a row and stay below {n // w}")
    return Stored(format, (out, n), dict(arrays))
