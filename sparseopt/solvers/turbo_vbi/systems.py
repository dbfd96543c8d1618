"""Linear observations y = A x + noise, as the posterior sees them: products, Gram matrices, columns in dense blocks."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import get_blas_funcs

from ..._ext._cavi import sweep_csc, sweep_dense
from ..._ranks import ALONE
from ...exceptions import IncompatibleError
from ...problem.design import KroneckerDesign
from ..sbl.columns import ENTRIES, Columns, adjoint_product

GRAM_COLUMNS = 4096  # up to here the whole Gram matrix is kept: 134 MB


class LinearSystem:
    """A matrix of unit columns (zero ones aside) and its data.

    Parameters
    ----------
    columns : Columns
        The design: centred, weighted, scaled.
    total : float or None
        Number of samples when rows are weighted: the sum of the weights.

    Attributes
    ----------
    norms2 : ndarray of shape (n,)
        Squared norms of the columns: 1, or 0 where a column is zero.
    """

    def __init__(self, columns, total=None, ranks=ALONE):
        self.columns, self.ranks = columns, ranks
        self.n_rows, self.n_cols = columns.shape
        self.dtype = columns.dtype
        self.total = float(self.n_rows if total is None else total)
        self.norms2 = np.where(columns.dead, 0.0, 1.0)
        self._gram = None
        small = self.n_rows * self.n_cols <= ENTRIES
        self._whole = self._emptied(columns.whole(), slice(None)) if small else None

    def _block(self, cols):
        return self._emptied(np.asfortranarray(self.columns.block(cols)), cols)

    def _emptied(self, block, cols):
        dead = self.norms2[cols] == 0.0
        if dead.any():
            block[:, dead] = 0.0  # what centring left
        return block

    def blocks(self):
        """Yield (slice, dense block of these columns in Fortran order); do not write into it."""
        if self._whole is not None:
            yield slice(0, self.n_cols), self._whole
            return
        for part in self.columns.parts(np.arange(self.n_cols)):
            yield slice(part[0], part[-1] + 1), self._block(part)

    @cached_property
    def single(self):
        """The whole matrix in single precision."""
        return self._whole.astype(np.complex64 if self.dtype.kind == "c" else np.float32)

    @property
    def prepared(self):
        """Whether all of the Gram matrix is known."""
        return self._gram is not None and bool(self._known.all())

    @property
    def whole(self):
        """The matrix where it is kept in one piece, or None; do not write into it."""
        return self._whole

    def take(self, cols):
        """Return some columns as a dense matrix in Fortran order."""
        if self._whole is not None:
            return self._whole[:, cols]
        return self._block(cols)

    def adjoint(self, v):
        """Return A^H v, over all ranks."""
        out = np.empty((self.n_cols, *v.shape[1:]), dtype=np.result_type(self.dtype, v))
        for part, block in self.blocks():
            out[part] = adjoint_product(block, v)
        return self.ranks.total(out)

    def compressed(self, A, y):
        """Return matrix and vector with the inner products of these over all ranks, in as few rows as need be."""
        if not self.ranks.several:
            return A, y
        both = np.column_stack([A, y])
        tops = self.ranks.shared(np.linalg.qr(both, mode="r"))
        both = np.linalg.qr(np.vstack(tops), mode="r")
        return both[:, :-1], both[:, -1]

    def norm2(self, v):
        """Return the squared norm of a vector of samples."""
        return self.ranks.total(float(np.vdot(v, v).real))

    def forward(self, x):
        """Return A x."""
        out = np.zeros(self.n_rows, dtype=np.result_type(self.dtype, x))
        for part, block in self.blocks():
            out += block @ x[part]
        return out

    def outer(self, scale):
        """Return A diag(scale^2) A^H; only its lower triangle is set (in Fortran order)."""
        product = get_blas_funcs("herk" if self.dtype.kind == "c" else "syrk", dtype=self.dtype)
        out = np.zeros((self.n_rows, self.n_rows), dtype=self.dtype, order="F")
        for part, block in self.blocks():
            out = product(1.0, block * scale[part], beta=1.0, c=out, lower=1, overwrite_c=1)
        return out

    def gram(self):
        """Return A^H A, in C order."""
        if self.n_cols > GRAM_COLUMNS:
            return self._summed_rows(np.arange(self.n_cols))
        self._compute(np.arange(self.n_cols))
        return self._gram

    def gram_rows(self, cols):
        """Return the rows `cols` of A^H A, in C order."""
        if self.n_cols > GRAM_COLUMNS:
            return self._summed_rows(cols)
        self._compute(cols)
        return self._gram[cols]

    def _compute(self, cols):
        """Fill the rows of the Gram matrix that are not there yet."""
        if self._gram is None:
            self._gram = np.empty((self.n_cols, self.n_cols), dtype=self.dtype)
            self._known = np.zeros(self.n_cols, dtype=bool)
        missing = cols[~self._known[cols]]
        if missing.size:
            self._gram[missing] = self._summed_rows(missing)
            self._known[missing] = True

    def _summed_rows(self, cols):
        return self.ranks.total(np.ascontiguousarray(self._gram_rows(cols)))

    def _gram_rows(self, cols):
        left = self.take(cols).conj().T
        out = np.empty((len(cols), self.n_cols), dtype=self.dtype)
        for part, block in self.blocks():
            out[:, part] = left @ block
        return out

    def prepare(self):
        """Compute what several threads would otherwise compute at the same time."""
        if self.n_cols <= GRAM_COLUMNS:
            self.gram()

    def start_sweeps(self, y):
        """Return the state of coordinate sweeps at x = 0."""
        return y.astype(np.result_type(self.dtype, y))

    def sweep(self, state, mu, rho, kappa, backward):
        """Update mu in place by one sweep over all coordinates; return the new state."""
        blocks = list(self.blocks()) if self._whole is not None else self.blocks()
        for part, block in blocks:
            sweep_dense(block, self.norms2[part], np.ascontiguousarray(rho[part]), kappa, mu[part], state, backward)
        return state

    def residual(self, state):
        """Return y - A mu for the state of sweeps."""
        return state


class ImplicitSystem(LinearSystem):
    """The same for designs with fast products: centre, weights and scales are applied around these."""

    def __init__(self, columns, total=None, ranks=ALONE):
        super().__init__(columns, total, ranks)
        roots, center = columns.roots, columns.center
        self._roots = np.ones(self.n_rows) if roots is None else roots
        self._center = np.zeros(self.n_cols) if center is None else center

    def adjoint(self, v):
        """Return A^H v."""
        weighted = self._roots * v
        out = self._raw_adjoint(weighted) - self._center * weighted.sum()
        return self.ranks.total(out / self.columns.norms * self.norms2)

    def forward(self, x):
        """Return A x."""
        scaled = x / self.columns.norms * self.norms2
        return self._roots * (self._raw_forward(scaled) - self._center @ scaled)


class KroneckerSystem(ImplicitSystem):
    """A Kronecker product: products and Gram matrices by its factors."""

    def _raw_adjoint(self, v):
        return self.columns.X.rmatvec(v)

    def _raw_forward(self, x):
        return self.columns.X.matvec(x)

    def _gram_rows(self, cols):
        if self.columns.roots is not None or self.columns.center is not None:
            return super()._gram_rows(cols)
        scale = self.norms2 / self.columns.norms
        return self.columns.X.gram_rows(cols) * scale[cols, None] * scale


class SparseSystem(ImplicitSystem):
    """A CSC matrix: products and sweeps read the stored entries only."""

    def _raw_adjoint(self, v):
        return self.columns.X.T @ v

    def _raw_forward(self, x):
        return self.columns.X @ x

    def start_sweeps(self, y):
        """Return the state of coordinate sweeps at x = 0."""
        return y * self._roots, 0.0

    def sweep(self, state, mu, rho, kappa, backward):
        """Update mu in place by one sweep over all coordinates; return the new state."""
        X, (u, shift) = self.columns.X, state
        shift = sweep_csc(
            X.data, X.indices, X.indptr, self._center, self._roots**2, self.columns.norms, self.norms2,
            rho, kappa, mu, u, shift, backward,
        )  # fmt: skip
        return u, shift

    def residual(self, state):
        """Return y - A mu for the state of sweeps."""
        u, shift = state
        return u / self._roots + shift * self._roots


def linear_system(X, center=None, roots=None, total=None, ranks=ALONE):
    """Return the system for a dense, sparse or Kronecker design, centred and weighted; `ranks` hold other rows."""
    if isinstance(X, KroneckerDesign):
        if ranks.several:
            raise IncompatibleError("a Kronecker design cannot be spread over MPI ranks")
        return KroneckerSystem(Columns(X, center, roots), total)
    columns = Columns(X, center, roots, ranks)
    return (SparseSystem if sparse.issparse(X) else LinearSystem)(columns, total, ranks)
