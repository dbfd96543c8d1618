import celer
import numpy as np
from benchmark_utils.solvers import Base


class Solver(Base):
    """Working sets with dual extrapolation."""

    name = "celer"
    distribution = "celer"
    requirements = ["pip::celer"]
    tolerances = (4.9e-5, 4.9e-7, 4.9e-9, 4.9e-11, 1e-12)

    def solve(self, tol):
        model = celer.GroupLasso(
            groups=self.size,
            alpha=self.alpha,
            weights=np.full(self.X.shape[1] // self.size, np.sqrt(self.size)),
            fit_intercept=False,
            tol=tol,
            max_iter=100,
        )
        return model.fit(self.X, self.y).coef_
