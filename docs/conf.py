"""How Sphinx reads the pages that docs/site.py lays out."""

import re
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

import reinrelax

project, release = "reinrelax", reinrelax.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = ["*.md", "docs/**.md", "report/reference/README.md"]
html_theme = "furo"
html_title = f"reinrelax {release}"
html_math_renderer = "mathml"
html_copy_source = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
# Docstrings write code between single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
# Other packages' names lead nowhere without a network, nor do type variables.
nitpick_ignore_regex = [("py:.*", r"(?!reinrelax\.).*|.*\.[ELPQ]")]


def _without_bars(
    app: Any, what: str, name: str, given: Any, options: Any, lines: list[str]
) -> None:
    """Keep |x| in a docstring from passing for a substitution; between backticks it is safe."""
    for index, line in enumerate(lines):
        parts = re.split("(`[^`]*`)", line)
        lines[index] = "".join(p if p.startswith("`") else p.replace("|", r"\|") for p in parts)


def _formula(display: str) -> Any:
    """Make a writer of formulas as MathML, which browsers set without a script or a network."""

    def write(translator: Any, node: Any) -> None:
        spaced = node.astext().replace(
            r"\log", r"\log\,"
        )  # the converter runs it into what follows
        translator.body.append(convert(spaced, display=display))
        raise SkipNode

    return write


def setup(app: Any) -> None:
    """Join the above to Sphinx."""
    app.connect("autodoc-process-docstring", _without_bars)
    app.add_html_math_renderer("mathml", (_formula("inline"), None), (_formula("block"), None))
