"""A small trained network on digits, and random layers."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier


@pytest.fixture(scope="session")
def digits():
    """(train, test, labels of test): 1,200 and 597 images."""
    X, y = load_digits(return_X_y=True)
    X = X / 16.0
    return X[:1200], X[1200:], y[:1200], y[1200:]


@pytest.fixture(scope="session")
def mlp(digits):
    """A fitted 64-64-32-10 classifier."""
    X, _, y, _ = digits
    net = MLPClassifier((64, 32), alpha=1e-3, max_iter=60, tol=0.0, n_iter_no_change=1000, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        return net.fit(X, y)


@pytest.fixture
def layer():
    """(W, X): weights (6, 10) and correlated inputs (200, 10)."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 10)) @ (np.eye(10) + 0.4 * rng.standard_normal((10, 10)))
    return rng.standard_normal((6, 10)), X
