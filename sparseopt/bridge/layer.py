"""What the solvers see of a network: one matrix with a name."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

KINDS = ("linear", "conv", "embedding")


@dataclass(frozen=True, eq=False)
class Layer:
    """One matrix of weights, y = W h + b.

    Attributes
    ----------
    name : str
        Unique in its network.
    kind : {"linear", "conv", "embedding"}
    weight : ndarray of shape (out, in)
        float32 or float64. A convolution as (out, in_channels * kh * kw), an embedding as (dim, vocabulary).
    bias : ndarray of shape (out,) or None
    shape : tuple of int
        Of the weight as the model stores it.
    """

    name: str
    kind: str
    weight: NDArray
    bias: NDArray | None
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.weight.size
