"""Scikit-learn faces of the solvers."""

from ._best_subset import BestSubsetRegressor
from ._elastic_net import ElasticNet, Lasso
from ._group import GroupLasso, GroupLassoCV, SparseGroupLasso
from ._kronecker_coder import KroneckerOMP, KroneckerSBLCoder
from ._kronecker_sbl import KroneckerSBL
from ._multi_task import MultiTaskLasso, MultiTaskLassoCV
from ._nonconvex import MCPRegressor, SCADRegressor
from ._label_propagation import GraphLabelPropagation
from ._path_cv import ElasticNetCV, LassoCV
from ._sketched import SketchedRegressor

__all__ = ["ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "SketchedRegressor"]
from ._sbl import SBLRegressor

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "KroneckerOMP",
    "KroneckerSBL",
    "KroneckerSBLCoder",
    "Lasso",
    "LassoCV",
    "SBLRegressor",
]
from ._random_support import RandomSupportRegressor
from ._spectral_peeling import SpectralPeeling

__all__ = ["ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "RandomSupportRegressor", "SpectralPeeling"]
__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GroupLasso",
    "GroupLassoCV",
    "Lasso",
    "LassoCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "SparseGroupLasso",
]
__all__ = ["BestSubsetRegressor", "ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "MCPRegressor", "SCADRegressor"]
__all__ = ["ElasticNet", "ElasticNetCV", "GraphLabelPropagation", "Lasso", "LassoCV"]
from ._logistic import SparseLogisticRegression
from ._logistic_cv import SparseLogisticRegressionCV
from ._path_cv import ElasticNetCV, LassoCV
from ._sparse import SparseClassifier, SparseRegressor

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "Lasso",
    "LassoCV",
    "SparseClassifier",
    "SparseLogisticRegression",
    "SparseLogisticRegressionCV",
    "SparseRegressor",
]
