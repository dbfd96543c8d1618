"""Help, laziness, and wrong use: one line on stderr, status 2."""

import subprocess
import sys

import pytest

import sparseopt


def test_help_lists_every_command_without_importing_it():
    code = (
        "import sys\n"
        "from sparseopt.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "heavy = {'sklearn', 'scipy', 'numpy', 'sparseopt.cli.bench', 'sparseopt.cli.fit'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("info", "fit", "predict", "compress", "bench"):
        assert f"\n  {name} " in done.stdout
    assert "imported: ['sparseopt.cli" not in done.stdout
    assert "imported: []" in done.stdout


@pytest.mark.parametrize("command", ["info", "fit", "predict", "compress", "bench"])
def test_every_command_has_help(run, command):
    outcome = run(command, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: sparseopt {command}")


def test_help_of_fit_shows_each_example_on_a_line(run):
    assert "\n  sparseopt fit genes.npz --estimator Lasso --cv 5 --out model.npz\n" in run("fit", "--help").out


def test_version(run):
    outcome = run("--version")
    assert outcome.status == 0
    assert outcome.out.strip() == f"sparseopt {sparseopt.__version__}"


def test_no_command_shows_help(run):
    outcome = run()
    assert outcome.status == 0 and "Commands:" in outcome.out


def test_a_mistyped_command_is_recognised(refused):
    assert "did you mean fit?" in refused("fti")


@pytest.mark.parametrize(
    "args",
    [
        ("compress",),
        ("--nonsense",),
        ("fit",),
        ("fit", "--estimator", "Lasso"),
        ("fit", "a.npz"),
        ("fit", "a.npz", "b.npz", "--estimator", "Lasso"),
        ("fit", "a.npz", "--estimator", "Lasso", "--threads", "0"),
        ("fit", "a.npz", "--estimator", "Lasso", "--threads", "many"),
        ("fit", "a.npz", "--estimator", "Lasso", "--cv", "1"),
        ("fit", "a.npz", "--estimator", "Lasso", "--test-fraction", "1"),
        ("fit", "a.npz", "--estimator", "Lasso", "--seed", "-1"),
        ("fit", "a.npz", "--estimator", "Lasso", "--quiet", "--verbose"),
        ("fit", "a.npz", "--estimator", "Lasso", "--param"),
        ("predict", "a.npz"),
        ("info", "more"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(refused, args):
    refused(*args)


def test_unknown_estimator_lists_what_there_is(refused, npz):
    message = refused("fit", npz, "--estimator", "laso")
    assert "did you mean Lasso?" in message
    for name in ("Lasso", "LassoCV", "ElasticNet", "ElasticNetCV"):
        assert name in message


def test_unknown_parameter_lists_what_there_is(refused, npz):
    message = refused("fit", npz, "--estimator", "Lasso", "--param", "alfa=1")
    assert "did you mean alpha?" in message and "fit_intercept" in message


@pytest.mark.parametrize(
    ("param", "complaint"),
    [
        ("alpha", "write name=value"),
        ("=1", "write name=value"),
        ("fit_intercept=maybe", "True or False"),
        ("alpha=-1", "alpha"),
        ("alpha=much", "alpha"),
        ("alpha=[1,2]", "alpha"),
        ("alpha=__import__('os').system('true')", "alpha"),
        ("max_iter=0", "max_iter"),
        ("solver=magic", "magic"),
    ],
)
def test_wrong_values_of_parameters_are_named(refused, npz, param, complaint):
    assert complaint in refused("fit", npz, "--estimator", "Lasso", "--param", param)


def test_options_that_contradict_each_other(refused, npz):
    fit = ("fit", npz, "--estimator", "Lasso")
    assert "twice" in refused(*fit, "--param", "alpha=1", "--param", "alpha=2")
    assert "--threads" in refused(*fit, "--threads", 1, "--param", "n_threads=2")
    assert "chooses alpha" in refused(*fit, "--cv", 3, "--param", "alpha=1")


def test_module_and_program_name(npz):
    done = subprocess.run(
        [sys.executable, "-m", "sparseopt", "fit", npz, "--estimator", "Nothing"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("sparseopt: unknown estimator 'Nothing'")
    assert done.stderr.count("\n") == 1 and done.stdout == ""
