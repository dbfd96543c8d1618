"""Every combination of partition, selection and update runs downhill, or says which would; bad input."""

import numpy as np
import pytest
from bcd_oracles import laplacian_problem, lattice
from scipy import sparse
from scipy.optimize import lsq_linear

import sparseopt as so
from sparseopt.exceptions import ConvergenceWarning, IncompatibleError, InvalidProblemError
from sparseopt.penalties import L1, Box, ElasticNet
from sparseopt.solvers import available_solvers, solve_path
from sparseopt.solvers.bcd.partition import PARTITIONS
from sparseopt.solvers.bcd.rules import SELECTIONS, UPDATES


def problems():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 12)) * np.exp(0.5 * rng.standard_normal(12))
    X[:, 3] = 0.0  # an empty column
    y = X[:, :3].sum(axis=1) + rng.standard_normal(50)
    A, c, _ = laplacian_problem(*lattice(6, 6, weight=1.0, labels=6))
    classes = np.arange(50) % 3
    return {
        "squared": so.Problem(X, y, penalty=Box()),
        "logistic": so.Problem(X, np.sign(y), "logistic", Box()),
        "multinomial": so.Problem(X, classes, "multinomial", Box()),
        "poisson": so.Problem(0.3 * X, rng.poisson(2.0, 50).astype(float), "poisson", Box()),
        "huber": so.Problem(X, y, "huber", Box(), sample_weight=rng.random(50)),
        "graph": so.Problem.quadratic(A, c),
        "dense": so.Problem.quadratic(A.toarray(), c, penalty=ElasticNet(0.1, 0.5)),
        "lasso": so.Problem(sparse.csc_array(X), y, penalty=L1(0.1)),
        "enet": so.Problem(X, y, penalty=ElasticNet(0.1, 0.7, positive=True), fit_intercept=False),
        "logistic l1": so.Problem(X, np.sign(y), "logistic", L1(0.02)),
        "multinomial l1": so.Problem(X, classes, "multinomial", L1(0.02)),
        "box": so.Problem(X, y, penalty=Box(-0.2, 0.4)),
        "graph l1": so.Problem.quadratic(A, c, penalty=L1(0.05)),
    }


PROBLEMS = problems()


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_all_combinations_run_downhill_or_say_which_would(name):
    problem = PROBLEMS[name]
    n_run = 0
    max_iter = 3 if "multinomial" in name else 8  # "mi" tries every block, and "exact" solves each
    for partition in PARTITIONS:
        size = 3 if partition in ("order", "random", "avg", "sort", "havg", "hsort", "variable") else None
        for selection in SELECTIONS:
            for update in UPDATES:
                rules = dict(partition=partition, selection=selection, update=update)
                try:
                    result = so.block_coordinate_descent(
                        problem, block_size=size, max_iter=max_iter, tol=0, track="objective", random_state=0, **rules
                    )
                except IncompatibleError as error:
                    assert any(word in str(error) for word in ("use ", "usable here")), rules
                    continue
                f = result.objectives
                assert np.all(np.diff(f) <= 1e-12 * max(abs(f[0]), 1.0)), rules
                assert f[-1] < f[0] or selection in ("cyclic", "perm", "random", "lipschitz"), rules
                assert problem.objective(result.coef) == pytest.approx(result.objective, rel=1e-9, abs=1e-12), rules
                n_run += 1
    smooth = isinstance(problem.penalty, Box) and np.isinf(problem.penalty.upper)
    assert n_run >= (40 if name == "poisson" else 150 if smooth else 100)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_the_rule_of_choice_converges(name):
    problem = PROBLEMS[name]
    result = so.block_coordinate_descent(problem, block_size=4, max_iter=20000, tol=1e-9)
    assert result.converged and result.intercept is not None
    if np.isfinite(result.gap):
        assert result.gap <= 1e-9 * result.null_objective
    if name not in ("squared", "graph", "dense", "graph l1"):
        assert problem.violation(result.coef) <= 1e-3
    assert result.violation == pytest.approx(problem.violation(result.coef), abs=1e-8)


def test_box_solution_against_scipy():
    problem = PROBLEMS["box"]
    X, y = problem.design.array, problem.y
    result = so.block_coordinate_descent(problem, block_size=6, tol=1e-12, max_iter=2000)
    keep = np.arange(12) != 3
    expected = lsq_linear((X - X.mean(axis=0))[:, keep], y - y.mean(), (-0.2, 0.4), tol=1e-14)
    np.testing.assert_allclose(result.coef[keep], expected.x, atol=1e-7)
    assert 0 <= result.gap <= 1e-12 * result.null_objective  # between bounds, a linear model certifies


