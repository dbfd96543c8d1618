import skglm
from benchmark_utils.solvers import Base


class Solver(Base):
    """Working sets with proximal Newton steps, compiled by numba at the first fit.

    Its ``tol`` bounds the subgradient's distance to zero, in units of the data; here it is given
    as a fraction of alpha.
    """

    name = "skglm"
    distribution = "skglm"
    requirements = ["pip::skglm"]
    tolerances = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
    first = 1
    compiles = True

    def solve(self, tol):
        model = skglm.SparseLogisticRegression(self.alpha, fit_intercept=False, tol=tol * self.alpha, max_iter=500)
        return model.fit(self.X, self.y).coef_[0]
