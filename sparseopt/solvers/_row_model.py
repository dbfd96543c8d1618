"""Row groups on a Gram matrix: block coordinate descent that ends in Newton steps on the rows in use."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from .._ext._row_groups import RowGroups

SWEEPS = 5  # between Newton steps
ROUNDS = 60
SHARE = 1e-9  # a duality gap is of first order in the error of w, the decrease of a sweep of second order
MAX_SUPPORT = 3000  # entries of a Newton step


class RowModel:
    """Minimise -c'(w - w0) + (w - w0)'G(w - w0)/2 + sum_j lam_j ||w_j|| + mu/2 ||w||^2 over rows of K entries."""

    def __init__(self, K: int) -> None:
        self.K = K
        self.kernel = RowGroups(K)

    def minimise(self, G, w0, c, lam, mu, tol):
        """Return the minimiser, from w0, until the decrease of a sweep is small against `tol`."""
        K = self.K
        tol = SHARE * tol
        w, q, lam = np.array(w0), np.array(c), np.ascontiguousarray(lam)
        for _ in range(ROUNDS):
            moved = self.kernel.solve(G, w, q, lam, mu, tol, SWEEPS)
            if moved <= tol:
                break
            rows = np.flatnonzero(np.any(w.reshape(-1, K) != 0.0, axis=1))
            if 0 < rows.size * K <= MAX_SUPPORT:
                self._newton(G, w, q, lam, mu, rows)
        return w

    def _newton(self, G, w, q, lam, mu, rows) -> None:
        """One damped Newton step on the rows in use; w and q = c - G(w - w0) change in place when it helps."""
        K = self.K
        at = (rows[:, None] * K + np.arange(K)).ravel()
        v = w[at].reshape(-1, K)
        size = np.sqrt(np.einsum("jk,jk->j", v, v))
        unit = v / size[:, None]
        level = lam[rows]
        slope = -q[at] + mu * v.ravel() + (level[:, None] * unit).ravel()
        block = G[np.ix_(at, at)]
        H = block.copy()
        bend = (level / size)[:, None, None] * (np.eye(K) - unit[:, :, None] * unit[:, None, :])
        shape = H.reshape(rows.size, K, rows.size, K)
        which = np.arange(rows.size)
        shape[which, :, which, :] += bend + mu * np.eye(K)
        H[np.diag_indices(at.size)] *= 1.0 + 1e-12
        try:
            factor = cho_factor(H, lower=True, overwrite_a=True, check_finite=False)
            step = -cho_solve(factor, slope, check_finite=False)
        except LinAlgError:
            return
        pull = block @ step  # change of G (w - w0) on these rows, for a whole step
        rising, a = float(slope @ step), 1.0
        move = step.reshape(-1, K)
        for _ in range(6):
            trial = v + a * move
            new = np.sqrt(np.einsum("jk,jk->j", trial, trial))
            gain = (-a * float(q[at] @ step) + 0.5 * a * a * float(step @ pull) + float(level @ (new - size))
                    + mu * (a * float(v.ravel() @ step) + 0.5 * a * a * float(step @ step)))
            if gain <= 1e-4 * a * rising and np.all(new > 0.0):
                w[at] = trial.ravel()
                q -= a * (step @ G[at, : q.size])
                return
            a *= 0.5
