"""Orthogonal matching pursuit on Kronecker dictionaries: the baselines."""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy.linalg import lstsq

from .factors import mode_products


def block_pursuit(factors, Y, stop, max_atoms):
    """N-way pursuit: the best atom's index joins the index set of every factor, least squares factor by factor.

    Parameters
    ----------
    factors : list of ndarray of shape (M_i, N_i)
    Y : ndarray of shape (L, M_1, ..., M_I)
    stop : float
        Norm of the residual at which to stop.
    max_atoms : int
        For each factor.

    Returns
    -------
    sets : list of ndarray
    block : ndarray of shape (L, n_1, ..., n_I)
    n_iter : int
    residual : float
        Its norm.
    """
    norms = [np.linalg.norm(H, axis=0) for H in factors]
    adjoints = [(H / np.where(n > 0, n, np.inf)).conj().T for H, n in zip(factors, norms, strict=True)]
    sets: list = [[] for _ in factors]
    block, residual, n_iter = np.zeros((len(Y),) + (0,) * len(factors), dtype=Y.dtype), Y, 0
    while np.linalg.norm(residual) > stop:
        strength = np.sum(np.abs(mode_products(residual, adjoints, first=1)) ** 2, axis=0)
        best = np.unravel_index(np.argmax(strength), strength.shape)
        grown = False
        for chosen, a, H in zip(sets, best, factors, strict=True):
            if a not in chosen and len(chosen) < min(max_atoms, H.shape[0]):
                chosen.append(int(a))
                grown = True
        if not grown or strength[best] == 0.0:
            break
        n_iter += 1
        parts = [H[:, chosen] for H, chosen in zip(factors, sets, strict=True)]
        block = mode_products(Y, [np.linalg.pinv(part) for part in parts], first=1)
        residual = Y - mode_products(block, parts, first=1)
    order = [np.argsort(chosen) for chosen in sets]
    block = block[np.ix_(range(len(Y)), *order)] if n_iter else block
    return [np.sort(np.array(c, dtype=np.intp)) for c in sets], block, n_iter, float(np.linalg.norm(residual))


def atom_pursuit(factors, Y, stop, max_atoms):
    """Plain pursuit, one column of the Kronecker dictionary at a time; the dictionary is not formed.

    Parameters and returns are those of :func:`block_pursuit`, with positions (k, I) for sets and coefficients (L, k)
    for the block.
    """
    norms = [np.linalg.norm(H, axis=0) for H in factors]
    adjoints = [(H / np.where(n > 0, n, np.inf)).conj().T for H, n in zip(factors, norms, strict=True)]
    flat = Y.reshape(len(Y), -1)
    positions: list = []
    columns = np.zeros((flat.shape[1], 0), dtype=np.result_type(Y, *factors))
    coef, residual = np.zeros((len(Y), 0), dtype=columns.dtype), flat
    while np.linalg.norm(residual) > stop and len(positions) < min(max_atoms, flat.shape[1]):
        strength = np.sum(np.abs(mode_products(residual.reshape(Y.shape), adjoints, first=1)) ** 2, axis=0)
        for p in positions:
            strength[p] = 0.0
        best = np.unravel_index(np.argmax(strength), strength.shape)
        if strength[best] == 0.0:
            break
        positions.append(best)
        atom = reduce(np.kron, [H[:, a] for H, a in zip(factors, best, strict=True)])
        columns = np.column_stack([columns, atom])
        coef = lstsq(columns, flat.T, check_finite=False)[0].T
        residual = flat - coef @ columns.T
    return np.array(positions, dtype=np.intp).reshape(-1, len(factors)), coef, len(positions), float(
        np.linalg.norm(residual)
    )
