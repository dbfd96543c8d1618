"""Transforming rows that are spread over ranks: independent problems, dealt out, without a message while they last."""

from __future__ import annotations

from importlib import import_module
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import clone

from ..exceptions import IncompatibleError, InvalidProblemError
from .agreement import compare, together
from .fitting import LOCAL, quiet
from .guard import guarded
from .ranks import MpiRanks
from .reading import read_rows


def transform(estimator, data, comm=None, *, gather=False, **reading):
    """Transform rows that lie on several MPI ranks, each rank its own.

    For transformers to which every row is a problem of its own: the users of
    :class:`~sparseopt.KroneckerSBLCoder`. Ranks solve theirs without asking each other; what a row becomes
    does not depend on where it lies. Collective.

    Parameters
    ----------
    estimator : KroneckerSBLCoder
        Need not be fitted. Parameters must be the same on all ranks; it is not changed. Of a noise variance for each
        user every rank holds all.
    data : path-like, or array-like of shape (n_local, n_features)
        A file, of which each rank reads its part (see `read_rows`), or the rows of this rank, in the order of the
        ranks. Ranks may hold different numbers of rows, or none.
    comm : mpi4py communicator, optional
        Default: ``COMM_WORLD``.
    gather : bool, default=False
        Whether every rank gets the codes of all rows, in their order, instead of its own.
    **reading
        Options of `read_rows`.

    Returns
    -------
    ndarray or CSR matrix of shape (n_local, n_codes), or (n_total, n_codes) with `gather`

    Raises
    ------
    RankMismatchError
        Before any work, when ranks disagree on columns, types or parameters.
    InvalidProblemError
        On all ranks, when the rows of any rank cannot be used; the message names the rank.
    IncompatibleError
        When the estimator is not such a transformer.

    Examples
    --------
    >>> import numpy as np
    >>> import sparseopt as so
    >>> rng = np.random.default_rng(0)
    >>> H = [rng.standard_normal((8, 12)), rng.standard_normal((9, 12))]
    >>> Y = np.outer([1.0, 2.0, -1.0], np.kron(H[0][:, 3], H[1][:, 4])) + 0.01 * rng.standard_normal((3, 72))
    >>> codes = so.mpi.transform(so.KroneckerSBLCoder(H), Y)  # under mpiexec: the rows of this rank
    >>> codes.shape, np.abs(codes).argmax(axis=1) == 3 * 12 + 4
    ((3, 144), array([ True,  True,  True]))
    """
    ranks = comm if isinstance(comm, MpiRanks) else MpiRanks(comm)
    with guarded(ranks):
        together(ranks, lambda: _check_estimator(estimator))
        if not hasattr(data, "__array__") and not isinstance(data, list | tuple):
            data = read_rows(data, ranks, require_target=False, **reading).X
        X = together(ranks, lambda: _check_rows(data))
        facts = {"estimator": type(estimator).__name__, "columns of X": X.shape[1], "dtype of X": str(X.dtype)}
        params = estimator.get_params()
        compare(ranks, facts | {name: value for name, value in params.items() if name not in LOCAL})
        first, total = ranks.place(len(X))
        if total == 0:
            raise InvalidProblemError("no rank holds any rows")
        local = clone(estimator)
        noise = params.get("noise_variance")
        if noise is not None and not isinstance(noise, Real):
            noise = np.asarray(noise)
            if noise.shape != (total,):
                raise InvalidProblemError(f"noise_variance has shape {noise.shape}, the ranks hold {total} rows")
            local.set_params(noise_variance=noise[first : first + len(X)])
        if params.get("random_state") is None and params.get("n_init", 1) not in (1, "auto"):
            local.set_params(random_state=ranks.same(int(np.random.default_rng().integers(2**31))))
        with quiet(local, ranks):
            codes = together(ranks, lambda: local.fit(X).transform(X) if len(X) else None)
        return _codes(codes, ranks, gather)


def _check_estimator(estimator) -> None:
    if not getattr(estimator, "_transforms_spread_rows", False):
        home = import_module("sparseopt.estimators")
        able = [name for name in home.__all__ if getattr(getattr(home, name), "_transforms_spread_rows", False)]
        raise IncompatibleError(
            f"{type(estimator).__name__} cannot transform rows on several ranks; these can: {', '.join(able)}"
        )


def _check_rows(data):
    if sparse.issparse(data):
        raise InvalidProblemError("the rows must be dense, got a sparse matrix")
    X = np.asarray(data)
    if X.ndim != 2 or X.dtype.kind not in "fiubc":
        raise InvalidProblemError(f"the rows must be a matrix of numbers, got shape {X.shape} of {X.dtype}")
    return X


def _codes(codes, ranks: MpiRanks, gather: bool):
    """Return what this rank gets; a rank without rows learns from others what theirs look like."""
    kinds = ranks.shared(None if codes is None else (codes.shape[1], codes.dtype.str, sparse.issparse(codes)))
    width, dtype, is_sparse = next(kind for kind in kinds if kind is not None)
    dtype = np.result_type(*(np.dtype(kind[1]) for kind in kinds if kind is not None))
    if codes is None:
        codes = sparse.csr_matrix((0, width), dtype=dtype) if is_sparse else np.zeros((0, width), dtype=dtype)
    if not gather:
        return codes
    if is_sparse:
        return sparse.vstack(ranks.shared(codes), format="csr")
    return np.concatenate(ranks.shared(codes))
