"""Formulas as MathML, written while the pages are built: no script, no font and no net is needed to read them."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
FRACTION = re.compile(r"\\[dt]?frac(?![A-Za-z])")
TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\\.|[^\s{])")


def argument(text, start):
    """Return (what TeX takes for an argument at a place, without its braces; where it ends)."""
    opened = re.compile(r"\s*\{").match(text, start)
    if not opened:
        token = TOKEN.match(text, start)
        return token[1], token.end()
    depth, end = 1, opened.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[opened.end() : end - 1], end


def braced(text):
    r"""Put braces around the arguments of fractions: the reader of docutils takes ``\frac12 a`` for 12 over a."""
    found = FRACTION.search(text)
    if not found:
        return text
    above, end = argument(text, found.end())
    below, end = argument(text, end)
    inside = f"{found[0]}{{{braced(above)}}}{{{braced(below)}}}"
    return text[: found.start()] + inside + braced(text[end:])


def convert(node, block):
    """Return the MathML of a node; a formula that cannot be read is a warning, and stays TeX."""
    text = braced(node.astext().replace(r"\dots", r"\ldots"))
    if block and r"\begin{" not in text and r"\\" in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
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
