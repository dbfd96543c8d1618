"""The fast Walsh-Hadamard transform."""

from __future__ import annotations

import numpy as np

from ..._ext._sketch import walsh_hadamard
from ..._threads import resolve_n_threads
from ..._validation import check_flag
from ...exceptions import InvalidProblemError


def fwht(X, axis=0, *, out=None, orthonormal=False, n_threads=None):
    r"""Multiply an array by the Walsh-Hadamard matrix along one axis, in ``n log2 n`` additions.

    The matrix is that of :func:`scipy.linalg.hadamard`: entries plus and minus one, symmetric, ``H @ H = n I``.

    Parameters
    ----------
    X : array-like
        Real; its length along `axis` must be a power of two. float32 stays float32, everything else becomes float64.
    axis : int, default=0
    out : ndarray, optional
        Where to write, of the shape and type of the result; may be X itself.
    orthonormal : bool, default=False
        Whether to divide by the square root of the length, which makes the transform its own inverse.
    n_threads : int, optional
        As in :class:`Lasso`. The result does not depend on it.

    Returns
    -------
    ndarray of the shape of X

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> so.fwht(np.array([1.0, 0.0, 1.0, 0.0]))
    array([2., 2., 0., 0.])
    """
    X = np.asarray(X)
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must hold real numbers, got {X.dtype}")
    if X.ndim == 0:
        raise InvalidProblemError("X must have at least one axis")
    check_flag("orthonormal", orthonormal)
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)) or not -X.ndim <= axis < X.ndim:
        raise ValueError(f"axis must be an integer in [{-X.ndim}, {X.ndim - 1}], got {axis!r}")
    axis %= X.ndim
    n = X.shape[axis]
    if n < 1 or n & (n - 1):
        raise InvalidProblemError(f"the length along axis {axis} must be a power of two, got {n}")
    dtype = np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
    if out is not None and (not isinstance(out, np.ndarray) or out.shape != X.shape or out.dtype != dtype):
        raise ValueError(f"out must be a {dtype} array of shape {X.shape}, got {getattr(out, 'shape', out)!r}")
    # an axis that lies contiguously in memory is transformed where it lies, whatever its number
    lies = np.argsort([-abs(step) for step in X.strides], kind="stable") if X.flags.f_contiguous else range(X.ndim)
    lies = tuple(int(a) for a in lies)
    work = np.array(X.transpose(lies), dtype=dtype, order="C", copy=True)
    at = lies.index(axis)
    outer, inner = int(np.prod(work.shape[:at])), int(np.prod(work.shape[at + 1 :]))
    threads = resolve_n_threads(n_threads)
    if inner == 1 and n >= 16:  # vectors of neighbours: levels of strides 8 and more, then the first three
        walsh_hadamard(work.reshape(outer, n // 8, 8), threads)
        walsh_hadamard(work.reshape(outer * (n // 8), 8, 1), threads)
    else:
        walsh_hadamard(work.reshape(outer, n, inner), threads)
    if orthonormal:
        work *= n**-0.5
    result = work.transpose(np.argsort(lies))
    if out is None:
        return result
    out[...] = result
    return out
