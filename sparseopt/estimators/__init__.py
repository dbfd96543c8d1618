"""Scikit-learn faces of the solvers."""

from ._best_subset import BestSubsetRegressor
from ._elastic_net import ElasticNet, Lasso
from ._nonconvex import MCPRegressor, SCADRegressor
from ._path_cv import ElasticNetCV, LassoCV

__all__ = ["BestSubsetRegressor", "ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "MCPRegressor", "SCADRegressor"]
