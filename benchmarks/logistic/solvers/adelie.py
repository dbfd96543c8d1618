import adelie
import numpy as np
from benchmark_utils.solvers import Base, n_threads
from scipy import sparse


class Solver(Base):
    """Coordinate descent inside iteratively reweighted least squares, in C++ with OpenMP."""

    name = "adelie"
    distribution = "adelie"
    requirements = ["pip::adelie"]
    tolerances = (1e-7, 1e-9, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15)
    first = 2
    threaded = True

    def solve(self, tol):
        wrap = adelie.matrix.sparse if sparse.issparse(self.X) else adelie.matrix.dense
        state = adelie.grpnet(
            wrap(self.X, method="naive", n_threads=n_threads()),
            adelie.glm.binomial((self.y > 0).astype(np.float64), dtype=np.float64),
            lmda_path=np.array([self.alpha]),
            intercept=False,
            early_exit=False,
            adev_tol=1.0,
            tol=tol,
            irls_tol=min(1e-7, 100.0 * tol),
            max_iters=10**7,
            n_threads=n_threads(),
            progress_bar=False,
        )
        return np.asarray(state.betas.todense())[-1]
