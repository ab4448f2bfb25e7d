"""Templates of the pages, and what every page carries within it."""

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from reinrelax.display.tables import read_text
from reinrelax.display.wording import subscripts


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
    """Style sheet and script, so that a page is one file, and the policy that lets a browser run no other.

    Raises:
        ResultsError: one is missing.
    """
    css, js = (Markup(read_text(root / f"report/static/report.{name}")) for name in ("css", "js"))
    # Browsers hash what stands between the tags, to the last line's end.
    script = base64.b64encode(hashlib.sha256(f"\n{js}\n".encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return {"css": css, "js": js, "policy": Markup(policy)}
