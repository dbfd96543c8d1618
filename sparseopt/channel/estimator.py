"""Estimation of a channel through an IRS: angles and gains from pilots, channels for any configuration."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._validation import check_flag, check_scalar
from ..estimators._kronecker_data import check_lengths, check_numeric, check_options
from ..estimators._kronecker_sbl import report_convergence, solver_options
from ..exceptions import InvalidProblemError
from ..solvers.sbl import solve_kronecker
from .geometry import Manifold, angle_grid
from .metrics import nmse
from .offgrid import solve_off_grid

NAMES = ("irs", "ms", "bs")


class IRSChannelEstimator(BaseEstimator):
    r"""Estimate the channel from a mobile station through an IRS to a base station, for any configuration of the IRS.

    For configuration :math:`\theta_k` and pilots X the base station receives
    :math:`Y_k = H_\mathrm{BS}\, \mathrm{diag}(\theta_k)\, H_\mathrm{MS} X + N`. In the angles of the arrays the
    channel is sparse with a Kronecker structure (differences of angles at the IRS, angles at the MS, angles at the BS),
    which :class:`sparseopt.KroneckerSBL` exploits.

    Parameters
    ----------
    grid : int or tuple of int, default=18
        Points of the grids of cosines; a tuple for IRS, MS and BS. Off the grid, steps should not be much coarser than
        the arrays resolve, 2 / elements: a surface of 256 elements wants about as many points.
    off_grid : bool, default=False
        Whether to move the angles off the grid (and to drop atoms that are then not needed) by maximising the evidence.
    spacing : float, default=0.5
        Distance of the elements of all arrays in wavelengths.
    noise_variance : float or array-like of shape (n_users,), optional
        Of all users, or of each. None: learned, for each user by itself.
    solver, max_iter, tol, prune, coupling, normalize
        See :class:`sparseopt.KroneckerSBL`; factors are IRS, MS, BS. ``solver="decompose"`` suits channels with one
        path at the MS and one out of the IRS.
    refine_support, evidence_threshold, init, n_init, noise_floor, n_threads, random_state
        See there, too.

    Attributes
    ----------
    angles_ : dict of ndarray
        Cosines at the "ms" and "bs"; for "irs" the differences (departure minus arrival). A list of these for several
        users.
    gains_ : ndarray of shape (n_irs_angles, n_ms_angles, n_bs_angles)
        Of the paths with these angles (a list for several users).
    noise_variance_ : float or ndarray
    results_ : list of KroneckerResult
        What the solver returned for each user.

    References
    ----------
    .. [1] Y. He, G. Joseph, "Bayesian algorithms for Kronecker-structured sparse vector recovery with application to
       IRS-MIMO channel estimation", IEEE Trans. Signal Processing, 2024.
    .. [2] Y. He, G. Joseph, "Off-grid sparse Bayesian channel estimation", arXiv 2412.00310, 2024.

    Examples
    --------
    >>> import sparseopt as so
    >>> channel = so.channel.IRSChannel(random_state=0)
    >>> Y, pilots, phases, noise_variance = so.channel.simulate_pilots(channel, snr_db=20.0, random_state=1)
    >>> model = so.channel.IRSChannelEstimator(noise_variance=noise_variance).fit(Y, pilots, phases)
    >>> other = so.channel.irs_configurations(256, 10, random_state=2)
    >>> so.channel.nmse(model.predict_channel(other), channel.response(other)) < 0.01
    True
    """

    def __init__(
        self, *, grid=18, off_grid=False, spacing=0.5, solver="mm", noise_variance=None, max_iter=200, tol=1e-4,
        prune=None, coupling=None, normalize=True, refine_support=True, evidence_threshold="auto", init="auto",
        n_init="auto", noise_floor=1e-10, n_threads=None, random_state=None,
    ):  # fmt: skip
        self.grid = grid
        self.off_grid = off_grid
        self.spacing = spacing
        self.solver = solver
        self.noise_variance = noise_variance
        self.max_iter = max_iter
        self.tol = tol
        self.prune = prune
        self.coupling = coupling
        self.normalize = normalize
        self.refine_support = refine_support
        self.evidence_threshold = evidence_threshold
        self.init = init
        self.n_init = n_init
        self.noise_floor = noise_floor
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(self, Y, pilots, phases):
        """Estimate angles and gains.

        Parameters
        ----------
        Y : array-like of shape (n_configurations, n_slots, n_bs), or (n_users, n_configurations, n_slots, n_bs)
            What the base station received. Users are independent, and solved in parallel.
        pilots : array-like of shape (n_ms, n_slots)
        phases : array-like of shape (n_irs, n_configurations)

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data are not what they should be.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` was reached before `tol`.
        """
        check_flag("off_grid", self.off_grid)
        check_scalar("spacing", self.spacing, low=0.0, closed="neither")
        grid = self.grid if isinstance(self.grid, (tuple, list)) else (self.grid,) * 3
        if len(grid) != 3:
            raise ValueError(f"grid must be an integer or one for each of IRS, MS and BS, got {self.grid!r}")
        grids = [angle_grid(n) for n in grid]
        grids[0] = grids[0] + 1.0  # differences: from 0 to 2
        pilots, phases = _matrix("pilots", pilots), _matrix("phases", phases)
        Y = check_numeric("Y", Y).astype(np.complex128, copy=False)
        expected = (phases.shape[1], pilots.shape[1])
        if Y.ndim not in (3, 4) or Y.shape[-3:-1] != expected or 0 in Y.shape:
            raise InvalidProblemError(
                f"Y must have shape ({expected[0]}, {expected[1]}, n_bs) (configurations of phases, slots of pilots), "
                f"with users before them if there are several; got {Y.shape}"
            )
        users = Y.reshape(-1, 1, *Y.shape[-3:])
        check_options(self, len(users))
        check_lengths(self, 3)
        n_irs, n_ms, n_bs = len(phases), len(pilots), Y.shape[-1]
        manifolds = [
            Manifold(phases.T, -1, self.spacing, 1.0 / n_irs),
            Manifold(pilots.T, -1, self.spacing, n_ms**-0.5),
            Manifold(np.eye(n_bs), 1, self.spacing, n_bs**-0.5),
        ]
        factors = [m.atoms(a) for m, a in zip(manifolds, grids, strict=True)]
        options = solver_options(self)
        results = solve_kronecker(factors, users.reshape(len(users), 1, -1), **options)
        report_convergence(results, self)
        angles = [[a[s] for a, s in zip(grids, r.support, strict=True)] for r in results]
        if self.off_grid:
            cells, periods = [2.0 / n for n in grid], [1.0 / self.spacing] * 3
            known = self.noise_variance is not None
            for i, result in enumerate(results):
                options["noise_variance"] = result.noise_variance if known else None
                if result.mean.size:
                    gamma = [g[s] for g, s in zip(result.gamma, result.support, strict=True)]
                    angles[i], results[i] = solve_off_grid(
                        manifolds, angles[i], gamma, result.noise_variance, users[i], cells, periods, options
                    )
        several = Y.ndim == 4
        named = [dict(zip(NAMES, a, strict=True)) for a in angles]
        gains = [r.mean[0] for r in results]
        noise = np.array([r.noise_variance for r in results])
        self.results_ = results
        self.angles_ = named if several else named[0]
        self.gains_ = gains if several else gains[0]
        self.noise_variance_ = noise if several else float(noise[0])
        self.n_iter_ = max(r.n_iter for r in results)
        self._several, self._sizes = several, (n_irs, n_ms, n_bs)
        return self

    def predict_channel(self, phases):
        """Return the channels for given configurations, seen in training or not.

        Parameters
        ----------
        phases : array-like of shape (n_irs, K)

        Returns
        -------
        ndarray of shape (K, n_bs, n_ms), or (n_users, K, n_bs, n_ms)
        """
        check_is_fitted(self, "results_")
        n_irs, n_ms, n_bs = self._sizes
        phases = _matrix("phases", phases)
        if len(phases) != n_irs:
            raise InvalidProblemError(f"phases must have {n_irs} rows as in fit, got shape {phases.shape}")
        surface = Manifold(phases.T, -1, self.spacing, 1.0 / n_irs)
        mobile = Manifold(np.eye(n_ms), -1, self.spacing, n_ms**-0.5)
        base = Manifold(np.eye(n_bs), 1, self.spacing, n_bs**-0.5)
        several = zip(self.angles_, self.gains_, strict=True) if self._several else [(self.angles_, self.gains_)]
        out = [
            np.einsum("ka,mc,bd,acd->kbm", surface.atoms(angle["irs"]), mobile.atoms(angle["ms"]),
                      base.atoms(angle["bs"]), gain, optimize=True)
            for angle, gain in several
        ]  # fmt: skip
        return np.array(out) if self._several else out[0]

    def score(self, H, phases):
        """Return minus the aggregated error of the channels in decibel; larger is better.

        Parameters
        ----------
        H : array-like
            True channels, of the shape that `predict_channel` returns.
        phases : array-like of shape (n_irs, K)

        Returns
        -------
        float
        """
        error = nmse(self.predict_channel(phases), H)
        return float(-10.0 * np.log10(max(error, 1e-300)))


def _matrix(name, value):
    matrix = check_numeric(name, value)
    if matrix.ndim != 2 or matrix.size == 0:
        raise InvalidProblemError(f"{name} must be two-dimensional and not empty, got shape {matrix.shape}")
    return matrix
