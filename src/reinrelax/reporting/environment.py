"""The templates of the pages, and the style sheet and script that every page embeds."""

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from reinrelax.display.tables import read_text
from reinrelax.display.text_format import subscripts


def environment(root: Path) -> jinja2.Environment:
    """Return the templates in `report/templates`; text is escaped, undefined names are errors."""
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
    """Return the style sheet, the script, and a security policy that allows no other script.

    Raises:
        ResultsError: a file is missing.
    """
    css, js = (Markup(read_text(root / f"report/static/report.{name}")) for name in ("css", "js"))
    # Browsers hash everything between the tags, including the line breaks at both ends.
    script = base64.b64encode(hashlib.sha256(f"\n{js}\n".encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; img-src"
        " data:; base-uri 'none'; form-action 'none'"
    )
    return {"css": css, "js": js, "policy": Markup(policy)}
