"""Scikit-learn faces of the solvers, each imported when first used: one fit should not pay for all of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

_HOME = {
    "BestSubsetRegressor": "._best_subset",
    "ElasticNet": "._elastic_net",
    "ElasticNetCV": "._path_cv",
    "GraphLabelPropagation": "._label_propagation",
    "GroupLasso": "._group",
    "GroupLassoCV": "._group",
    "KroneckerOMP": "._kronecker_coder",
    "KroneckerSBL": "._kronecker_sbl",
    "KroneckerSBLCoder": "._kronecker_coder",
    "Lasso": "._elastic_net",
    "LassoCV": "._path_cv",
    "MCPRegressor": "._nonconvex",
    "MultiTaskLasso": "._multi_task",
    "MultiTaskLassoCV": "._multi_task",
    "RandomSupportRegressor": "._random_support",
    "SBLRegressor": "._sbl",
    "SCADRegressor": "._nonconvex",
    "SketchedRegressor": "._sketched",
    "SparseClassifier": "._sparse",
    "SparseGroupLasso": "._group",
    "SparseLogisticRegression": "._logistic",
    "SparseLogisticRegressionCV": "._logistic_cv",
    "SparseRegressor": "._sparse",
    "SpectralPeeling": "._spectral_peeling",
    "TurboVBIRegressor": "._turbo_vbi",
}

__all__ = [
    "BestSubsetRegressor",
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
    "RandomSupportRegressor",
    "SBLRegressor",
    "SCADRegressor",
    "SketchedRegressor",
    "SparseClassifier",
    "SparseGroupLasso",
    "SparseLogisticRegression",
    "SparseLogisticRegressionCV",
    "SparseRegressor",
    "SpectralPeeling",
    "TurboVBIRegressor",
]

if TYPE_CHECKING:
    from ._best_subset import BestSubsetRegressor
    from ._elastic_net import ElasticNet, Lasso
    from ._group import GroupLasso, GroupLassoCV, SparseGroupLasso
    from ._kronecker_coder import KroneckerOMP, KroneckerSBLCoder
    from ._kronecker_sbl import KroneckerSBL
    from ._label_propagation import GraphLabelPropagation
    from ._logistic import SparseLogisticRegression
    from ._logistic_cv import SparseLogisticRegressionCV
    from ._multi_task import MultiTaskLasso, MultiTaskLassoCV
    from ._nonconvex import MCPRegressor, SCADRegressor
    from ._path_cv import ElasticNetCV, LassoCV
    from ._random_support import RandomSupportRegressor
    from ._sbl import SBLRegressor
    from ._sketched import SketchedRegressor
    from ._sparse import SparseClassifier, SparseRegressor
    from ._spectral_peeling import SpectralPeeling
    from ._turbo_vbi import TurboVBIRegressor


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'sparseopt.estimators' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
