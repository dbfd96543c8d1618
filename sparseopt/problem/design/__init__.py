"""Design matrices: dense, sparse, Kronecker products, and implicitly standardised."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ..._ranks import current_ranks
from ._base import Design
from .csc import CscDesign
from .dense import DenseDesign
from .kronecker import KroneckerDesign
from .standardized import Standardized

__all__ = ["CscDesign", "DenseDesign", "Design", "KroneckerDesign", "Standardized", "as_design"]


def as_design(X) -> Design:
    """Return X as a `Design`, copying nothing that can be used where it lies.

    Parameters
    ----------
    X : array-like, scipy sparse matrix or array, or Design, of shape (n, p)
        Dense float64 or float32 with unit stride along one axis (Fortran or C order, a read-only or
        memory-mapped array too) and CSC with 32- or 64-bit indices are used where they are. Everything
        else is converted once: other strides to Fortran order, other sparse formats to CSC (CSR costs a
        copy of its entries), integers and booleans to float64. Unsorted or duplicate CSC entries are put
        in order in a copy.

    Returns
    -------
    Design

    Raises
    ------
    TypeError
        For complex or object entries.
    ValueError
        When X is not two-dimensional or its sparse structure is broken.

    Examples
    --------
    >>> import numpy as np
    >>> from sparseopt.designs import as_design
    >>> as_design(np.ones((3, 2)))
    DenseDesign(3 x 2, float64)
    """
    if isinstance(X, Design):
        return X
    return current_ranks().spread(_local_design(X))


def _local_design(X) -> Design:
    if sparse.issparse(X):
        return CscDesign(_as_csc(X))
    X = np.asarray(X)
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions, has {X.ndim}")
    dtype = _float_type(X.dtype)
    item = dtype.itemsize
    fortran = X.strides[0] == item and X.strides[1] >= item * X.shape[0]
    c_order = X.strides[1] == item and X.strides[0] >= item * X.shape[1]
    whole = X.strides[0] % item == 0 and X.strides[1] % item == 0
    if X.dtype != dtype or not X.flags.aligned or not whole or not (fortran or c_order):
        X = np.array(X, dtype=dtype, order="F")
    return DenseDesign(X)


def _float_type(dtype: np.dtype) -> np.dtype:
    if dtype.kind == "c":
        raise TypeError(f"X must be real, got {dtype}; complex designs belong to the Bayesian estimators")
    if dtype.kind not in "fiub":
        raise TypeError(f"X must hold numbers, got dtype {dtype}")
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)


def _as_csc(X):
    dtype = _float_type(X.dtype)
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions, has {X.ndim}")
    if X.format != "csc":
        X = X.tocsc()
    if X.data.dtype != dtype or not X.data.dtype.isnative:
        X = X.astype(dtype)
    if X.indices.dtype not in (np.int32, np.int64) or X.indptr.dtype not in (np.int32, np.int64):
        raise ValueError(f"sparse indices must be 32- or 64-bit integers, got {X.indices.dtype}")
    if np.any(np.diff(X.indptr) < 0) or X.indptr[0] != 0:
        raise ValueError("the sparse structure of X is broken: indptr must start at 0 and not decrease")
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    if not all(part.flags.c_contiguous and part.flags.aligned for part in (X.data, X.indices)):
        X = X.copy()
    return X
