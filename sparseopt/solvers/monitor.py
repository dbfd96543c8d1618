"""What happens between iterations: history, logging, progress, the user's callback."""

from __future__ import annotations

import logging
import math

logger = logging.getLogger("sparseopt")


class Monitor:
    """Collects the history of a solve and shows it as `verbose` asks.

    Parameters
    ----------
    tol : float
        The relative gap that ends the solve (the right end of the progress bar).
    callback : callable or None
        Called with the coefficients; a true value stops.
    verbose : int
    """

    def __init__(self, tol: float, callback=None, verbose: int = 0) -> None:
        self.history: list[dict] = []
        self.stopped = False
        self._callback = callback
        self._verbose = verbose
        self._decades = -math.log10(max(tol, 1e-15))
        self._bar = None
        if verbose == 1:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=round(self._decades, 1), unit="digit", desc="sparseopt", leave=False)

    def __call__(self, n_iter, n_passes, objective, gap, relative_gap, working_set, w) -> bool:
        """Record one iteration; return True when the user wants to stop."""
        self.history.append(
            dict(n_iter=n_iter, n_passes=n_passes, objective=objective, gap=gap, working_set=working_set)
        )
        if self._verbose >= 2:
            logger.info(
                "iteration %d: objective %.6e, gap %.2e of the objective at zero, working set %d, %.1f passes",
                n_iter, objective, relative_gap, working_set, n_passes,
            )
        if self._bar is not None:
            digits = self._decades if relative_gap <= 0 else min(self._decades, -math.log10(min(relative_gap, 1.0)))
            self._bar.n = round(digits, 1)
            self._bar.refresh()
        if n_iter > 0 and self._callback is not None and self._callback(w):
            self.stopped = True
        return self.stopped

    def close(self) -> None:
        """Take the progress bar away."""
        if self._bar is not None:
            self._bar.close()


class PathProgress:
    """Shows how many alphas of a path are certified.

    Parameters
    ----------
    total : int
    callback : callable or None
        Called with the number of certified alphas; a true value stops.
    verbose : int
    """

    def __init__(self, total: int, callback=None, verbose: int = 0) -> None:
        self.stopped = False
        self._callback, self._verbose, self._total = callback, verbose, total
        self._bar = None
        if verbose == 1:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit="alpha", desc="sparseopt path", leave=False)

    def __call__(self, n_iter: int, n_done: int, n_passes: float) -> bool:
        """Record one round; return True when the user wants to stop."""
        if self._verbose >= 2:
            logger.info("round %d: %d of %d alphas certified, %.1f passes", n_iter, n_done, self._total, n_passes)
        if self._bar is not None:
            self._bar.n = n_done
            self._bar.refresh()
        if self._callback is not None and self._callback(n_done):
            self.stopped = True
        return self.stopped

    def close(self) -> None:
        """Take the progress bar away."""
        if self._bar is not None:
            self._bar.close()
