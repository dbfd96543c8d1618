from benchmark_utils.solvers import Base

import sparseopt


class Solver(Base):
    """Greedy working sets of groups, with a certificate."""

    name = "sparseopt"
    distribution = "sparseopt"
    requirements = ["pip::sparseopt"]
    tolerances = (1e-4, 1e-6, 1e-8, 1e-10)
    threaded = True

    def solve(self, tol):
        model = sparseopt.GroupLasso(self.alpha, groups=self.size, fit_intercept=False, tol=tol, max_iter=1000)
        model.fit(self.X, self.y)
        self.info = dict(n_passes=float(model.n_passes_))
        return model.coef_
