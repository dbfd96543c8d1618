"""Scikit-learn faces of the solvers."""

from ._elastic_net import ElasticNet, Lasso
from ._path_cv import ElasticNetCV, LassoCV
from ._sketched import SketchedRegressor

__all__ = ["ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "SketchedRegressor"]
