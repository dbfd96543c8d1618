"""CSC arrays with 32-bit indices wherever they suffice."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def csc_of(data, indices, indptr, shape):
    """Build a csc_array; 32-bit indices take half the memory, and every package accepts them."""
    if max(*shape, int(indptr[-1])) <= np.iinfo(np.int32).max:
        indices, indptr = np.asarray(indices, np.int32), np.asarray(indptr, np.int32)
    return sparse.csc_array((data, indices, indptr), shape=shape)
