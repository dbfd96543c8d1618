"""Sparse optimization and statistics with certificates.

Names are imported when first used, so that ``import sparseopt`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy_names
from ._version import __version__

_HOME = {
    "BCDResult": "sparseopt.solvers",
    "BestSubsetRegressor": "sparseopt.estimators",
    "ConvergenceWarning": "sklearn.exceptions",
    "ElasticNet": "sparseopt.estimators",
    "ElasticNetCV": "sparseopt.estimators",
    "GraphLabelPropagation": "sparseopt.estimators",
    "GroupLasso": "sparseopt.estimators",
    "GroupLassoCV": "sparseopt.estimators",
    "KroneckerOMP": "sparseopt.estimators",
    "KroneckerSBL": "sparseopt.estimators",
    "KroneckerSBLCoder": "sparseopt.estimators",
    "Lasso": "sparseopt.estimators",
    "LassoCV": "sparseopt.estimators",
    "MCPRegressor": "sparseopt.estimators",
    "MultiTaskLasso": "sparseopt.estimators",
    "MultiTaskLassoCV": "sparseopt.estimators",
    "PathResult": "sparseopt.solvers",
    "Problem": "sparseopt.problem",
    "RandomSupportRegressor": "sparseopt.estimators",
    "Result": "sparseopt.solvers",
    "RowSketch": "sparseopt.solvers.sketch",
    "SBLRegressor": "sparseopt.estimators",
    "SCADRegressor": "sparseopt.estimators",
    "SketchedRegressor": "sparseopt.estimators",
    "SparseClassifier": "sparseopt.estimators",
    "SparseGroupLasso": "sparseopt.estimators",
    "SparseLogisticRegression": "sparseopt.estimators",
    "SparseLogisticRegressionCV": "sparseopt.estimators",
    "SparseRegressor": "sparseopt.estimators",
    "SpectralPeeling": "sparseopt.estimators",
    "TensorSRHT": "sparseopt.solvers.sketch",
    "TurboVBIRegressor": "sparseopt.estimators",
    "block_coordinate_descent": "sparseopt.solvers",
    "fwht": "sparseopt.solvers.sketch",
    "lstsq_sketched": "sparseopt.solvers.sketch",
    "sketch_size": "sparseopt.solvers.sketch",
    "solution_path": "sparseopt.solvers",
    "solve": "sparseopt.solvers",
}
_MODULES = {
    "bridge": "sparseopt.bridge",
    "channel": "sparseopt.channel",
    "datasets": "sparseopt.datasets",
    "designs": "sparseopt.designs",
    "exceptions": "sparseopt.exceptions",
    "losses": "sparseopt.losses",
    "mpi": "sparseopt.mpi",
    "penalties": "sparseopt.penalties",
    "supports": "sparseopt.supports",
}

__all__ = [
    "BCDResult",
    "BestSubsetRegressor",
    "ConvergenceWarning",
    "ElasticNet",
    "ElasticNetCV",
    "GraphLabelPropagation",
    "GroupLasso",
    "GroupLassoCV",
    "KroneckerOMP",
    "KroneckerSBL",
    "KroneckerSBLCoder",
    "Lasso",
    "LassoCV",
    "MCPRegressor",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "PathResult",
    "Problem",
    "RandomSupportRegressor",
    "Result",
    "RowSketch",
    "SBLRegressor",
    "SCADRegressor",
    "SketchedRegressor",
    "SparseClassifier",
    "SparseGroupLasso",
    "SparseLogisticRegression",
    "SparseLogisticRegressionCV",
    "SparseRegressor",
    "SpectralPeeling",
    "TensorSRHT",
    "TurboVBIRegressor",
    "__version__",
    "block_coordinate_descent",
    "bridge",
    "channel",
    "datasets",
    "designs",
    "exceptions",
    "fwht",
    "losses",
    "lstsq_sketched",
    "mpi",
    "penalties",
    "sketch_size",
    "solution_path",
    "solve",
    "supports",
]

if TYPE_CHECKING:
    from sklearn.exceptions import ConvergenceWarning

    from . import bridge, channel, datasets, designs, exceptions, losses, mpi, penalties, supports
    from .estimators import (
        BestSubsetRegressor,
        ElasticNet,
        ElasticNetCV,
        GraphLabelPropagation,
        GroupLasso,
        GroupLassoCV,
        KroneckerOMP,
        KroneckerSBL,
        KroneckerSBLCoder,
        Lasso,
        LassoCV,
        MCPRegressor,
        MultiTaskLasso,
        MultiTaskLassoCV,
        RandomSupportRegressor,
        SBLRegressor,
        SCADRegressor,
        SketchedRegressor,
        SparseClassifier,
        SparseGroupLasso,
        SparseLogisticRegression,
        SparseLogisticRegressionCV,
        SparseRegressor,
        SpectralPeeling,
        TurboVBIRegressor,
    )
    from .problem import Problem
    from .solvers import BCDResult, PathResult, Result, block_coordinate_descent, solution_path, solve
    from .solvers.sketch import RowSketch, TensorSRHT, fwht, lstsq_sketched, sketch_size

__getattr__ = lazy_names(globals(), _HOME, _MODULES, first="sklearn.base")


def __dir__() -> list[str]:
    return sorted(__all__)
