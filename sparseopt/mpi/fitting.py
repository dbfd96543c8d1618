"""Fitting an estimator to rows that are spread over ranks."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from importlib import import_module

import joblib
import numpy as np
from scipy import sparse

from .._ranks import spread_over
from .._threads import resolve_n_threads
from .._validation import check_option
from ..exceptions import IncompatibleError, InvalidProblemError
from ..solvers.checkpoint import Checkpoint, kept_in
from .agreement import assert_replicated, compare, together
from .guard import guarded
from .ranks import MpiRanks
from .reading import read_rows
from .wide import ColumnRanks

LOCAL = ("verbose", "n_threads", "n_jobs")  # parameters that may differ between ranks


def fit(estimator, data, comm=None, *, sample_weight=None, checkpoint=None, spread="rows", **reading):
    """Fit an estimator to data that lie on several MPI ranks, as if one process held them all.

    Collective: all ranks call it. The estimator is fitted in place on every rank and is the same on all of them; it
    holds no trace of MPI, and predicts, pickles and scores like any other.

    Parameters
    ----------
    estimator : estimator
        Of the linear regressors and classifiers of this package, without or with cross-validation,
        `SketchedRegressor`, and `TurboVBIRegressor`. Parameters must be the same on all ranks.
    data : path-like, or tuple (X_local, y_local)
        A file, of which each rank reads its part (see `read_rows`), or the rows of this rank, in the order of the
        ranks. Ranks may hold different numbers of rows, or none.
    comm : mpi4py communicator, optional
        Default: ``COMM_WORLD``.
    sample_weight : array-like of shape (n_local,), optional
    checkpoint : path-like or Checkpoint, optional
        A folder in which the first rank keeps finished alphas, so that the same call continues after it was killed.
        The work of a fit is kept with the problem it belongs to; another fit is refused.
    spread : {"rows", "columns"}, default="rows"
        What lies on the ranks. With "columns" the data are a tuple: the columns of this rank, in the order of the
        ranks, and y of all samples; for dense tables with few rows and very many columns (see :class:`ColumnDesign`).
    **reading
        Options of `read_rows`.

    Returns
    -------
    estimator

    Raises
    ------
    RankMismatchError
        Before any work, when ranks disagree on columns, types, the seed or parameters.
    InvalidProblemError
        On all ranks, when the data of any rank cannot be used; the message names the rank.
    IncompatibleError
        When the estimator cannot be fitted to rows on several ranks.

    Notes
    -----
    Results are those of a serial fit up to rounding. A rank that fails alone, or is killed, ends all ranks within
    seconds. Cross-validation visits one fold after the other, each on all ranks; splitters other than scikit-learn's
    ``KFold`` gather y on every rank.

    Examples
    --------
    >>> import sparseopt as so
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = so.mpi.fit(so.Lasso(alpha=0.5), (X, y))  # under mpiexec: the rows of this rank
    >>> model.support_
    array([2, 3, 6, 8])
    """
    ranks = comm if isinstance(comm, MpiRanks) else MpiRanks(comm)
    with guarded(ranks):
        together(ranks, lambda: _check_estimator(estimator, spread, data))
        names = None
        if not isinstance(data, tuple):
            table = read_rows(data, ranks, **reading)
            data, names = (table.X, table.y), table.feature_names
        X, y, weights = together(ranks, lambda: _check_rows(estimator, data, sample_weight))
        by_columns = spread == "columns"
        compare(ranks, {"spread": spread} | _facts(estimator, X, y, weights, by_columns))
        if ranks.place(np.shape(X)[0])[1] == 0:
            raise InvalidProblemError("no rank holds any rows")
        keeper = checkpoint if isinstance(checkpoint, Checkpoint | None) else Checkpoint(checkpoint)
        one_after_the_other = joblib.parallel_config(backend="sequential")
        across = ColumnRanks(ranks) if by_columns else ranks
        with quiet(estimator, ranks), spread_over(across), kept_in(keeper), one_after_the_other:
            options = {} if weights is None else dict(sample_weight=weights)
            try:
                estimator.fit(X, y, **options)
            except ValueError as error:
                _name_the_rank(ranks, X, error)
                raise
        if by_columns:
            _name_all_columns(estimator, ranks, np.shape(X)[1])
        if names is not None and not isinstance(names, range) and all(isinstance(name, str) for name in names):
            estimator.feature_names_in_ = np.asarray(names, dtype=object)  # as of a DataFrame
        assert_replicated(_fitted(estimator), ranks, what=f"fitted {type(estimator).__name__}")
    return estimator


def _check_estimator(estimator, spread, data) -> None:
    check_option("spread", spread, ("columns", "rows"))
    if not getattr(estimator, f"_takes_spread_{spread}", False):
        home = import_module("sparseopt.estimators")
        able = [name for name in home.__all__ if getattr(getattr(home, name), f"_takes_spread_{spread}", False)]
        raise IncompatibleError(
            f"{type(estimator).__name__} cannot be fitted to {spread} on several ranks; these can: {', '.join(able)}"
        )
    if spread == "columns" and not isinstance(data, tuple):
        raise InvalidProblemError(f"files are read by rows; spread='columns' needs a tuple (X, y), got {data!r}")


def _check_rows(estimator, data, sample_weight):
    """Return X, y and weights of this rank; what is wrong with them alone is found here, before others wait."""
    if len(data) != 2:
        raise InvalidProblemError(f"data must be a path or a tuple (X, y), got {len(data)} items")
    X, y = data
    X = X if sparse.issparse(X) or hasattr(X, "__array__") else np.asarray(X)
    if len(np.shape(X)) != 2:
        raise InvalidProblemError(f"X must have two dimensions, got shape {np.shape(X)}")
    if y is None:
        raise InvalidProblemError("y is missing")
    y = np.asarray(y)
    n = np.shape(X)[0]
    if y.shape[:1] != (n,):
        raise InvalidProblemError(f"X has {n} rows, y has shape {y.shape}")
    if y.dtype.kind in "fc" and not np.all(np.isfinite(y)):
        raise InvalidProblemError("Input y contains NaN or infinity")
    if getattr(estimator, "_checks_own_rows", False):
        entries = X.data if sparse.issparse(X) else np.asarray(X)
        if entries.dtype.kind in "fc" and not np.all(np.isfinite(entries)):
            raise InvalidProblemError("Input X contains NaN or infinity")
    if sample_weight is None:
        return X, y, None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise InvalidProblemError(f"sample_weight has shape {weights.shape}, X has {n} rows")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0.0):
        raise InvalidProblemError("sample_weight must be finite and >= 0")
    return X, y, weights


def _facts(estimator, X, y, weights, by_columns) -> dict:
    """What must be the same on all ranks, by the name that a message gives it."""
    shared = (
        {"rows of X": np.shape(X)[0], "y": y, "weights": weights} if by_columns else {"columns of X": np.shape(X)[1]}
    )
    facts = {
        "estimator": type(estimator).__name__,
        **shared,
        "dtype of X": str(X.dtype) if hasattr(X, "dtype") else sorted({str(dtype) for dtype in X.dtypes}),
        "sparse": sparse.issparse(X),
        "columns of y": y.shape[1:],
        "kind of y": {"b": "number", "i": "number", "u": "number", "f": "number"}.get(y.dtype.kind, "label"),
        "sample_weight": weights is not None,
        "names of columns": hasattr(X, "columns") if by_columns else list(getattr(X, "columns", [])),
    }
    facts.update({name: value for name, value in estimator.get_params().items() if name not in LOCAL})
    return facts


@contextlib.contextmanager
def quiet(estimator, ranks: MpiRanks) -> Iterator[None]:
    """Let one rank speak for all, and share the cores of a machine between its ranks."""
    params = estimator.get_params(deep=False)
    changed = {}
    if ranks.index > 0 and "verbose" in params:
        changed["verbose"] = 0
    if params.get("n_threads", 1) is None and not os.environ.get("OMP_NUM_THREADS"):
        changed["n_threads"] = max(1, resolve_n_threads() // ranks.on_this_machine())
    estimator.set_params(**changed)
    try:
        with warnings.catch_warnings():
            if ranks.index > 0:
                warnings.simplefilter("ignore")
            yield
    finally:
        estimator.set_params(**{name: params[name] for name in changed})


def _name_the_rank(ranks: MpiRanks, X, error: ValueError) -> None:
    """Raise with the rank whose X is not finite, where that is the reason."""
    if not any(word in str(error) for word in ("NaN", "infinity")):
        return
    entries = X.data if sparse.issparse(X) else np.asarray(X)
    bad = [k for k, each in enumerate(ranks.shared(not np.all(np.isfinite(entries)))) if each]
    if bad:
        raise type(error)(f"{error} (on rank {', '.join(map(str, bad))})") from error


def _name_all_columns(estimator, ranks: MpiRanks, n_here: int) -> None:
    """Let an estimator know the columns of all ranks, as if it had seen them."""
    estimator.n_features_in_ = int(ranks.total(float(n_here)))
    if hasattr(estimator, "feature_names_in_"):
        names = np.concatenate(ranks.shared(estimator.feature_names_in_))
        for one in (estimator, getattr(estimator, "peeler_", None)):
            if one is not None:
                one.feature_names_in_ = names


def _fitted(estimator) -> dict:
    names = [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
    return {name: getattr(estimator, name) for name in names}
