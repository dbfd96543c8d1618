"""Sparse optimization and statistics with certificates.

Names are imported when first used, so that ``import sparseopt`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

_HOME = {
    "BCDResult": "sparseopt.solvers",
    "ConvergenceWarning": "sklearn.exceptions",
    "ElasticNet": "sparseopt.estimators",
    "ElasticNetCV": "sparseopt.estimators",
    "GraphLabelPropagation": "sparseopt.estimators",
    "Lasso": "sparseopt.estimators",
    "LassoCV": "sparseopt.estimators",
    "PathResult": "sparseopt.solvers",
    "Problem": "sparseopt.problem",
    "Result": "sparseopt.solvers",
    "block_coordinate_descent": "sparseopt.solvers",
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
    "BCDResult",
    "ConvergenceWarning",
    "ElasticNet",
    "ElasticNetCV",
    "GraphLabelPropagation",
    "Lasso",
    "LassoCV",
    "PathResult",
    "Problem",
    "Result",
    "__version__",
    "block_coordinate_descent",
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
    from .estimators import ElasticNet, ElasticNetCV, GraphLabelPropagation, Lasso, LassoCV
    from .problem import Problem
    from .solvers import BCDResult, PathResult, Result, block_coordinate_descent, solution_path, solve


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
