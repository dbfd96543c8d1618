import numpy as np
from benchmark_utils.solvers import Base
from glmnet import LogNet
from glmnet.paths.fastnet import FastNetControl


class Solver(Base):
    """The authors' Python port of glmnet (on the package index as glmstar)."""

    name = "glmnet"
    distribution = "glmstar"
    requirements = ["pip::glmstar"]
    tolerances = (1e-7, 1e-9, 1e-11, 1e-13, 1e-15, 1e-17)
    first = 2

    def solve(self, tol):
        control = FastNetControl(fdev=0, devmax=0.999999999, thresh=tol, maxit=10**7)
        model = LogNet(lambda_values=np.array([self.alpha]), fit_intercept=False, standardize=False, control=control)
        return np.asarray(model.fit(self.X, (self.y > 0).astype(np.float64)).coefs_).ravel()
