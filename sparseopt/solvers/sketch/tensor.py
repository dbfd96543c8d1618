"""Dense sketches of Kronecker products of rows, without forming them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, Philox

from ..._ext._sketch import signs
from ..._validation import check_numbers, check_scalar
from ...exceptions import InvalidProblemError
from ._options import draw_seed
from .hadamard import fwht


class TensorSRHT:
    r"""Sketch of matrices whose columns or rows are Kronecker products, at the cost of their factors.

    For x of length n1 and y of length n2,
    :math:`S (x \otimes y) = m^{-1/2} (P_1 H D_1 x) * (P_2 H D_2 y)` with random signs D, Hadamard transforms H and
    rows P drawn with replacement; factors are padded with zeros to powers of two.

    Parameters
    ----------
    m : int
        Rows of the sketch; see :func:`sketch_size`.
    shape : tuple of int
        (n1, n2).
    random_state : int, RandomState or None

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> U, V, target = rng.standard_normal((100, 8)), rng.standard_normal((50, 8)), rng.standard_normal((100, 50))
    >>> S = so.TensorSRHT(1024, (100, 50), random_state=0)
    >>> SA, Sb = S.khatri_rao(U, V), S.target(target)
    >>> SA.shape, Sb.shape
    ((1024, 8), (1024,))
    """

    def __init__(self, m, shape, *, random_state=None):
        check_scalar("m", m, int, low=1)
        if len(shape) != 2:
            raise ValueError(f"shape must hold two lengths, got {shape!r}")
        for n in shape:
            check_scalar("shape", n, int, low=1)
        self.m, self.shape = int(m), tuple(int(n) for n in shape)
        self.seed_ = draw_seed(random_state)
        self._padded = [1 << (n - 1).bit_length() for n in self.shape]
        self._signs = [signs(self.seed_, 1 + k, 0, n) for k, n in enumerate(self.shape)]
        draw = Generator(Philox(key=[self.seed_, 3]))
        self._picked = [draw.integers(0, n, self.m) for n in self._padded]

    def khatri_rao(self, U, V):
        """Return S A for A with columns ``kron(U[:, j], V[:, j])``.

        Parameters
        ----------
        U, V : array-like of shapes (n1, d), (n2, d)

        Returns
        -------
        ndarray of shape (m, d)
        """
        U, V = self._factor(U, 0, "U"), self._factor(V, 1, "V")
        if U.shape[1] != V.shape[1]:
            raise InvalidProblemError(f"U has {U.shape[1]} columns, V has {V.shape[1]}")
        return self._transform(U, 0)[self._picked[0]] * self._transform(V, 1)[self._picked[1]] * self.m**-0.5

    def kronecker(self, A1, A2):
        """Return S kron(A1, A2).

        Parameters
        ----------
        A1, A2 : array-like of shapes (n1, d1), (n2, d2)

        Returns
        -------
        ndarray of shape (m, d1 * d2)
        """
        first = self._transform(self._factor(A1, 0, "A1"), 0)[self._picked[0]]
        second = self._transform(self._factor(A2, 1, "A2"), 1)[self._picked[1]]
        return (first[:, :, None] * second[:, None, :]).reshape(self.m, -1) * self.m**-0.5

    def target(self, B):
        """Return S b for b the rows of B one after the other.

        Parameters
        ----------
        B : array-like of shape (n1, n2)

        Returns
        -------
        ndarray of shape (m,)
        """
        B = check_numbers("B", B)
        if B.shape != self.shape:
            raise InvalidProblemError(f"B must have shape {self.shape}, got {B.shape}")
        both = self._transform(self._transform(B, 0).T, 1)
        return both[self._picked[1], self._picked[0]] * self.m**-0.5

    def _factor(self, A, k, name):
        A = check_numbers(name, A)
        if A.ndim != 2 or A.shape[0] != self.shape[k]:
            raise InvalidProblemError(f"{name} must have {self.shape[k]} rows, got shape {A.shape}")
        if not np.isfinite(A).all():
            raise InvalidProblemError(f"{name} contains NaN or infinity")
        return A

    def _transform(self, A, k):
        padded = np.zeros((self._padded[k], A.shape[1]))
        padded[: A.shape[0]] = A * self._signs[k][:, None]
        return fwht(padded, n_threads=1)
