"""
Coefficients with intervals, without tuning
===========================================

Sparse Bayesian learning gives every coefficient a variance of its own and learns it from the data. What is left are a
few coefficients with standard deviations, and predictions with intervals, checked here on patients that were held back.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import sparseopt as so

X, y = load_diabetes(return_X_y=True, as_frame=True)
names = PolynomialFeatures(2, include_bias=False).fit(X).get_feature_names_out()
X = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(X.to_numpy()))
X_train, X_test, y_train, y_test = train_test_split(X, y.to_numpy(), test_size=0.4, random_state=0)

bayes = so.SBLRegressor().fit(X_train, y_train)
lasso = so.LassoCV().fit(X_train, y_train)
mean, std = bayes.predict(X_test, return_std=True)
inside = np.abs(y_test - mean) <= 1.645 * std
for name, model in (("SBL", bayes), ("LassoCV", lasso)):
    print(f"{name}: {np.count_nonzero(model.coef_)} columns, R2 on held-out patients {model.score(X_test, y_test):.2f}")
print(f"90% intervals hold {inside.mean():.0%} of the held-out patients")

# %%
# Left: coefficients of either method. Right: predictions of the held-out patients, sorted, with 90% intervals.

used = np.array(sorted(set(bayes.support_) | set(lasso.support_), key=lambda j: bayes.coef_[j]))
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.5), layout="constrained")
place = np.arange(used.size)
reach = 1.645 * bayes.coef_std_[used]
left.errorbar(bayes.coef_[used], place, xerr=reach, fmt="o", color="tab:blue", ms=4, label="SBL, 90%")
left.plot(lasso.coef_[used], place, "x", color="tab:orange", label="LassoCV")
left.axvline(0.0, color="0.7", lw=0.8)
left.set_yticks(place, names[used], fontsize=8)
left.legend(frameon=False)
left.set_xlabel("coefficient")
order = np.argsort(mean)
rank = np.arange(order.size)
right.fill_between(rank, (mean - 1.645 * std)[order], (mean + 1.645 * std)[order], color="tab:blue", alpha=0.2)
right.plot(rank, mean[order], color="tab:blue")
right.scatter(rank, y_test[order], s=10, c=np.where(inside[order], "0.3", "tab:red"))
right.set(xlabel="held-out patients, sorted", ylabel="progression of the disease", title=f"{inside.mean():.0%} inside")
plt.show()
