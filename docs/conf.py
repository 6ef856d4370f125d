"""The documentation as a site: ``pip install '.[docs]'``, then ``sphinx-build -W docs build/site``.

Sphinx, as it reads docstrings by importing what they belong to, checks every link between pages, and needs no theme or
plug-in that is about to end; MyST, so that pages stay the Markdown that a checkout shows.
"""

from __future__ import annotations

from importlib.metadata import version as installed

project = "regnas"
copyright = "the regnas authors"
author = "The regnas authors"
version = release = installed("regnas")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["examples"]
smartquotes = False  # options are typed as they stand
default_role = "py:obj"  # single backticks of docstrings: a link where it names something, else as code

html_theme = "furo"
html_title = "regnas"
html_theme_options = {"navigation_with_keys": True}

myst_heading_anchors = 3  # pages link to headings as GitHub writes their anchors
myst_enable_extensions = ["attrs_block"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# Said by their names: what they stand for is longer than what is said with them.
_ALIASES = "Array Column Columns Floats Ints Params Pixels Times Whole npt.ArrayLike"
autodoc_type_aliases = {name: name for name in _ALIASES.split()}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
autodoc_default_options = {"members": True}
autoclass_content = "class"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
