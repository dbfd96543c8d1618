"""Draws the tree of questions of the page "which method do I need?" as an SVG that follows the theme's colors.

The trunk of questions runs down the left; each answer "yes" leads to the right, to one or more methods. Boxes of
methods are links to the pages of the guide.
"""

from xml.sax.saxutils import escape

# question, what "yes" may mean in detail: (when, methods, page)
TREE = [
    ("Is y a class?", [
        ("labels for all points", "SparseLogisticRegressionCV", "guide/losses.html"),
        ("labels for a few points, and a graph", "GraphLabelPropagation", "guide/bcd.html"),
    ]),
    ("Is y a count, or does it\nhave outliers?", [
        ("counts", 'SparseRegressor("poisson")', "guide/losses.html"),
        ("outliers", 'SparseRegressor("huber")', "guide/losses.html"),
    ]),
    ("Far more rows than columns,\nand every column is wanted?", [
        ("standard errors, or machine precision", "SketchedRegressor", "guide/sketch.html"),
    ]),
    ("Is the design a Kronecker\nproduct of dictionaries?", [
        ("in general", "KroneckerSBL", "guide/kronecker.html"),
        ("a channel with a reflecting surface", "IRSChannelEstimator", "guide/channel.html"),
    ]),
    ("Do several targets share\ntheir columns, or do\ncolumns come in groups?", [
        ("several targets", "MultiTaskLassoCV", "guide/groups.html"),
        ("whole groups", "GroupLassoCV", "guide/groups.html"),
        ("few groups, few columns in them", "SparseGroupLasso", "guide/groups.html"),
    ]),
    ("Are the columns in use\nneighbors (runs, patches)?", [
        ("a support with a structure", "TurboVBIRegressor", "guide/turbo_vbi.html"),
    ]),
    ("Do columns share strong\nfactors, and does the Lasso\npredict nothing?", [
        ("which columns matter is random", "RandomSupportRegressor", "guide/random_support.html"),
    ]),
    ("Must large coefficients not\nbe shrunk, or is their\nnumber given?", [
        ("a number, or an information criterion", "BestSubsetRegressor", "guide/nonconvex.html"),
        ("a path of alphas", "MCPRegressor", "guide/nonconvex.html"),
    ]),
    ("Nothing to tune, and a\nstandard deviation for\nevery coefficient?", [
        ("some hundred columns in use at most", "SBLRegressor", "guide/sbl.html"),
    ]),
    ("None of these", [
        ("few columns", "LassoCV", "guide/lasso.html"),
        ("columns that resemble each other", "ElasticNetCV", "guide/lasso.html"),
    ]),
]  # fmt: skip

WIDTH = 860
TRUNK, LEFT = 240, 10
WHEN, METHOD = 312, 600
LINE, LEAF, GAP = 18, 40, 22

STYLE = """
.choose text { font: 14px system-ui, sans-serif; fill: var(--pst-color-text-base, #222); }
.choose .box { fill: var(--pst-color-surface, #f4f4f6); stroke: var(--pst-color-border, #bbb); stroke-width: 1.2; }
.choose .leaf { fill: var(--pst-color-primary-bg, #e8f4f6); stroke: var(--pst-color-primary, #0a7d91);
  stroke-width: 1.4; }
.choose a:hover .leaf, .choose a:focus .leaf { stroke-width: 3; }
.choose .method { font: 600 14px ui-monospace, monospace; fill: var(--pst-color-text-base, #222); }
.choose .when { font-size: 13px; fill: var(--pst-color-text-muted, #555); }
.choose .answer { font-size: 12px; font-style: italic; fill: var(--pst-color-text-muted, #555); }
.choose path { fill: none; stroke: var(--pst-color-text-muted, #777); stroke-width: 1.3; }
.choose .tip { fill: var(--pst-color-text-muted, #777); stroke: none; }
"""


def text(x, y, words, kind="", anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def tip(x, y, down=False):
    """Return the head of an arrow that ends at (x, y)."""
    points = f"{x - 4},{y - 8} {x + 4},{y - 8} {x},{y}" if down else f"{x - 8},{y - 4} {x - 8},{y + 4} {x},{y}"
    return f'<polygon class="tip" points="{points}"/>'


def draw(tree=TREE):
    """Return the SVG of a tree."""
    parts, y = [], 10
    for k, (question, leaves) in enumerate(tree):
        lines = question.split("\n")
        height = max(len(lines) * LINE + 22, LEAF * len(leaves) + 6)
        middle = y + height / 2
        parts.append(f'<rect class="box" x="{LEFT}" y="{y}" width="{TRUNK}" height="{height}" rx="8"/>')
        top = middle - (len(lines) - 1) * LINE / 2 + 5
        parts += [text(LEFT + TRUNK / 2, top + LINE * i, line, anchor="middle") for i, line in enumerate(lines)]
        start = LEFT + TRUNK
        first = middle - LEAF * (len(leaves) - 1) / 2
        for i, (when, method, page) in enumerate(leaves):
            at = first + LEAF * i
            parts.append(f'<path d="M{start} {middle} H{start + 36} V{at} H{WHEN - 8}"/>')
            parts.append(tip(WHEN - 2, at))
            parts.append(text(WHEN + 4, at + 5, when, "when"))
            parts.append(
                f'<a href="{page}"><rect class="leaf" x="{METHOD}" y="{at - 16}" width="{WIDTH - METHOD - 8}" '
                f'height="32" rx="6"/>{text(METHOD + 12, at + 5, method, "method")}</a>'
            )
        last = k == len(tree) - 1
        if not last:
            parts.append(text(start + 7, middle - 5, "yes", "answer"))
            end = y + height + GAP
            middle_x = LEFT + TRUNK / 2
            parts.append(f'<path d="M{middle_x} {y + height} V{end - 6}"/>' + tip(middle_x, end - 1, down=True))
            parts.append(text(middle_x + 7, y + height + 15, "no", "answer"))
        y += height + GAP
    title = "<title>Which method do I need? A tree of questions; the same as a table follows.</title>"
    return (
        f'<div class="choose"><svg viewBox="0 0 {WIDTH} {y - GAP + 10}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"{title}<style>{STYLE}</style>{''.join(parts)}</svg></div>\n"
    )


def write(path):
    """Write the drawing if it changed."""
    drawing = draw()
    if not path.exists() or path.read_text() != drawing:
        path.write_text(drawing)
