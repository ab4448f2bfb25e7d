"""The picture of the architecture, drawn from the list of layers in docs/design.md."""

import re
import textwrap
from html import escape
from pathlib import Path

_WIDTH, _LEFT, _LINE, _GAP = 900, 310, 19, 12
# Letters that fit between the names and the edge.
_LETTERS = 80
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .name { font-family: ui-monospace, monospace; font-weight: 600 }
  rect { fill: #f6f8fa; stroke: #57606a }
  path { stroke: #57606a; fill: none; marker-end: url(#tip) }
  marker path { fill: #57606a; stroke: none; marker-end: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } rect { fill: #161b22; stroke: #8b949e }
    path { stroke: #8b949e } marker path { fill: #8b949e }
  }
"""


def layers(design: Path) -> list[tuple[list[str], str]]:
    """The folders of each layer and what they hold, from the first table of the design's page."""
    table = design.read_text(encoding="utf-8").split("| folder |")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ", 1) for line in table.splitlines()[2:]]
    return [(re.findall("`([^`]+)`", names), text.replace("`", "")) for names, text in rows]


def picture(design: Path) -> str:
    """The layers as SVG, each a box below those that it imports from."""
    drawn, top = [], _GAP
    for names, text in layers(design):
        right = textwrap.wrap(text, _LETTERS)
        height = _LINE * max(len(names), len(right)) + _GAP
        drawn.append(
            f'<rect x="40" y="{top}" width="{_WIDTH - 50}" height="{height}" rx="5"/>'
            + _lines(names, 52, top, "name")
            + _lines(right, _LEFT, top, "what")
        )
        top += height + _GAP // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + _GAP}" role="img">'
        f"<title>The layers of the code</title><style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
        ' markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
        f'<path d="M24 {top - _GAP} V{2 * _GAP}"/>'
        f'<text x="-{top // 2}" y="16" transform="rotate(-90)" text-anchor="middle">imports'
        " from</text>"
        f"{''.join(drawn)}</svg>\n"
    )


def _lines(lines: list[str], x: int, top: int, kind: str) -> str:
    """Lines of text from the top of a box on."""
    return "".join(
        f'<text class="{kind}" x="{x}" y="{top + _LINE * (i + 1)}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
