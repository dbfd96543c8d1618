from benchmark_utils.solvers import Base
from sklearn.linear_model import lasso_path


class Solver(Base):
    """Warm-started coordinate descent; it chooses itself whether to form the Gram matrix."""

    name = "scikit-learn"
    distribution = "scikit-learn"
    requirements = ["scikit-learn"]
    tolerances = (4.9e-5, 4.9e-7, 4.9e-9, 4.9e-11, 1e-12)

    def solve(self, tol):
        return lasso_path(self.X, self.y, alphas=self.alphas, max_iter=100_000, tol=tol)[1].T
