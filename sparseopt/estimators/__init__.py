"""Scikit-learn faces of the solvers."""

from ._elastic_net import ElasticNet, Lasso
from ._group import GroupLasso, GroupLassoCV, SparseGroupLasso
from ._multi_task import MultiTaskLasso, MultiTaskLassoCV
from ._path_cv import ElasticNetCV, LassoCV

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
