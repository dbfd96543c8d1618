import adelie
import numpy as np
from benchmark_utils.solvers import Base, n_threads
from scipy import sparse


class Solver(Base):
    """Pathwise coordinate descent in C++ with OpenMP (its matrix classes take X without a copy)."""

    name = "adelie"
    distribution = "adelie"
    requirements = ["pip::adelie"]
    tolerances = (1e-7, 1e-10, 1e-13, 1e-16, 1e-18, 1e-20, 1e-22, 1e-24)
    first = 2
    threaded = True

    def solve(self, tol):
        wrap = adelie.matrix.sparse if sparse.issparse(self.X) else adelie.matrix.dense
        state = adelie.grpnet(
            wrap(self.X, method="naive", n_threads=n_threads()),
            adelie.glm.gaussian(self.y, dtype=np.float64),
            lmda_path=np.array([self.alpha]),
            intercept=False,
            early_exit=False,
            adev_tol=1.0,
            tol=tol,
            max_iters=10**7,
            n_threads=n_threads(),
            progress_bar=False,
        )
        return np.asarray(state.betas.todense())[-1]
