"""The scikit-learn contract of the estimators for any loss."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks(
    [so.SparseLogisticRegression(), so.SparseLogisticRegressionCV(), so.SparseRegressor(), so.SparseClassifier()]
)
def test_scikit_learn_checks_of_any_loss(estimator, check):
    check(estimator)
