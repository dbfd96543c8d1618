"""Sparse optimization and statistics with certificates.

Names are imported when first used, so that ``import sparseopt`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

_HOME = {
    "BestSubsetRegressor": "sparseopt.estimators",
    "ConvergenceWarning": "sklearn.exceptions",
    "ElasticNet": "sparseopt.estimators",
    "ElasticNetCV": "sparseopt.estimators",
    "KroneckerOMP": "sparseopt.estimators",
    "KroneckerSBL": "sparseopt.estimators",
    "KroneckerSBLCoder": "sparseopt.estimators",
    "GroupLasso": "sparseopt.estimators",
    "GroupLassoCV": "sparseopt.estimators",
    "BCDResult": "sparseopt.solvers",
    "ConvergenceWarning": "sklearn.exceptions",
    "ElasticNet": "sparseopt.estimators",
    "ElasticNetCV": "sparseopt.estimators",
    "GraphLabelPropagation": "sparseopt.estimators",
    "Lasso": "sparseopt.estimators",
    "LassoCV": "sparseopt.estimators",
    "MultiTaskLasso": "sparseopt.estimators",
    "MultiTaskLassoCV": "sparseopt.estimators",
    "MCPRegressor": "sparseopt.estimators",
    "PathResult": "sparseopt.solvers",
    "Problem": "sparseopt.problem",
    "RandomSupportRegressor": "sparseopt.estimators",
    "Result": "sparseopt.solvers",
    "RowSketch": "sparseopt.solvers.sketch",
    "SketchedRegressor": "sparseopt.estimators",
    "TensorSRHT": "sparseopt.solvers.sketch",
    "fwht": "sparseopt.solvers.sketch",
    "lstsq_sketched": "sparseopt.solvers.sketch",
    "sketch_size": "sparseopt.solvers.sketch",
    "SBLRegressor": "sparseopt.estimators",
    "SpectralPeeling": "sparseopt.estimators",
    "SparseGroupLasso": "sparseopt.estimators",
    "SCADRegressor": "sparseopt.estimators",
    "block_coordinate_descent": "sparseopt.solvers",
    "SparseClassifier": "sparseopt.estimators",
    "SparseLogisticRegression": "sparseopt.estimators",
    "SparseLogisticRegressionCV": "sparseopt.estimators",
    "SparseRegressor": "sparseopt.estimators",
    "solution_path": "sparseopt.solvers",
    "solve": "sparseopt.solvers",
}
_MODULES = {
    "channel": "sparseopt.channel",
    "datasets": "sparseopt.datasets",
    "designs": "sparseopt.designs",
    "exceptions": "sparseopt.exceptions",
    "losses": "sparseopt.losses",
    "penalties": "sparseopt.penalties",
}

__all__ = [
    "BestSubsetRegressor",
    "ConvergenceWarning",
    "ElasticNet",
    "ElasticNetCV",
    "KroneckerOMP",
    "KroneckerSBL",
    "KroneckerSBLCoder",
    "GroupLasso",
    "GroupLassoCV",
    "BCDResult",
    "ConvergenceWarning",
    "ElasticNet",
    "ElasticNetCV",
    "GraphLabelPropagation",
    "Lasso",
    "LassoCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "MCPRegressor",
    "PathResult",
    "Problem",
    "RandomSupportRegressor",
    "Result",
    "RowSketch",
    "SketchedRegressor",
    "TensorSRHT",
    "SBLRegressor",
    "SpectralPeeling",
    "SparseGroupLasso",
    "SCADRegressor",
    "SparseClassifier",
    "SparseLogisticRegression",
    "SparseLogisticRegressionCV",
    "SparseRegressor",
    "__version__",
    "channel",
    "block_coordinate_descent",
    "datasets",
    "designs",
    "exceptions",
    "fwht",
    "losses",
    "lstsq_sketched",
    "penalties",
    "sketch_size",
    "solution_path",
    "solve",
]

if TYPE_CHECKING:
    from sklearn.exceptions import ConvergenceWarning

    from . import datasets, designs, exceptions, losses, penalties
    from .estimators import ElasticNet, ElasticNetCV, Lasso, LassoCV, SketchedRegressor
    from . import channel, datasets, designs, exceptions, losses, penalties
    from .estimators import (
        ElasticNet,
        ElasticNetCV,
        KroneckerOMP,
        KroneckerSBL,
        KroneckerSBLCoder,
        Lasso,
        LassoCV,
        SBLRegressor,
    )
    from .estimators import ElasticNet, ElasticNetCV, Lasso, LassoCV, RandomSupportRegressor, SpectralPeeling
    from .estimators import (
        ElasticNet,
        ElasticNetCV,
        GroupLasso,
        GroupLassoCV,
        Lasso,
        LassoCV,
        MultiTaskLasso,
        MultiTaskLassoCV,
        SparseGroupLasso,
    )
    from .estimators import BestSubsetRegressor, ElasticNet, ElasticNetCV, Lasso, LassoCV, MCPRegressor, SCADRegressor
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
    from .solvers.sketch import RowSketch, TensorSRHT, fwht, lstsq_sketched, sketch_size
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