def test_lasso_against_the_working_set_solver():
    problem = PROBLEMS["lasso"]
    expected = so.solve(problem, tol=1e-12)
    for update in ("prox-gradient", "prox-newton", "tmp", "exact"):
        result = so.block_coordinate_descent(problem, block_size=4, update=update, tol=1e-12, max_iter=20000)
        np.testing.assert_allclose(result.coef, expected.coef, atol=1e-6)
        assert result.intercept == pytest.approx(expected.intercept, abs=1e-6)


def test_groups_of_several_outputs_move_rows():
    result = so.block_coordinate_descent(
        PROBLEMS["multinomial"], partition="groups", selection="gs", update="newton", max_iter=5, tol=0, track="blocks"
    )
    assert all(len(b) == 3 and b[0] % 3 == 0 for b in result.blocks)
    assert result.coef.shape == (12, 3)


def test_results_repeat_and_do_not_depend_on_threads():
    problem = PROBLEMS["lasso"]
    for selection in ("random", "perm", "gs-q"):
        runs = [
            so.block_coordinate_descent(
                problem, partition="random", selection=selection, block_size=3, update="tmp", max_iter=30, tol=0,
                random_state=4, n_threads=n,
            ).coef
            for n in (1, 1, 2)
        ]  # fmt: skip
        np.testing.assert_array_equal(runs[0], runs[1])
        np.testing.assert_array_equal(runs[0], runs[2])


def test_nothing_is_written_to_the_input():
    rng = np.random.default_rng(1)
    X, y, start = rng.standard_normal((20, 6)), rng.standard_normal(20), rng.standard_normal(6)
    copies = X.copy(), y.copy(), start.copy()
    X.flags.writeable = y.flags.writeable = start.flags.writeable = False
    so.block_coordinate_descent(so.Problem(X, y, penalty=L1(0.1)), init=start, block_size=2)
    A = sparse.csr_array(X.T @ X)
    so.block_coordinate_descent(so.Problem.quadratic(A, X.T @ y), init=start, block_size=2)
    for now, before in zip((X, y, start, A.toarray()), (*copies, X.T @ X), strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(partition="sorted"), ValueError, "partition must be one of"),
        (dict(partition=[[0, 1], [1, 2]]), InvalidProblemError, "variable 1 occurs 2 times"),
        (dict(partition=[[0, 1], [2]]), InvalidProblemError, "every variable once"),
        (dict(partition=[[0, 99]]), InvalidProblemError, "variable 99"),
        (dict(partition=5), TypeError, "list of index arrays"),
        (dict(partition=[[0.5]]), TypeError, "list of index arrays"),
        (dict(partition=[np.arange(12)], block_size=3), ValueError, "block_size must be None"),
        (dict(block_size=0), ValueError, "block_size must be None or an integer >= 1, got 0"),
        (dict(block_size=2.5), TypeError, "block_size"),
        (dict(selection="best"), ValueError, "selection must be one of"),
        (dict(update="best"), ValueError, "update must be one of"),
        (dict(diag="rows"), ValueError, "diag must be one of"),
        (dict(tol=-1.0), ValueError, "tol must be"),
        (dict(max_iter=0), ValueError, "max_iter must be"),
        (dict(init=np.zeros(3)), ValueError, r"init must be finite with shape \(12,\)"),
        (dict(init=np.full(12, np.nan)), ValueError, "init must be finite"),
        (dict(track="everything"), ValueError, "track must be of"),
        (dict(verbose="loud"), TypeError, "verbose must be"),
        (dict(n_threads=0), ValueError, "n_threads"),
        (dict(partition="groups"), IncompatibleError, "several outputs"),
        (dict(partition="forest"), IncompatibleError, "sparse Hessian"),
        (dict(selection="gsl", block_size=3), IncompatibleError, "gsd with diag='sirt'"),
        (dict(selection="gs", diag="sirt"), IncompatibleError, "gsd, gsd-q"),
        (dict(update="backtrack"), IncompatibleError, "gradient, matrix, newton"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        so.block_coordinate_descent(PROBLEMS["squared"], **arguments)


def test_bad_problems():
    with pytest.raises(TypeError, match="must be a Problem"):
        so.block_coordinate_descent("lasso")
    with pytest.raises(IncompatibleError, match="L1, ElasticNet and Box"):
        so.block_coordinate_descent(so.Problem(np.eye(3), np.ones(3), penalty=Unknown()))
    with pytest.raises(InvalidProblemError, match="column 1"):
        X = np.eye(3)
        X[0, 1] = np.nan
        so.block_coordinate_descent(so.Problem(X, np.ones(3)))
    for A, c, message in (
        (np.ones((2, 3)), np.ones(2), "square"), (np.eye(2), np.ones(3), "c has shape"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), np.ones(2), "symmetric"), (-np.eye(2), np.ones(2), "semidefinite"),
        (np.full((2, 2), np.nan), np.ones(2), "finite"),
    ):  # fmt: skip
        with pytest.raises(InvalidProblemError, match=message):
            so.Problem.quadratic(A, c)
    for box, message in (
        (Box(1.0, 0.0), "lower must not exceed"), (Box(np.zeros(2)), "shape"), (Box("a"), "real numbers"),
        (Box(np.nan), "NaN"), (Box(np.inf), "below inf"),
    ):  # fmt: skip
        with pytest.raises(InvalidProblemError, match=message):
            so.Problem(np.eye(3), np.ones(3), penalty=box)
    quadratic = so.Problem.quadratic(np.eye(2), np.ones(2), L1(0.1))
    for solver in ("auto", *available_solvers()):
        with pytest.raises(IncompatibleError, match="quadratic problem has no design.*block_coordinate_descent"):
            so.solve(quadratic, solver)
    with pytest.raises(IncompatibleError, match="quadratic problem has no design.*block_coordinate_descent"):
        solve_path(quadratic)
    assert quadratic.alpha_max() == 1.0
    positive = so.Problem.quadratic(np.eye(2), np.array([1.0, -3.0]), L1(0.1, positive=True))
    assert positive.alpha_max() == 1.0 and positive.alpha_max(two_sided=True) == 3.0
    result = so.block_coordinate_descent(quadratic)
    assert result.certificate == "violation" and 0.0 <= result.relative_violation <= 1e-6 and np.isnan(result.gap)
    with pytest.raises(IncompatibleError, match=r"Problem.quadratic\(A, c\)"):
        so.Problem(np.eye(2), np.ones(2), so.losses.Quadratic(np.eye(2), np.ones(2)))


