"""Scikit-learn faces of the solvers."""

from ._elastic_net import ElasticNet, Lasso
from ._path_cv import ElasticNetCV, LassoCV
from ._random_support import RandomSupportRegressor
from ._spectral_peeling import SpectralPeeling

__all__ = ["ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "RandomSupportRegressor", "SpectralPeeling"]
