"""Formulas as MathML, written while the pages are built: no script, no font and no net is needed to read them."""

from docutils.nodes import SkipNode
from docutils.utils.math import pick_math_environment
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)


def convert(node, block):
    """Return the MathML of a node; a formula that cannot be read is a warning, and stays TeX."""
    text = node.astext().replace(r"\dots", r"\ldots")
    if block and r"\begin{" not in text:
        environment = pick_math_environment(text)
        if environment != "equation*":
            text = rf"\begin{{{environment}}}{text}\end{{{environment}}}"
    try:
        return tex2mathml(text, as_block=block)
    except Exception as error:  # the reader of docutils raises whatever its parts raise
        logger.warning("formula not understood: %s: %s", " ".join(text.split()), error, location=node)
        return f"<code>{text}</code>"


def visit_math(self, node):
    self.body.append(convert(node, block=False))
    raise SkipNode


def visit_displaymath(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math-block"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append(convert(node, block=True) + "</div>")
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
