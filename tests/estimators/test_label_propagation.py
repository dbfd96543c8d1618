"""Label propagation against dense linear algebra, scikit-learn's contract, bad input."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.neighbors import kneighbors_graph
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparseopt as so
from sparseopt.exceptions import ConvergenceWarning, InvalidProblemError


@parametrize_with_checks([so.GraphLabelPropagation(), so.GraphLabelPropagation(n_neighbors=3, affinity="knn")])
def test_scikit_learn_checks_of_label_propagation(estimator, check):
    check(estimator)


def some_labels(y, count, seed=0):
    """y with all but a few labels of each class replaced by -1."""
    rng = np.random.default_rng(seed)
    hidden = np.full_like(y, -1)
    for k in np.unique(y):
        chosen = rng.choice(np.flatnonzero(y == k), count, replace=False)
        hidden[chosen] = k
    return hidden


def harmonic(W, y):
    """The harmonic values by dense solves."""
    W = W.toarray() if sparse.issparse(W) else W
    labelled = y != -1
    L = np.diag(W.sum(axis=1)) - W
    known = (y[labelled][:, None] == np.unique(y[labelled])).astype(float)
    values = np.zeros((len(y), known.shape[1]))
    values[labelled] = known
    values[~labelled] = np.linalg.solve(L[np.ix_(~labelled, ~labelled)], W[np.ix_(~labelled, labelled)] @ known)
    return values


@pytest.mark.parametrize("n_classes", [2, 10])
def test_values_are_harmonic(n_classes):
    X, y = load_digits(return_X_y=True)
    keep = np.flatnonzero(y < n_classes)[: 60 * n_classes]
    X, hidden = X[keep], some_labels(y[keep], 4)
    W = kneighbors_graph(X, 7)
    W = ((W + W.T) > 0).astype(float)
    expected = harmonic(W, hidden)
    model = so.GraphLabelPropagation(tol=1e-10).fit(X, hidden)
    np.testing.assert_allclose(model.label_distributions_, expected, atol=1e-7)
    np.testing.assert_array_equal(model.transduction_, np.arange(n_classes)[expected.argmax(axis=1)])
    assert model.violation_ <= 1e-10
    given = so.GraphLabelPropagation(affinity="precomputed", tol=1e-10).fit(W, hidden)
    np.testing.assert_allclose(given.label_distributions_, expected, atol=1e-7)
    dense = so.GraphLabelPropagation(affinity="precomputed", tol=1e-10).fit(W.toarray(), hidden)
    np.testing.assert_allclose(dense.label_distributions_, expected, atol=1e-7)


def test_two_moons_from_three_labels_each():
    X, y = make_moons(600, noise=0.07, random_state=0)
    model = so.GraphLabelPropagation().fit(X, some_labels(y, 3))
    assert np.mean(model.transduction_ == y) > 0.99
    new, truth = make_moons(200, noise=0.07, random_state=1)
    assert model.score(new, truth) > 0.99
    np.testing.assert_array_equal(model.predict(X), model.transduction_)
    np.testing.assert_allclose(model.predict_proba(new).sum(axis=1), 1.0)


def test_labels_of_other_kinds():
    X, y = make_moons(100, noise=0.05, random_state=0)
    hidden = some_labels(y, 5)
    expected = so.GraphLabelPropagation().fit(X, hidden).transduction_
    words = np.array(["-1", "no", "yes"])[hidden + 1]
    for labels in (words, words.astype(object)):
        model = so.GraphLabelPropagation().fit(X, labels)
        np.testing.assert_array_equal(model.transduction_, np.array(["no", "yes"])[expected])
    # fully labelled with -1 and 1: classes, since else one class would remain
    both = so.GraphLabelPropagation().fit(X, np.where(y == 0, -1, 1))
    np.testing.assert_array_equal(both.classes_, [-1, 1])


def test_points_without_any_label_in_reach():
    X = np.array([[0.0], [1.0], [2.0], [100.0], [101.0]])
    model = so.GraphLabelPropagation(n_neighbors=1).fit(X, [0, 1, 0, -1, -1])
    np.testing.assert_allclose(model.label_distributions_[3:], [[2 / 3, 1 / 3]] * 2)
    weights = np.zeros((1, 5))
    given = so.GraphLabelPropagation(affinity="precomputed").fit(np.zeros((5, 5)), [0, 1, 0, -1, -1])
    assert np.all(np.isfinite(given.predict_proba(weights)))


def test_bad_input_of_label_propagation():
    X, y = make_moons(30, random_state=0)
    model = so.GraphLabelPropagation()
    for parameters, error, message in (
        (dict(n_neighbors=0), ValueError, "n_neighbors"), (dict(n_neighbors=2.5), TypeError, "n_neighbors"),
        (dict(affinity="rbf"), ValueError, "affinity must be one of"), (dict(tol=0.0), ValueError, "tol"),
        (dict(max_iter=0), ValueError, "max_iter"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            clone(model).set_params(**parameters).fit(X, y)
    with pytest.raises(InvalidProblemError, match="no labels"):
        model.fit(X, np.full(30, -1))
    with pytest.raises(InvalidProblemError, match="one class"):
        model.fit(X, np.ones(30, dtype=int))
    given = so.GraphLabelPropagation(affinity="precomputed")
    hidden = np.where(np.arange(30) % 3 == 0, y, -1)
    for W, message in (
        (np.ones((30, 29)), "square"), (-np.ones((30, 30)), ">= 0"), (np.triu(np.ones((30, 30))), "symmetric"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            given.fit(W, hidden)
    with pytest.warns(ConvergenceWarning, match=r"largest residual is .* Increase max_iter \(now 1\)"):
        so.GraphLabelPropagation(max_iter=1, tol=1e-9).fit(X, hidden)
