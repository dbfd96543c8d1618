"""Small problems for the tests of smooth losses."""

import numpy as np

import sparseopt as so

LOSSES = ["logistic", "multinomial", "poisson", "huber"]
PENALTIES = {
    "l1": so.penalties.L1(0.03), "elastic_net": so.penalties.ElasticNet(0.05, 0.5),
    "positive": so.penalties.L1(0.03, positive=True), "rows": so.penalties.RowGroup(0.05),
}  # fmt: skip


def make(loss, n=40, p=12, seed=0):
    """Return X, y of a kind that the loss takes, and weights."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((n, p)))
    z = X[:, :3] @ [1.0, -1.0, 0.5] + 0.7 * rng.standard_normal(n)
    y = {"logistic": z > 0, "multinomial": np.digitize(z, [-0.5, 0.5]), "huber": 3.0 * z,
         "poisson": rng.poisson(np.exp(np.clip(z, -3, 2)))}[loss]  # fmt: skip
    return X, np.asarray(y, dtype=float), rng.uniform(0.2, 2.0, n)
