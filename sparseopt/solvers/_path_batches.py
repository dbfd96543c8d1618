"""What paths have in common: alphas are certified in batches, and between two of them the state can be kept."""

from __future__ import annotations

import numpy as np


def run_batches(path, members, size: int, max_iter: int, on_round, section) -> int:
    """Certify batches of `size` alphas, and let the section keep each; return the number of rounds.

    `members` is the path's set of columns or groups.
    """
    state = section.load()
    n_iter = 0 if state is None else restore_path(path, members, state)
    pending = [i for i in range(path.alphas.size) if path.gaps[i] > path.target]
    while pending and n_iter < max_iter:
        n_iter += 1
        batch = pending[:size]
        path.predict(batch[-1])
        start = path.coefs[batch[0] - 1] if batch[0] > 0 else None
        for i in batch:
            start = path.solve(i, start)
        path.certify(batch)
        pending = [i for i in pending if path.gaps[i] > path.target]
        if section.keeps:
            section.save(path.alphas.size - len(pending), final=not pending, **path_state(path, members, n_iter))
        if on_round(n_iter, path.alphas.size - len(pending)):
            break
    return n_iter


def path_state(path, members, n_iter: int) -> dict:
    """Return what a path knows after a batch.

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
