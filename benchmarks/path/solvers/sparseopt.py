from benchmark_utils.solvers import Base

import sparseopt


class Solver(Base):
    """Many alphas certified together by one product with X."""

    name = "sparseopt"
    distribution = "sparseopt"
    requirements = ["pip::sparseopt"]
    tolerances = (1e-4, 1e-6, 1e-8, 1e-10)
    threaded = True

    def solve(self, tol):
        path = sparseopt.solution_path(
            self.X, self.y, alphas=self.alphas, fit_intercept=False, tol=tol, max_iter=1000
        )
        self.info = dict(n_passes=float(path.n_passes))
        return path.coefs
