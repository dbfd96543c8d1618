"""What a fit sends: messages by kind and length, numbers by purpose."""

from __future__ import annotations

from collections import Counter


class Traffic:
    """Counts collective messages.

    Attributes
    ----------
    messages : Counter
        Keys (kind, length in numbers of eight bytes).
    numbers : Counter
        Numbers of eight bytes by purpose: "products" (X'theta, the moments of columns), "gram" (Gram matrices),
        "sums" (over samples, of a few numbers), "agreement" (what only tells ranks of each other).
    """

    def __init__(self) -> None:
        self.messages: Counter = Counter()
        self.numbers: Counter = Counter()

    def count(self, kind: str, length: int, purpose: str = "agreement") -> None:
        """Count one message."""
        self.messages[kind, int(length)] += 1
        self.numbers[purpose] += int(length)

    @property
    def n_messages(self) -> int:
        return self.messages.total()

    @property
    def n_bytes(self) -> int:
        """Bytes that each rank contributes, whatever the algorithm of the MPI library."""
        return 8 * self.numbers.total()

    def reductions(self, length: int, purpose: str = "products") -> float:
        """Return how many reductions of arrays of a length were sent for a purpose, longer ones as several."""
        return self.numbers[purpose] / length
