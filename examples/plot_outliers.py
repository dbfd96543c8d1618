"""
Outliers: the squared loss and the Huber loss
=============================================

In a growing share of the rows the target is recorded ten times too large. The squared loss follows these rows; the
Huber loss counts large residuals by their size only. Alpha is chosen anew for each by cross-validation on the spoiled
data.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import sparseopt as so

X, y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(X))
X_train, X_test, y_train, y_test = train_test_split(X, y / y.std(), test_size=0.4, random_state=1)
losses = {"squared": "squared", "Huber": so.losses.Huber(delta=0.7)}
shares = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)


def held_out_error(loss, share, seed):
    rng = np.random.default_rng(seed)
    spoiled = y_train.copy()
    spoiled[rng.random(len(spoiled)) < share] *= 10.0
    search = GridSearchCV(
        so.SparseRegressor(loss, penalty=so.penalties.L1()),
        {"penalty__alpha": np.geomspace(0.02, 0.5, 6)}, cv=5, scoring="neg_median_absolute_error",
    ).fit(X_train, spoiled)  # fmt: skip
    return np.median(np.abs(y_test - search.predict(X_test))), search.best_estimator_


errors = {name: [np.mean([held_out_error(loss, share, seed)[0] for seed in range(3)]) for share in shares]
          for name, loss in losses.items()}  # fmt: skip
for name, values in errors.items():
    print(f"{name}: median error {values[0]:.2f} without outliers, {values[-1]:.2f} with {shares[-1]:.0%}")

# %%
# Right: predictions of clean, held-out patients by models fitted with a tenth of the rows spoiled.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for (name, values), color in zip(errors.items(), ("tab:orange", "tab:blue"), strict=True):
    left.plot(np.array(shares) * 100, values, "o-", color=color, label=name)
    _, model = held_out_error(losses[name], 0.1, 0)
    right.scatter(y_test, model.predict(X_test), s=12, color=color, label=name, alpha=0.7)
left.set(xlabel="spoiled rows [%]", ylabel="median error on clean rows", ylim=(0, None))
left.legend(frameon=False)
right.plot([0, 5], [0, 5], color="0.6", lw=1)
right.set(xlabel="truth", ylabel="prediction")
plt.show()
