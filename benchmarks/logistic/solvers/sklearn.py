from benchmark_utils.solvers import Base
from sklearn.linear_model import LogisticRegression


class Solver(Base):
    """liblinear (coordinate descent with Newton steps) and SAGA."""

    name = "scikit-learn"
    distribution = "scikit-learn"
    requirements = ["scikit-learn"]
    parameters = {"method": ["liblinear", "saga"]}
    tolerances = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
    first = 3

    @property
    def label(self):
        return f"{self.name} ({self.method})"

    def solve(self, tol):
        model = LogisticRegression(
            C=1.0 / (self.alpha * len(self.y)), l1_ratio=1.0, solver=self.method, fit_intercept=False, tol=tol,
            max_iter=100_000, random_state=0,
        )  # fmt: skip
        return model.fit(self.X, self.y).coef_[0]
