"""What a fit sends: messages by kind and length."""

from __future__ import annotations

from collections import Counter


class Traffic:
    """Counts collective messages.

    Attributes
    ----------
    messages : Counter
        Keys (kind, length in numbers of eight bytes).
    """

    def __init__(self) -> None:
        self.messages: Counter = Counter()

    def count(self, kind: str, length: int) -> None:
        """Count one message."""
        self.messages[kind, int(length)] += 1

    @property
    def n_messages(self) -> int:
        return self.messages.total()

    @property
    def n_bytes(self) -> int:
        """Bytes that each rank contributes, whatever the algorithm of the MPI library."""
        return 8 * sum(length * count for (_, length), count in self.messages.items())

    def reductions(self, length: int) -> float:
        """Return how many reductions of arrays at least so long there were, longer ones as several."""
        return sum(
            size / length * count
            for (kind, size), count in self.messages.items()
            if kind == "allreduce" and size >= length
        )
