"""Scikit-learn faces of the solvers."""

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
]
