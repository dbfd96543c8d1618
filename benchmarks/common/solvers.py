"""What all solvers of the regression topics share."""

import os
import warnings

from benchopt import BaseSolver


def n_threads():
    """Threads one fit may use: set by the runner before numpy is loaded."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


class Base(BaseSolver):
    """A solver driven by its tolerance.

    ``tolerances`` run from loose to tight, in the solver's own units; the first one tried is
    number ``first``, which should be about right for a gap of 1e-6. ``distribution`` is the name
    under which pip knows the package.
    """

    sampling_strategy = "tolerance"
    tolerances = ()
    first = 1
    distribution = None
    compiles = False  # True: the first fit in a process compiles (numba) and is not timed
    threaded = False  # True: uses more than one thread by itself
    info = None  # what the last run tells about itself, such as n_passes

    @property
    def label(self):
        chosen = [name for name, value in self._parameters.items() if value]
        return f"{self.name} ({', '.join(chosen)})" if chosen else self.name

    def set_objective(self, X, y, **target):
        self.X, self.y = X, y
        for name, value in target.items():
            setattr(self, name, value)

    def warm_up(self):
        if self.compiles:
            self.run_once(self.tolerances[0])

    def run(self, tolerance):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "not converged" is measured, not announced
            self.coef = self.solve(min(float(tolerance), 1.0))

    def get_result(self):
        return dict(coef=self.coef)
