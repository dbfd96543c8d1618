"""What compression did to every layer: for people, for machines, as a picture."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..exceptions import MissingDependencyError


@dataclass(frozen=True)
class LayerReport:
    """What was done to one layer, and how well.

    Attributes
    ----------
    name, kind, method, pattern : str
    shape : tuple of int
        (out, in) of the result; smaller than that of the dense layer where units went.
    n_weights, n_nonzero : int
        Of the dense layer; of what is stored.
    error_mask, error : float
        Relative error of the output on calibration data: with the old weights on the mask, and with the new weights.
    stationarity, objective, lower_bound : float
        See :class:`LayerResult`.
    n_clusters : int
        Runs of neighbouring non-zeros.
    bytes_dense, bytes : int
        Stored densely; as `save` stores it, factors as two matrices.
    n_rows : int
        Calibration rows; 0 where ready Grams were given.
    n_iter : int
    converged : bool
    seconds : float
    """

    name: str
    kind: str
    method: str
    pattern: str
    shape: tuple[int, int]
    n_weights: int
    n_nonzero: int
    error_mask: float
    error: float
    stationarity: float
    objective: float
    lower_bound: float
    n_clusters: int
    bytes_dense: int
    bytes: int
    n_rows: int
    n_iter: int
    converged: bool
    seconds: float

    @property
    def density(self) -> float:
        """Share of the weights that is stored."""
        return self.n_nonzero / self.n_weights


@dataclass
class CompressionReport:
    """All layers of a network.

    Attributes
    ----------
    layers : list of LayerReport
    settings : dict
        What was asked.
    seconds : float
        Calibration, allocation and all layers.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.bridge import compress
    >>> net = [(np.array([[2.0, 0.1], [0.1, 1.0]]), None, None)]
    >>> report = compress(net, np.eye(2), sparsity=0.5, damp=0.0).report
    >>> report.n_nonzero, report.sparsity
    (2, 0.5)
    """

    layers: list[LayerReport]
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def n_weights(self) -> int:
        """Weights of the layers, dense."""
        return sum(layer.n_weights for layer in self.layers)

    @property
    def n_nonzero(self) -> int:
        """Weights stored."""
        return sum(layer.n_nonzero for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """Share of the weights that is gone."""
        return 1.0 - self.n_nonzero / self.n_weights if self.n_weights else 0.0

    @property
    def converged(self) -> bool:
        """Whether every layer met its rule for stopping."""
        return all(layer.converged for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and text.

        Returns
        -------
        dict
            "settings", "total" and "layers".
        """
        totals = {
            "n_weights": self.n_weights,
            "n_nonzero": self.n_nonzero,
            "sparsity": self.sparsity,
            "bytes_dense": sum(layer.bytes_dense for layer in self.layers),
            "bytes": sum(layer.bytes for layer in self.layers),
            "mean_error": float(np.mean([layer.error for layer in self.layers])) if self.layers else 0.0,
            "converged": self.converged,
            "seconds": self.seconds,
        }
        rows = [{**asdict(layer), "density": layer.density} for layer in self.layers]
        return {"settings": self.settings, "total": totals, "layers": rows}

    def to_json(self, path: str | Path | None = None) -> str:
        """Return JSON text, and write it to a file where one is named; infinities and NaN become null.

        Parameters
        ----------
        path : str or Path, optional

        Returns
        -------
        str
        """
        text = json.dumps(_plain(self.to_dict()), indent=2, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def table(self) -> str:
        """Return a table for people.

        Returns
        -------
        str
        """
        head = ("layer", "shape", "kept", "density", "error mask", "error", "bound", "clusters", "KiB", "of", "s")
        rows = [
            (
                layer.name, f"{layer.shape[0]}x{layer.shape[1]}", f"{layer.n_nonzero}", f"{layer.density:.3f}",
                f"{layer.error_mask:.2e}", f"{layer.error:.2e}", f"{layer.lower_bound:.1e}", f"{layer.n_clusters}",
                f"{layer.bytes / 1024:.1f}", f"{layer.bytes_dense / 1024:.1f}",
                f"{layer.seconds:.2f}" + ("" if layer.converged else " *"),
            )
            for layer in self.layers
        ]  # fmt: skip
        total = self.to_dict()["total"]
        rows.append(
            (
                "total", "", f"{self.n_nonzero}", f"{1.0 - self.sparsity:.3f}", "", f"{total['mean_error']:.2e}", "",
                "", f"{total['bytes'] / 1024:.1f}", f"{total['bytes_dense'] / 1024:.1f}", f"{self.seconds:.2f}",
            )
        )  # fmt: skip
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
        lines.insert(1, "-" * len(lines[0]))
        lines.insert(-1, "-" * len(lines[0]))
        if not self.converged:
            lines.append("* stopped by max_iter")
        return "\n".join(lines)

    __str__ = table

    def picture(self, path: str | Path | None = None) -> Any:
        """Draw density and error of every layer with matplotlib; return the figure, or write it to a file.

        Parameters
        ----------
        path : str or Path, optional
            A file whose ending says the format.

        Returns
        -------
        matplotlib.figure.Figure or None
            None when a file was written.

        Raises
        ------
        MissingDependencyError
            When matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingDependencyError("pip install matplotlib") from error
        names = [layer.name for layer in self.layers]
        height = max(2.0, 0.28 * len(names) + 1.0)
        figure = Figure(figsize=(9.0, height), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        at = np.arange(len(names))
        left.barh(at, [layer.density for layer in self.layers], color="#4477aa")
        left.set(xlabel="share of weights kept", xlim=(0.0, 1.0), yticks=at, yticklabels=names)
        left.invert_yaxis()
        floor = 1e-12
        for values, label, marker in (
            ([layer.error_mask for layer in self.layers], "old weights on the mask", "o"),
            ([layer.error for layer in self.layers], "result", "s"),
            ([layer.lower_bound for layer in self.layers], "bound", "|"),
        ):
            right.plot(np.maximum(values, floor), at, marker, label=label)
        right.set(xlabel="relative error of the output", xscale="log")
        right.legend(fontsize="small")
        if path is None:
            return figure
        figure.savefig(path)
        return None


def count_clusters(mask: NDArray, grid: tuple[int, int] | None = None) -> int:
    """Return the number of runs of non-zeros along rows, or of connected pieces where rows are images."""
    image = mask.reshape(len(mask), *(grid or (1, mask.shape[1])))
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    return int(ndimage.label(image, structure)[1])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
