"""Scikit-learn faces of the solvers."""

from ._elastic_net import ElasticNet, Lasso
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
