"""Least squares for arrays."""

from __future__ import annotations

import warnings
from dataclasses import replace

from sklearn.exceptions import ConvergenceWarning

from ..._threads import resolve_n_threads
from ..._validation import check_sample_weight
from ._options import as_rows, as_targets, check_options, draw_seed
from .driver import solve_rows
from .rows import Rows


def lstsq_sketched(A, b, *, tol="machine", solver="auto", sketch="blocksum", m="auto", eps=0.5, delta=0.01, alpha=0.0,
                   sample_weight=None, max_iter=100, random_state=None, n_threads=None, comm=None):  # fmt: skip
    r"""Minimise :math:`\|A x - b\|_2` for a tall matrix, reading it a few times and never copying it.

    Parameters
    ----------
    A : array-like or sparse matrix of shape (n, p)
        Dense float32 or float64 of any order is used where it lies, in memory or mapped from a file.
    b : array-like of shape (n,) or (n, k)
    tol : {"machine", "statistical"} or float, default="machine"
        "machine": backward stable, as if solved by QR. "statistical": every coefficient within a twentieth of its
        standard error. A number: the excess of the objective relative to the objective at zero.
    solver : {"auto", "sketch_solve", "heavy_ball", "spir", "fossils", "csne", "lapack"}
        "sketch_solve" reads A once. "heavy_ball", "spir" (conjugate gradients) and "fossils" refine its answer; short
        of "machine" "heavy_ball" takes conjugate steps too, and certifies the last one without reading A again.
        "csne" factors A'A, "lapack" is the singular value decomposition. "auto" takes the fastest that reaches `tol`.
    sketch : {"blocksum", "srht", "gaussian", "sjlt", "countsketch"}
        See :class:`RowSketch`; sparse matrices are sketched by "sjlt".
    m : "auto" or int
        Rows of the sketch.
    eps, delta : float
        Where `m` is "auto" and `solver` "sketch_solve": see :func:`sketch_size`. `delta` is also the probability with
        which bounds may fail.
    alpha : float, default=0.0
        Ridge penalty: the objective is ``|| A x - b ||^2 / (2 n) + alpha / 2 || x ||^2``.
    sample_weight : array-like of shape (n,), optional
    max_iter : int, default=100
        Most iterations, each of which reads A once.
    random_state : int, RandomState or None
        An integer makes the result reproducible.
    n_threads : int, optional
        As in :class:`Lasso`. The result does not depend on it.
    comm : MPI communicator, optional
        Then `A` and `b` are the rows of this rank, and every rank gets the same result.

    Returns
    -------
    LeastSquaresResult
        With ``x, bound, stderr, backward_error, n_iter, n_passes, rank, cond, solver, converged``.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((4000, 30))
    >>> b = A @ np.ones(30) + rng.standard_normal(4000)
    >>> result = so.lstsq_sketched(A, b, random_state=0)
    >>> np.allclose(result.x, np.linalg.lstsq(A, b)[0], rtol=0, atol=1e-13)
    True
    >>> bool(result.backward_error < 1e-15)
    True
    """
    check_options(solver, tol, sketch, m, eps, delta, alpha, max_iter)
    if comm is not None and not hasattr(comm, "Allreduce"):
        raise TypeError(f"comm must be None or an MPI communicator, got {comm!r}")
    threads = resolve_n_threads(n_threads)
    A = as_rows(A, "A")
    Y = as_targets(b, A.shape[0], "b")
    weights = check_sample_weight(sample_weight, A.shape[0])
    rows = Rows(A, Y, weights, n_threads=threads, comm=comm)
    rows.ridge[:] = alpha * rows.total_weight
    seed = draw_seed(random_state)
    if comm is not None:
        seed = comm.bcast(seed)
    result = solve_rows(rows, solver=solver, tol=tol, sketch=sketch, m=m, eps=eps, delta=delta, seed=seed,
                        max_iter=int(max_iter))  # fmt: skip
    if not result.converged:
        warnings.warn(not_converged(result, tol, max_iter), ConvergenceWarning, stacklevel=2)
    return squeeze(result) if getattr(b, "ndim", 1) == 1 else result


def squeeze(result):
    """Return the result of one target without the axis of targets."""
    names = ("x", "bound", "stderr", "sketched", "half_width", "shift")
    columns = {name: None if getattr(result, name) is None else getattr(result, name)[:, 0] for name in names}
    return replace(result, **columns, backward_error=float(result.backward_error[0]), gap=float(result.gap[0]))


def not_converged(result, tol, max_iter):
    """Return what was reached, what was asked, and what to change."""
    reached = f"backward error {result.backward_error.max():.1e}, objective within {result.gap.max():.1e}"
    return (
        f"solver {result.solver!r} ended after {result.n_iter} iterations with {reached}, short of tol={tol!r}; "
        f"increase max_iter (now {max_iter}) or m (now {result.sketch_size}), or use solver='spir'"
    )
