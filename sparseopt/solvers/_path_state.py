"""The state of a path between batches as plain arrays, and back."""

from __future__ import annotations

import numpy as np


def path_state(path, members, n_iter: int) -> dict:
    """Return what a path knows after a batch; `members` is its set of columns or groups.

    The Gram matrix is left out: it is formed again, block by block as before, when the path goes on.
    """
    known = [i for i, w in enumerate(path.coefs) if w is not None]
    return {
        "alphas": path.alphas,
        "gaps": path.gaps,
        "primals": path.primals,
        "active": path.active,
        "arrived": members.arrived,
        "formed_at": np.array(members.formed_at, dtype=np.int64),
        "solved": np.array(known, dtype=np.int64),
        "widths": np.array([path.coefs[i].shape[-1] for i in known], dtype=np.int64),
        "coefs": np.concatenate([np.ravel(path.coefs[i]) for i in known]),
        "known_alphas": np.array([alpha for alpha, _ in path.known]),
        "known_products": np.array([c for _, c in path.known]),
        "n_iter": n_iter,
    }


def restore_path(path, members, state: dict) -> int:
    """Bring a fresh path to a state; return its number of rounds.

    The Gram matrix is formed only where alphas are left that need it. What was read of X before is not counted again.
    """
    path.gaps[:], path.primals[:], path.active = state["gaps"], state["primals"], int(state["active"])
    left = bool(np.any(path.gaps > path.target))
    members.arrive_again(state["arrived"], state["formed_at"].tolist() if left else [])
    rows = getattr(path, "n_outputs", None)
    at = 0
    for i, width in zip(state["solved"], state["widths"], strict=True):
        size = int(width) * (rows or 1)
        w = state["coefs"][at : at + size].copy()
        path.coefs[i] = w if rows is None else w.reshape(rows, width)
        at += size
    path.known = list(zip(state["known_alphas"].tolist(), state["known_products"], strict=True))
    return int(state["n_iter"])
