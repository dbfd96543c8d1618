"""What flows into every layer, summed up batch by batch: memory does not grow with the number of samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._validation import check_scalar
from ..exceptions import InvalidProblemError
from .layer import Layer
from .network import Network, as_network

BLOCK = 1024  # rows whose products are summed up in float32
TINY = 1e-25  # sums of squares that float32 holds with room to spare, and one over


@dataclass(frozen=True, eq=False)
class Gram:
    """Second moments of what flows into a layer.

    Attributes
    ----------
    matrix : ndarray of shape (in, in), or (in,) for an embedding
        E[h h'], its diagonal where inputs are one-hot.
    n_rows : int
        Rows summed up.
    cross : ndarray of shape (in, in), optional
        E[g h'] with g what flows into the layer of the dense network, where h comes from a compressed one.
    energy : ndarray of shape (in, in), optional
        E[g g'] then.
    """

    matrix: NDArray[np.float64]
    n_rows: int
    cross: NDArray[np.float64] | None = None
    energy: NDArray[np.float64] | None = None


def collect_gram(
    model: Any, calibration: Any, *, layers: Iterable[str] | None = None, batch_size: int = 256,
    sketch: int | None = None, n_max: int | None = None, random_state: Any = None,
) -> dict[str, Gram]:  # fmt: skip
    """Return the second moments of the inputs of layers, from calibration data in one pass.

    Parameters
    ----------
    model : Network or anything that :func:`as_network` takes
    calibration : ndarray of shape (n, ...), or an iterable of batches
    layers : iterable of str, optional
        Names; None: all.
    batch_size : int, default=256
        Rows of an array that go through the network at once.
    sketch : int, optional
        Keep a CountSketch with this many rows instead of summing up exactly, which is cheaper for layers with more
        inputs than that.
    n_max : int, optional
        Stop after so many rows of every layer.
    random_state : optional
        Of the sketch.

    Returns
    -------
    dict of str to Gram

    Raises
    ------
    InvalidProblemError
        When an activation is NaN or infinite, or the calibration holds no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import collect_gram
    >>> net = [(np.ones((2, 3)), None, "relu"), (np.ones((1, 2)), None, None)]
    >>> grams = collect_gram(net, np.eye(3))
    >>> grams["0"].matrix
    array([[0.33333333, 0.        , 0.        ],
           [0.        , 0.33333333, 0.        ],
           [0.        , 0.        , 0.33333333]])
    """
    check_scalar("batch_size", batch_size, Integral, low=1)
    check_scalar("sketch", sketch, Integral, low=1, allow_none=True)
    check_scalar("n_max", n_max, Integral, low=1, allow_none=True)
    calibration = as_calibration(calibration)
    network = as_network(model)
    chosen = {layer.name: layer for layer in network.layers()}
    if layers is not None:
        chosen = {name: chosen[name] for name in known(layers, chosen)}
    sums = {name: _Sum(layer, sketch, n_max, random_state) for name, layer in chosen.items()}
    n_batches = 0
    for batch in network.batches(calibration, batch_size):
        n_batches += 1
        for name, rows in network.inputs(list(sums), batch).items():
            sums[name].add(rows)
        if n_max is not None and all(part.n_rows >= n_max for part in sums.values()):
            break
    if n_batches == 0:
        raise InvalidProblemError("calibration holds no batches; an iterator can be read only once, pass a list")
    return {name: part.result() for name, part in sums.items() if part.n_rows > 0}


def as_calibration(calibration: Any) -> Any:
    """Return samples as networks take them, data frames as arrays; refuse what cannot hold samples."""
    if hasattr(calibration, "to_numpy") and hasattr(calibration, "columns"):
        return calibration.to_numpy()
    if sparse.issparse(calibration):
        raise TypeError("calibration must be dense, got a sparse matrix; pass calibration.toarray()")
    kind = type(calibration)
    if issubclass(kind, (str, bytes, Path)) or not (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")):
        raise TypeError(
            f"calibration must be an array of samples, an iterable of batches, or a dict of Grams, got {kind.__name__}"
        )
    return calibration


def collect_pair(dense: Network, network: Network, name: str, calibration: Any, batch_size: int) -> Gram | None:
    """Return the moments of one layer in a compressed network and in the dense one; None when it is not reached."""
    totals: list[Any] = [0.0, 0.0, 0.0]
    n_rows = n_batches = 0
    for batch in network.batches(calibration, batch_size):
        n_batches += 1
        before, now = (net.inputs([name], batch).get(name) for net in (dense, network))
        if before is None or now is None:
            continue
        g, h = (np.asarray(rows, dtype=np.float64) for rows in (before, now))
        products = (h.T @ h, g.T @ h, g.T @ g)
        if not all(np.isfinite(np.diagonal(product)).all() for product in products):
            raise InvalidProblemError(f"layer {name!r}: calibration gives NaN or infinite activations")
        totals = [total + product for total, product in zip(totals, products, strict=True)]
        n_rows += len(h)
    if n_batches == 0:
        raise InvalidProblemError("calibration holds no batches; an iterator can be read only once, pass a list")
    return Gram(totals[0] / n_rows, n_rows, totals[1] / n_rows, totals[2] / n_rows) if n_rows else None


def known(names: Iterable[str], layers: Iterable[str]) -> list[str]:
    """Return names, or raise ValueError for one that no layer has."""
    wanted, there = [names] if isinstance(names, str) else list(names), list(layers)
    for name in wanted:
        if name not in there:
            raise ValueError(f"there is no layer {name!r}; the layers are {there}")
    return wanted


def as_grams(given: Mapping[str, Any], layers: Iterable[Layer]) -> dict[str, Gram]:
    """Check Grams that the user brings, as :class:`Gram` or as plain arrays."""
    shapes = {layer.name: layer.weight.shape[1] for layer in layers}
    grams = {}
    for name in known(given, shapes):
        value = given[name]
        gram = value if isinstance(value, Gram) else Gram(np.asarray(value), 0)
        grams[name] = Gram(check_gram(gram.matrix, shapes[name], f"the Gram of {name!r}"), gram.n_rows)
    return grams


def check_gram(G: Any, n: int, what: str = "G") -> NDArray[np.float64]:
    """Return a Gram matrix (n, n), or the diagonal of one (n,), in float64, or say what is wrong with it."""
    G = np.asarray(G)
    if G.dtype.kind != "f" or G.dtype.itemsize < 4:
        raise TypeError(f"{what} must be float32 or float64, got {G.dtype}")
    if G.shape not in ((n, n), (n,)):
        raise InvalidProblemError(f"{what} must have shape ({n}, {n}), or ({n},) if diagonal, got {G.shape}")
    G = np.ascontiguousarray(G, dtype=np.float64)
    if not np.isfinite(G).all():
        raise InvalidProblemError(f"{what} contains NaN or infinity")
    size = float(np.abs(G).max(initial=0.0))
    if G.ndim == 2 and np.abs(G - G.T).max(initial=0.0) > 1e-5 * size:
        raise InvalidProblemError(f"{what} must be symmetric")
    if (G if G.ndim == 1 else np.diagonal(G)).min(initial=0.0) < 0.0:
        raise InvalidProblemError(f"{what} must not have negative diagonal entries")
    return G


def _products(rows: NDArray) -> NDArray[np.float64]:
    """Return rows' rows, with products of float32 in float32 where many of them stay clear of its limits."""
    if rows.dtype == np.float32 and rows.size > BLOCK * BLOCK:
        squares = np.einsum("ij,ij->j", rows, rows, dtype=np.float64)
        if np.all((squares == 0.0) | ((squares > TINY) & (squares < 1.0 / TINY))):
            parts = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
            return sum((part.T @ part).astype(np.float64) for part in parts)
    part = np.asarray(rows, dtype=np.float64)
    return part.T @ part


class _Sum:
    """The running sum of one layer."""

    def __init__(self, layer: Layer, sketch: int | None, n_max: int | None, random_state: Any) -> None:
        self.layer, self.n_max, self.n_rows = layer, n_max, 0
        self._total: NDArray[np.float64] | None = None
        self._sketch: Any = None
        if sketch is not None and sketch < layer.weight.shape[1] and layer.kind != "embedding":
            from ..solvers.sketch import RowSketch

            self._sketch = RowSketch(m=sketch, sketch="countsketch", random_state=random_state)

    def add(self, rows: NDArray) -> None:
        n, name = self.layer.weight.shape[1], self.layer.name
        if self.n_max is not None:
            rows = rows[: self.n_max - self.n_rows]
        if len(rows) == 0:
            return
        if self.layer.kind == "embedding":
            part: Any = np.bincount(np.asarray(rows).ravel(), minlength=n).astype(np.float64)
            diagonal = part
        else:
            if rows.ndim != 2 or rows.shape[1] != n:
                raise InvalidProblemError(f"layer {name!r} takes {n} inputs, calibration gives shape {rows.shape}")
            if self._sketch is None:
                part = _products(rows)
                diagonal = np.diagonal(part)
            else:
                part = np.asarray(rows, dtype=np.float64)
                diagonal = np.einsum("ij,ij->j", part, part)
        if not np.isfinite(diagonal).all():
            raise InvalidProblemError(f"layer {name!r}: calibration gives NaN or infinite activations")
        if self._sketch is not None:
            self._sketch.partial_fit(part)
        elif self._total is None:
            self._total = part
        else:
            self._total += part
        self.n_rows += rows.size if self.layer.kind == "embedding" else len(rows)

    def result(self) -> Gram:
        total = self._total
        if self._sketch is not None:
            total = self._sketch.sketch_.T @ self._sketch.sketch_
        assert total is not None
        return Gram(total / self.n_rows, self.n_rows)
