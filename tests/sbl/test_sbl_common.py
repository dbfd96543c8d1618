"""scikit-learn's common checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks([so.SBLRegressor(), *(so.SBLRegressor(update=u) for u in ("em", "fast", "mackay"))])
def test_scikit_learn_checks(estimator, check):
    check(estimator)
