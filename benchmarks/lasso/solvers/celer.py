import celer
from benchmark_utils.solvers import Base


class Solver(Base):
    """Working sets with dual extrapolation."""

    name = "celer"
    distribution = "celer"
    requirements = ["pip::celer"]
    tolerances = (4.9e-5, 4.9e-7, 4.9e-9, 4.9e-11, 1e-12)

    def solve(self, tol):
        _, coefs, _, self.duals = celer.celer_path(
            self.X, self.y, "lasso", alphas=[self.alpha], max_iter=100, tol=tol, return_thetas=True
        )
        return coefs.T[0]

    def get_result(self):
        # its extrapolated dual points certify more than the residuals do
        return dict(coef=self.coef, duals=self.duals)
