from benchmark_utils.solvers import Base
from scipy import sparse
from sklearn.linear_model import Lasso


class Solver(Base):
    """Cyclic coordinate descent with Gap-Safe screening; optionally on the Gram matrix."""

    name = "scikit-learn"
    distribution = "scikit-learn"
    requirements = ["scikit-learn"]
    parameters = {"gram": [False, True]}
    tolerances = (4.9e-5, 4.9e-7, 4.9e-9, 4.9e-11, 1e-12)

    def skip(self, X, y, alpha):
        if self.gram and (sparse.issparse(X) or X.shape[1] > min(X.shape[0], 2000)):
            return True, "the Gram matrix is for tall dense data"
        return False, None

    def solve(self, tol):
        model = Lasso(
            self.alpha, fit_intercept=False, precompute=self.gram, max_iter=100_000, tol=tol
        )
        return model.fit(self.X, self.y).coef_
