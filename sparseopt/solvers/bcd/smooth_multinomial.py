"""The multinomial loss: outputs are coupled through the softmax."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from .smooth_linear import LinearSmooth


class MultinomialSmooth(LinearSmooth):
    """Mean softmax loss. The Hessian in eta is diag(pi) - pi pi' <= (I - 11'/K) / 2."""

    coupled = True

    def _n_outputs(self):
        return self.loss.n_outputs(self.y)

    def _entry_bound(self):
        return 0.25

    def hessian(self, b):
        X, place = self._columns(b)
        share = softmax(self.eta, axis=1)
        outputs = b % self.outputs
        V = X[:, place] * share[:, outputs]
        H = -(V * self.s[:, None]).T @ V
        H += self._by_class(b, share)
        H[np.diag_indices(len(b))] += self.ridge
        return H

    def _coupling(self, b):
        # k classes of K seen as k and one class of all the rest: (I - 11'/(k + 1)) / 2
        outputs = b % self.outputs
        k = min(np.unique(outputs).size + 1, self.outputs)
        return 0.5 * ((outputs[:, None] == outputs) - 1.0 / k)

    def _coupling_sum(self):
        return 1.0 - 1.0 / self.outputs

    def product(self, d):
        D = d.reshape(-1, self.outputs)
        image = np.column_stack([self.design.matvec(np.ascontiguousarray(column)) for column in D.T])
        image = 0.5 * (image - image.mean(axis=1, keepdims=True)) * self.s[:, None]
        return self.design.columns().rmatmat(image, self.n_threads).T.ravel() + self.ridge * d
