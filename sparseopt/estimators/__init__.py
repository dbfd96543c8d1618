"""Scikit-learn faces of the solvers."""

from ._elastic_net import ElasticNet, Lasso
from ._kronecker_sbl import KroneckerSBL
from ._path_cv import ElasticNetCV, LassoCV

__all__ = ["ElasticNet", "ElasticNetCV", "KroneckerSBL", "Lasso", "LassoCV"]
