import celer
from benchmark_utils.solvers import Base


class Solver(Base):
    """Working sets with dual extrapolation, proximal Newton inside."""

    name = "celer"
    distribution = "celer"
    requirements = ["pip::celer"]
    tolerances = (1e-4, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12)

    def solve(self, tol):
        alpha = self.alpha * len(self.y)
        return celer.celer_path(self.X, self.y, "logreg", alphas=[alpha], max_iter=100, tol=tol)[1].T[0]
