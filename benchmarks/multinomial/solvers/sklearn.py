from benchmark_utils.solvers import Base
from sklearn.linear_model import LogisticRegression


class Solver(Base):
    """SAGA, its only method for this problem."""

    name = "scikit-learn"
    distribution = "scikit-learn"
    requirements = ["scikit-learn"]
    tolerances = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
    first = 2

    def solve(self, tol):
        model = LogisticRegression(
            C=1.0 / (self.alpha * len(self.y)), l1_ratio=1.0, solver="saga", fit_intercept=False, tol=tol,
            max_iter=100_000, random_state=0,
        )  # fmt: skip
        return model.fit(self.X, self.y).coef_.T
