"""Sphinx configuration: `make docs` builds the site without warnings."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import api_pages  # noqa: E402
import decision_tree  # noqa: E402
import matplotlib  # noqa: E402

import sparseopt  # noqa: E402

matplotlib.use("agg")

project = "sparseopt"
author = "the sparseopt developers"
copyright = author
version = release = sparseopt.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "mathml",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "_ext", "_templates"]
templates_path = ["_templates"]
default_role = "code"

# what stands here is written by the scripts beside it, before Sphinx reads the pages
api_pages.write(HERE / "api")
decision_tree.write(HERE / "_static" / "choose.svg")

# -- pages -------------------------------------------------------------------------------------------------------
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # the configuration holds functions, which cannot be pickled

# -- docstrings --------------------------------------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template of autosummary does it
numpydoc_validation_checks = set()  # tests/docs validates
nitpick_ignore_regex = [(r"py:.*", r"(numpy|scipy|sklearn)\..*")]  # their pages are not read, so that no net is needed

# -- gallery -----------------------------------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sparseopt",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "plot_gallery": True,
    "abort_on_example_error": True,
    "min_reported_time": 1e9,
    "thumbnail_size": (560, 400),
}

# -- look --------------------------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "sparseopt"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}  # said, because the theme reports an error where it is not
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}
html_sidebars = {"index": [], "benchmarks": [], "changelog": []}
