"""No public name lacks a page, a parameter its description, or a link of the drawn tree its target."""

import dataclasses
import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

import sparseopt as so

DOCS = Path(__file__).parents[2] / "docs"
if not DOCS.exists():
    pytest.skip("the pages are not part of an installed package", allow_module_level=True)
sys.path.insert(0, str(DOCS / "_ext"))
import api_pages  # noqa: E402
import decision_tree  # noqa: E402

# left out: examples are doctests, demanded elsewhere; "as in" descriptions have no type of their own
CHECKS = {
    "GL01": "summary starts on the line of the quotes", "GL02": "closing quotes", "GL03": "double blank lines",
    "GL05": "tabs", "GL06": "unknown section", "GL07": "order of sections", "GL08": "no docstring",
    "SS01": "no summary", "SS02": "no capital", "SS03": "no period", "SS04": "leading spaces",
    "PR01": "parameter missing", "PR02": "unknown parameter", "PR05": "period after a type",
    "PR10": "space before colon", "RT01": "no Returns", "RT02": "named return", "YD01": "no Yields",
}  # fmt: skip
# Methods that are one interface with one meaning of their arguments, explained once: in the notes of Problem, and on
# the pages "a penalty of your own", "a loss", "a design", and in the READMEs of the folders of supports, MPI and the
# bridge. They need a summary only.
INTERFACES = (
    "sparseopt.Problem.", "sparseopt.losses.", "sparseopt.penalties.", "sparseopt.designs.", "sparseopt.supports.",
    "sparseopt.mpi.MpiRanks.", "sparseopt.mpi.RowDesign.", "sparseopt.mpi.ColumnDesign.",
    "sparseopt.bridge.Network.", "sparseopt.bridge.Pattern.",
    "sparseopt.bridge.NM.", "sparseopt.bridge.Block.", "sparseopt.bridge.Cluster.", "sparseopt.bridge.Neuron.",
    "sparseopt.bridge.PerRow.", "sparseopt.bridge.Unstructured.",
)  # fmt: skip


def names():
    for family in api_pages.families().values():
        yield from (("sparseopt", name) for name in family)
    for module, value in api_pages.modules().items():
        yield from ((f"sparseopt.{module}", name) for name in api_pages.members(value))


def own_members(value):
    """Yield the public methods and properties that the package itself wrote and documented."""
    for name in dir(value):
        if name.startswith("_") or name.endswith("_request"):
            continue
        member = inspect.getattr_static(value, name)
        member = getattr(member, "__func__", getattr(member, "fget", member))
        if callable(member) and getattr(member, "__module__", "").startswith("sparseopt"):
            if getattr(member, "__doc__", None) or not inspect.getdoc(getattr(value, name)):
                yield name


def documented():
    for module, name in names():
        value = getattr(importlib.import_module(module), name)
        yield f"{module}.{name}", value, False
        if inspect.isclass(value):
            yield from ((f"{module}.{name}.{member}", value, True) for member in own_members(value))


def test_every_public_name_has_a_page(tmp_path):
    api_pages.write(tmp_path)
    listed = {page.stem: set(re.findall(r"^   ([\w.]+)$", page.read_text(), re.M)) for page in tmp_path.glob("*.rst")}
    public = {name for name in so.__all__ if not name.startswith("__")} - api_pages.FOREIGN
    assert public <= listed["index"], f"without a page: {public - listed['index']}"
    for module in api_pages.modules():
        inside = set(getattr(so, module).__all__) - api_pages.FOREIGN
        inside = {name for name in inside if not inspect.ismodule(getattr(getattr(so, module), name))}
        assert inside <= listed[module], f"sparseopt.{module} without a page: {inside - listed[module]}"


def test_docstrings_are_complete():
    numpydoc = pytest.importorskip("numpydoc.validate", reason="numpydoc is in the extra docs")
    wrong = []
    for full, value, is_member in documented():
        containers = (so.Result, so.PathResult, so.datasets.Table)
        skipped = set()
        if full.startswith(INTERFACES) and is_member:
            skipped = {"PR01", "RT01"}
        elif inspect.isclass(value) and not is_member and (
            issubclass(value, containers) or issubclass(value, BaseException) or dataclasses.is_dataclass(value)
        ):
            skipped = {"PR01"}  # fields of results and errors are documented as attributes
        for code, message in numpydoc.validate(full)["errors"]:
            if code in CHECKS and code not in skipped:
                wrong.append(f"{full}: {code} {message}")
    assert not wrong, "\n".join(wrong)


def test_links_of_the_tree_lead_somewhere():
    links = re.findall(r'href="([^"]+)"', decision_tree.draw())
    assert len(links) > 10
    for link in links:
        assert (DOCS / link).with_suffix(".md").exists(), f"the tree links to {link}, which no page is"


def test_methods_of_the_tree_exist():
    for _, leaves in decision_tree.TREE:
        for _, method, _ in leaves:
            name = method.partition("(")[0]
            planned = {"TurboVBIRegressor"} - set(so.__all__)
            assert name in so.__all__ or name in so.channel.__all__ or name in planned, f"{name} does not exist"


def test_fractions_are_read_as_tex_reads_them():
    pytest.importorskip("sphinx", reason="sphinx is in the extra docs")
    import mathml

    read = {
        r"\tfrac12 \alpha": r"\tfrac{1}{2} \alpha",
        r"\frac t\gamma + \frac1S x": r"\frac{t}{\gamma} + \frac{1}{S} x",
        r"\frac{\frac12 a}{b_{1}}": r"\frac{\frac{1}{2} a}{b_{1}}",
        r"\fraction12": r"\fraction12",
    }
    assert {text: mathml.braced(text) for text in read} == read
