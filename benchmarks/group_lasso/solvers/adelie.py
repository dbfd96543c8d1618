import adelie
import numpy as np
from benchmark_utils.solvers import Base, n_threads
from scipy import sparse


class Solver(Base):
    """Block coordinate descent in C++ with OpenMP (its matrix classes take X without a copy)."""

    name = "adelie"
    distribution = "adelie"
    requirements = ["pip::adelie"]
    tolerances = (1e-9, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18, 1e-20, 1e-22)
    first = 4
    threaded = True

    def solve(self, tol):
        wrap = adelie.matrix.sparse if sparse.issparse(self.X) else adelie.matrix.dense
        p = self.X.shape[1]
        state = adelie.grpnet(
            wrap(self.X, method="naive", n_threads=n_threads()),
            adelie.glm.gaussian(self.y, dtype=np.float64),
            groups=np.arange(0, p, self.size),
            penalty=np.full(p // self.size, np.sqrt(self.size)),
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
