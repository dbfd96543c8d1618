"""Where the benchmark definitions are."""

from pathlib import Path

FOLDER = "benchmarks"


class NotFoundError(LookupError):
    """The definitions are not where we looked; the message says what to do."""


def find_root(given=None):
    """Return the folder with one sub-folder a topic.

    Parameters
    ----------
    given : path, optional
        A clone of the project or its ``benchmarks`` folder. None: look in the current folder and
        upwards, then beside the package (an editable install).
    """
    if given is not None:
        starts = [Path(given)]
        places = "in " + str(given)
    else:
        here = Path.cwd()
        starts = [here, *here.parents, Path(__file__).resolve().parents[3]]
        places = f"in or above {here}"
    for start in starts:
        for folder in (start, start / FOLDER):
            if (folder / "lasso" / "objective.py").is_file() and (folder / "common").is_dir():
                return folder.resolve()
    raise NotFoundError(
        f"no benchmark definitions {places}: they are in the folder 'benchmarks' of the "
        "project's source; run in a clone or an unpacked source archive, or give --root DIR"
    )


def races(root):
    """Names of the topics in which solvers race to a certified gap."""
    return sorted(path.parent.name for path in Path(root).glob("*/objective.py"))


def figures(root):
    """Names of the topics that compute what a picture shows."""
    return sorted({path.parent.name for path in Path(root).glob("*/figure.py")}.difference(races(root)))


def topics(root):
    """Names of all topics below ``root``, races first."""
    return [*races(root), *figures(root)]
