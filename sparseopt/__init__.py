"""Sparse optimization and statistics with certificates.

Names are imported when first used, so that ``import sparseopt`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

_HOME = {
    "ConvergenceWarning": "sklearn.exceptions",
    "ElasticNet": "sparseopt.estimators",
    "ElasticNetCV": "sparseopt.estimators",
    "Lasso": "sparseopt.estimators",
    "LassoCV": "sparseopt.estimators",
    "PathResult": "sparseopt.solvers",
    "Problem": "sparseopt.problem",
    "Result": "sparseopt.solvers",
    "SparseClassifier": "sparseopt.estimators",
    "SparseLogisticRegression": "sparseopt.estimators",
    "SparseLogisticRegressionCV": "sparseopt.estimators",
    "SparseRegressor": "sparseopt.estimators",
    "solution_path": "sparseopt.solvers",
    "solve": "sparseopt.solvers",
}
_MODULES = {
    "datasets": "sparseopt.datasets",
    "designs": "sparseopt.designs",
    "exceptions": "sparseopt.exceptions",
    "losses": "sparseopt.losses",
    "penalties": "sparseopt.penalties",
}

__all__ = [
    "ConvergenceWarning",
    "ElasticNet",
    "ElasticNetCV",
    "Lasso",
    "LassoCV",
    "PathResult",
    "Problem",
    "Result",
    "SparseClassifier",
    "SparseLogisticRegression",
    "SparseLogisticRegressionCV",
    "SparseRegressor",
    "__version__",
    "datasets",
    "designs",
    "exceptions",
    "losses",
    "penalties",
    "solution_path",
    "solve",
]

if TYPE_CHECKING:
    from sklearn.exceptions import ConvergenceWarning

    from . import datasets, designs, exceptions, losses, penalties
    from .estimators import (
        ElasticNet,
        ElasticNetCV,
        Lasso,
        LassoCV,
        SparseClassifier,
        SparseLogisticRegression,
        SparseLogisticRegressionCV,
        SparseRegressor,
    )
    from .problem import Problem
    from .solvers import PathResult, Result, solution_path, solve


def __getattr__(name: str):
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'sparseopt' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
