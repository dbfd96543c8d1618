"""A Gram matrix that is kept while the point moves, corrected by what changes of the gradient say of it (BFGS).

Coordinates are those of the model: columns less their centres, and the intercepts that go with them. There the joint
second derivative of the model is block diagonal, G for coefficients and M for intercepts. A step (m, d) that changed
minus the gradient by -(y, e) says H (m, d) = (y, e) for the second derivative H somewhere on the way. G and M are
scaled by what the newest step says, then every step in turn makes its rank-two correction, which keeps the matrix
positive definite; last, the intercepts are eliminated (Nocedal and Wright, Numerical Optimization, 2006, section 6.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 16  # steps that are remembered
NOISE = 1e-7  # changes of the gradient below this share of it are rounding
LEAST = 1e-8  # curvature along a step, of that of the matrix: less is not believed


@dataclass
class Secant:
    """A step and what it changed; `change` is nan where the gradient was not read at both ends."""

    at: NDArray[np.intp]
    move: NDArray[np.float64]
    shift: NDArray[np.float64]
    change: NDArray[np.float64]
    shift_change: NDArray[np.float64]


class Secants:
    """The newest steps under one Gram matrix."""

    def __init__(self, n_entries: int) -> None:
        self.n_entries = n_entries
        self.kept: list[Secant] = []

    def forget(self) -> None:
        """Start again, with another Gram matrix."""
        self.kept = []

    def moved(self):
        """Return the entries that any step moved."""
        return np.unique(np.concatenate([one.at for one in self.kept] or [np.empty(0, dtype=np.intp)]))

    def add(self, at, move, shift, read, before, after, shift_change) -> None:
        """Remember a step on entries `at`; minus the gradient was read on entries `read` before and after."""
        change = before - after
        if np.abs(change).max(initial=0.0) <= NOISE * np.abs(before).max(initial=0.0):
            return
        full = np.full(self.n_entries, np.nan)
        full[read] = change
        used = np.flatnonzero(move)
        self.kept = [*self.kept[1 - MOST :], Secant(at[used], move[used], shift, full, shift_change)]

    def state(self) -> dict:
        """Return arrays from which `restore` makes the same steps."""
        kept = self.kept
        reads = [np.flatnonzero(~np.isnan(one.change)) for one in kept]
        lists: dict[str, list] = {
            "at": [one.at for one in kept],
            "move": [one.move for one in kept],
            "read": reads,
            "change": [one.change[at] for one, at in zip(kept, reads, strict=True)],
            "shift": [one.shift for one in kept],
            "shift_change": [one.shift_change for one in kept],
        }
        joined = {name: np.concatenate(parts or [np.empty(0)]) for name, parts in lists.items()}
        sizes = np.array([[part.size for part in parts] for parts in lists.values()], dtype=np.intp)
        return {f"secant_{name}": values for name, values in joined.items()} | {"secant_sizes": sizes}

    def restore(self, state) -> None:
        """Take the steps that `state` returned."""
        parts = []
        for name, sizes in zip(("at", "move", "read", "change", "shift", "shift_change"), state["secant_sizes"],
                               strict=True):
            parts.append(np.split(state[f"secant_{name}"], np.cumsum(sizes)[:-1]) if sizes.size else [])
        self.kept = []
        for at, move, read, change, shift, shift_change in zip(*parts, strict=True):
            full = np.full(self.n_entries, np.nan)
            full[read.astype(np.intp)] = change
            self.kept.append(Secant(at.astype(np.intp), move, shift, full, shift_change))

    def corrected(self, G, M, C, entries):
        """Return the matrix on some entries and the block of the intercepts, (B, B_0, B_00), for G, M and centres C."""
        k, K = G.shape[0], M.shape[0]
        place = np.full(self.n_entries, -1, dtype=np.intp)
        place[entries] = np.arange(k)
        steps = []
        for one in self.kept:
            y = one.change[entries]
            if np.any(np.isnan(y)) or np.any(place[one.at] < 0):
                continue
            m = np.zeros(k + K)
            m[place[one.at]] = one.move
            m[k:] = one.shift + C @ m[:k]
            steps.append((m, np.concatenate([y - one.shift_change @ C, one.shift_change])))
        if not steps:
            return G, np.zeros((K, k)), M
        moves = np.array([m for m, _ in steps])
        images = np.concatenate([moves[:, :k] @ G, moves[:, k:] @ M], axis=1)
        own = float(moves[-1] @ images[-1])
        scale = float(moves[-1] @ steps[-1][1]) / own if own > 0.0 else 1.0
        if not 1e-3 < scale < 1e3:
            scale = 1.0
        vectors: list = []
        signs: list[float] = []
        for (m, y), image in zip(steps, scale * images, strict=True):
            for v, sign in zip(vectors, signs, strict=True):
                image = image + sign * float(v @ m) * v
            along, bent = float(m @ y), float(m @ image)
            if bent > 0.0 and along > LEAST * bent:
                vectors += [y / along**0.5, image / bent**0.5]
                signs += [1.0, -1.0]
        V, signs = np.array(vectors).reshape(len(vectors), k + K), np.array(signs)
        B = scale * G + (V[:, :k].T * signs) @ V[:, :k]
        return B, (V[:, k:].T * signs) @ V[:, :k], scale * M + (V[:, k:].T * signs) @ V[:, k:]
