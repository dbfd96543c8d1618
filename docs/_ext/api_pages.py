"""Writes the pages of the interface: every public name of the package and of its public modules, none forgotten."""

import inspect

import sparseopt

FAMILIES = {
    "Linear models": ["Lasso", "LassoCV", "ElasticNet", "ElasticNetCV"],
    "Groups and several targets": [
        "GroupLasso", "GroupLassoCV", "SparseGroupLasso", "MultiTaskLasso", "MultiTaskLassoCV",
    ],
    "Classes": ["SparseLogisticRegression", "SparseLogisticRegressionCV", "GraphLabelPropagation"],
    "Any loss with any penalty": ["SparseRegressor", "SparseClassifier"],
    "Non-convex penalties and best subset": ["MCPRegressor", "SCADRegressor", "BestSubsetRegressor"],
    "Dependent columns": ["RandomSupportRegressor", "SpectralPeeling"],
    "Bayesian": ["SBLRegressor", "TurboVBIRegressor", "KroneckerSBL", "KroneckerSBLCoder", "KroneckerOMP"],
    "Sketches": ["SketchedRegressor", "lstsq_sketched", "RowSketch", "sketch_size", "fwht", "TensorSRHT"],
    "Problems and solvers": [
        "Problem", "solve", "Result", "solution_path", "PathResult", "block_coordinate_descent", "BCDResult",
    ],
}  # fmt: skip
OTHER = "Further names"
FOREIGN = {"ConvergenceWarning"}  # scikit-learn's


def modules(package=sparseopt):
    """Return the public modules by name."""
    found = {name: getattr(package, name) for name in package.__all__}
    return {name: value for name, value in found.items() if inspect.ismodule(value)}


def families():
    """Return the names of the package by family, with those that no family names at the end."""
    own = [
        name for name in sparseopt.__all__
        if name not in modules() and name not in FOREIGN and not isinstance(getattr(sparseopt, name), str)
    ]  # fmt: skip
    pages = {title: [name for name in names if name in own] for title, names in FAMILIES.items()}
    named = {name for names in pages.values() for name in names}
    pages[OTHER] = [name for name in own if name not in named]
    return {title: names for title, names in pages.items() if names}


def members(module):
    """Return the names that a public module documents."""
    return [name for name in module.__all__ if name not in FOREIGN and not inspect.ismodule(getattr(module, name))]


def listing(module, names):
    """Return a table of names, each with a page of its own."""
    lines = [".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
    return [f".. currentmodule:: {module}", "", *lines, *(f"   {name}" for name in names), ""]


def title(text, line):
    return [text, line * len(text), ""]


def write(folder):
    """Write ``index.rst`` and a page for each public module into a folder."""
    folder.mkdir(exist_ok=True)
    index = title("Interface", "=")
    index += ["Every public name, with its parameters, its errors and an example that runs.", ""]
    for family, names in families().items():
        index += title(family, "-") + listing("sparseopt", names)
    index += title("Modules", "-")
    for name, module in modules().items():
        index.append(f":doc:`sparseopt.{name} <{name}>`")
        index.append(f"   {summary(module)}")
        index.append("")
        page = [*title(f"sparseopt.{name}", "="), f".. module:: sparseopt.{name}", "", summary(module), ""]
        page += listing(f"sparseopt.{name}", members(module))
        put(folder / f"{name}.rst", page)
    index += [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in modules())]
    put(folder / "index.rst", index)


SUMMARIES = {
    "designs": "How X is seen by solvers: dense, sparse, standardized without being copied.",
    "losses": "What a prediction costs.",
    "penalties": "What coefficients cost.",
    "supports": "Priors of which coefficients are in use together.",
    "exceptions": "Errors of the package. Each is also one of Python's own.",
}


def summary(module):
    """Return the first sentence about a module."""
    name = module.__name__.rpartition(".")[2]
    return SUMMARIES.get(name) or inspect.getdoc(module).split("\n\n")[0].replace("\n", " ")


def put(path, lines):
    """Write a file if it differs, so that Sphinx need not read it again."""
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
