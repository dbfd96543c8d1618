"""Scikit-learn faces of the solvers."""

from ._elastic_net import ElasticNet, Lasso
from ._label_propagation import GraphLabelPropagation
from ._path_cv import ElasticNetCV, LassoCV

__all__ = ["ElasticNet", "ElasticNetCV", "GraphLabelPropagation", "Lasso", "LassoCV"]
