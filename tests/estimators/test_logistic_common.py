"""The scikit-learn contract of the estimators for any loss."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so


@parametrize_with_checks([
    so.SparseLogisticRegression(), so.SparseLogisticRegressionCV(n_alphas=25),
    so.SparseRegressor(), so.SparseRegressor("huber"), so.SparseClassifier(), so.SparseClassifier("logistic"),
    so.SparseClassifier("multinomial", penalty=so.penalties.RowGroup(alpha=0.01)),
])  # fmt: skip
def test_scikit_learn_checks_of_any_loss(estimator, check):
    check(estimator)
