"""The scikit-learn contract of the estimators with groups and of several targets."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks(
    [so.GroupLasso(), so.GroupLassoCV(), so.SparseGroupLasso(), so.MultiTaskLasso(), so.MultiTaskLassoCV()]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_grid_search_reaches_the_parameters():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 12))
    y = X[:, :4] @ [2.0, -1.0, 1.0, 1.0] + 0.1 * rng.standard_normal(60)
    search = GridSearchCV(so.SparseGroupLasso(groups=4), {"alpha": [0.01, 10.0], "l1_ratio": [0.1, 0.9]}).fit(X, y)
    assert search.best_params_["alpha"] == 0.01
    best = search.best_estimator_
    np.testing.assert_array_equal(best.active_groups_, np.unique(best.support_ // 4))
    copy = clone(best)
    assert copy.get_params()["groups"] == 4 and not hasattr(copy, "coef_")


def test_a_single_target_is_no_multi_task_problem():
    with pytest.raises(ValueError, match=r"y must have two dimensions.*got shape \(5,\)"):
        so.MultiTaskLasso().fit(np.eye(5), np.arange(5.0))
