"""Templates of the pages, and what every page carries within it."""

from pathlib import Path

import jinja2
from markupsafe import Markup

from reinrelax.reporting.tables import read_text
from reinrelax.reporting.wording import subscripts


def environment(root: Path) -> jinja2.Environment:
    """Templates below `report/templates`: all text escaped, and a name that is not given an error."""
    out = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    out.filters["maths"] = subscripts
    return out


def embedded(root: Path) -> dict[str, Markup]:
    """Style sheet and script, so that a page is one file.

    Raises:
        ResultsError: one is missing.
    """
    return {name: Markup(read_text(root / f"report/static/report.{name}")) for name in ("css", "js")}
