from benchmark_utils.solvers import Base

import sparseopt
from sparseopt.penalties import L1


class Solver(Base):
    """Greedy working sets and proximal Newton steps, with a certificate.

    Called below its estimators, as celer is.
    """

    name = "sparseopt"
    distribution = "sparseopt"
    requirements = ["pip::sparseopt"]
    tolerances = (1e-4, 1e-6, 1e-8, 1e-10)
    threaded = True

    def solve(self, tol):
        problem = sparseopt.Problem(self.X, self.y, "logistic", L1(self.alpha), fit_intercept=False)
        result = sparseopt.solve(problem, tol=tol, max_iter=1000)
        self.info = dict(n_passes=float(result.n_passes))
        return result.coef
