"""Triangular factors, their inverses, and products with these.

BLAS multiplies real matrices two to three times as fast as it solves with a triangle of a few hundred rows. So a real
triangle is inverted by halves, which is mostly products, and then multiplies; complex products have no such lead.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from ..sbl.columns import adjoint_product

LEAF = 64  # rows of a triangle that LAPACK inverts as fast as halves do


def factor(gram, root):
    """Return L and its inverse for L L^H = I + diag(root) gram diag(root)."""
    B = gram * root[:, None]
    B *= root
    B = B.T if B.dtype.kind != "c" and B.flags.c_contiguous else np.asfortranarray(B)  # it is symmetric
    diagonal(B)[:] += 1.0
    L = cholesky(B)
    return L, inverse_of(L)


def solve_inverse(inverse, root, adjoint):
    """Return the mean and the diagonal of the inverse matrix."""
    return root * adjoint_product(inverse, inverse @ (root * adjoint)), square_sums(inverse)


def cholesky(B):
    """Return the lower factor in place of a positive definite matrix in Fortran order."""
    decompose = get_lapack_funcs("potrf", dtype=B.dtype)
    L, info = decompose(B, lower=1, overwrite_a=1, clean=1)
    if info != 0:  # all eigenvalues are at least 1: this takes values that are not numbers
        raise FloatingPointError("the posterior covariance is not finite")
    return L


def inverse_of(L):
    """Return the inverse of a lower triangle, in Fortran order."""
    leaf = get_lapack_funcs("trtri", dtype=L.dtype)
    if L.dtype.kind == "c" or len(L) <= LEAF:
        return leaf(L, lower=1)[0]
    out = np.zeros_like(L, order="F")
    _invert(L, out, leaf)
    return out


def _invert(L, out, leaf):
    if len(L) <= LEAF:
        out[:] = leaf(L, lower=1)[0]
        return
    half = len(L) // 2
    top, low = slice(None, half), slice(half, None)
    _invert(L[top, top], out[top, top], leaf)
    _invert(L[low, low], out[low, low], leaf)
    np.negative(out[low, low] @ (L[low, top] @ out[top, top]), out=out[low, top])


def whitener(L):
    """Return a function that overwrites V, in Fortran order, by L^-1 V."""
    if L.dtype.kind == "c":
        solve, triangle = get_blas_funcs("trsm", dtype=L.dtype), L
    else:
        solve, triangle = get_blas_funcs("trmm", dtype=L.dtype), inverse_of(L)
    return lambda V: solve(1.0, triangle, V, lower=1, overwrite_b=1)


def whiten_rows(L, inverse, root, W):
    """Return L^-1 diag(root) W in the precision of W, which is in C order and overwritten."""
    # the transpose is what BLAS overwrites without a copy
    if W.dtype.kind == "c":
        W *= root.astype(W.real.dtype)[:, None]
        solve, triangle = get_blas_funcs("trsm", dtype=W.dtype), L.astype(W.dtype)
    else:
        solve, triangle = get_blas_funcs("trmm", dtype=W.dtype), (inverse * root).astype(W.dtype)
    return solve(1.0, triangle, W.T, side=1, lower=1, trans_a=1, overwrite_b=1).T


def lower_solve(L, v, adjoint=False):
    """Return L^-1 v, or L^-H v."""
    solve = get_blas_funcs("trsm", dtype=np.result_type(L, v))
    out = solve(1.0, L, v[:, None], lower=1, trans_a=2 if adjoint else 0)
    return out[:, 0]


def square_sums(V):
    """Return the squared norms of columns."""
    if V.dtype.kind == "c":
        return np.einsum("ij,ij->j", V.real, V.real) + np.einsum("ij,ij->j", V.imag, V.imag)
    return np.einsum("ij,ij->j", V, V)


def diagonal(A):
    """Return the diagonal of a contiguous square matrix, as a view to write to."""
    return A.reshape(-1, order="A")[:: len(A) + 1]