class Unknown:
    """A penalty that is neither L1 nor bounds."""

    def value(self, w):
        return 0.0

    def prox(self, w, step):
        return w


def test_edges():
    # zero target, one row, more variables in a block than there are, an upper bound of the number of blocks
    assert not np.any(so.block_coordinate_descent(so.Problem(np.eye(3), np.zeros(3))).coef)
    assert so.block_coordinate_descent(so.Problem(np.ones((1, 2)), [1.0], penalty=Box()), block_size=9).converged
    # above the critical alpha nothing is done
    problem = so.Problem(np.eye(3), np.arange(3.0), penalty=L1(10.0))
    result = so.block_coordinate_descent(problem)
    assert result.certificate == "gap" and np.isnan(result.relative_violation)
    assert result.converged and result.n_iter == 0 and not np.any(result.coef)
    # only empty columns; fixed coordinates; duplicates; an infeasible start
    assert so.block_coordinate_descent(so.Problem(np.zeros((3, 2)), np.ones(3), penalty=Box())).n_iter == 0
    fixed = so.block_coordinate_descent(so.Problem(np.eye(2), np.ones(2), penalty=Box([1.0, 0], [1.0, 5]),
                                                   fit_intercept=False))  # fmt: skip
    np.testing.assert_allclose(fixed.coef, [1.0, 1.0])
    X = np.random.default_rng(2).standard_normal((30, 4))
    twins = so.Problem(np.hstack([X, X]), X.sum(axis=1), penalty=Box(), fit_intercept=False)
    assert so.block_coordinate_descent(twins, block_size=8, update="matrix").converged
    inside = so.block_coordinate_descent(PROBLEMS["box"], init=np.full(12, 7.0), block_size=4)
    assert inside.coef.max() <= 0.4 and inside.converged


def test_what_was_not_reached_is_said():
    with pytest.warns(ConvergenceWarning, match=r"duality gap is .* tol=1e-09 was asked. Increase max_iter \(now 2\)"):
        so.block_coordinate_descent(PROBLEMS["lasso"], max_iter=2, tol=1e-9)
    with pytest.warns(ConvergenceWarning, match="the violation is"):
        so.block_coordinate_descent(PROBLEMS["graph"], max_iter=2, tol=1e-9)


def test_tracking_callback_and_log(caplog):
    seen = []
    with caplog.at_level("INFO", logger="sparseopt"):
        result = so.block_coordinate_descent(
            PROBLEMS["lasso"], block_size=2, max_iter=50, track=("objective", "blocks", "support"), verbose=2,
            callback=lambda w: seen.append(w) or len(seen) == 4,
        )  # fmt: skip
    assert result.n_iter == len(seen) == len(result.blocks) == len(result.history) == 4
    assert len(result.objectives) == len(result.supports) == 5 and len(caplog.records) == 4
    np.testing.assert_array_equal(result.supports[-1], np.flatnonzero(result.coef))
    plain = so.block_coordinate_descent(PROBLEMS["lasso"], block_size=2, verbose=1)
    assert plain.history == [] and plain.objectives is None and plain.blocks is None and plain.identified_at is None
