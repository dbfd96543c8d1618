"""The certificate of the classification topics: softmax loss, L1 penalty, no intercept, in plain numpy."""

import numpy as np
from scipy.special import logsumexp, softmax, xlog1py, xlogy


def classes_of(y, most):
    """Class numbers: y itself when it has at most `most` values, else the parts of equal size it falls into."""
    values, codes = np.unique(y, return_inverse=True)
    return codes if values.size <= most else np.digitize(y, np.quantile(y, np.arange(1, most) / most))


def softmax_gap(X, codes, alpha, W):
    """Return the objective and its duality gap at W (p, K); two classes may be given as one column.

    The dual point is minus the gradient of the mean loss in the predictors, shrunk until it is feasible.
    """
    W = np.asarray(W, dtype=np.float64).reshape(X.shape[1], -1)
    if not np.isfinite(W).all():
        return np.inf, np.inf
    n, rows = X.shape[0], np.arange(X.shape[0])
    used = np.flatnonzero(np.any(W != 0.0, axis=1))
    eta = np.asarray(X[:, used] @ W[used])
    if W.shape[1] == 1:
        eta = np.column_stack([np.zeros(n), eta])
    away = eta - eta[rows, codes][:, None]
    away[rows, codes] = -np.inf
    primal = np.logaddexp(0.0, logsumexp(away, axis=1)).mean() + alpha * np.abs(W).sum()
    theta = -softmax(eta, axis=1)
    theta[rows, codes] = 0.0
    theta[rows, codes] = -theta.sum(axis=1)
    free = theta[:, 1:] if W.shape[1] == 1 else theta
    worst = max(np.abs(X.T @ np.ascontiguousarray(free[:, k])).max() for k in range(free.shape[1])) / n
    share = -min(1.0, alpha / max(worst, np.finfo(float).tiny)) * theta  # probabilities, minus one in the own class
    own = share[rows, codes]
    share[rows, codes] = 0.0
    entropy = xlogy(share, share).sum(axis=1) + xlog1py(1.0 + own, own)
    return float(primal), max(float(primal + entropy.mean()), 0.0)


def class_alpha_max(X, codes, one_column):
    """Smallest alpha whose solution is zero."""
    K = int(codes.max()) + 1
    theta = np.eye(K)[codes] - 1.0 / K
    columns = [K - 1] if one_column else range(K)
    return max(float(np.abs(X.T @ np.ascontiguousarray(theta[:, k])).max()) for k in columns) / X.shape[0]
