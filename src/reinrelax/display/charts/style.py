"""The style of each estimator: colour, dashes and marker, so that none of them has to suffice."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# A placeholder for the colour of text while a figure is drawn; the page that shows the SVG sets it.
INK = "#010203"

# Okabe and Ito's palette, darkened to a contrast of at least 3 on white and on near-black.
_COLOURS = ("#B87A00", "#2F8FCB", "#009E73", "#5A55C9", "#D55E00", "#C46A9B", INK)
# Lengths of strokes and gaps, in line widths.
_DASHES = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2), (9, 2.5), (4, 1.5, 1.5, 1.5, 1.5, 1.5), (2.5, 1))


def _outline(
    corners: int, inner: float = 1.0, turn: float = 0.0
) -> tuple[tuple[float, float], ...]:
    """Return a regular polygon, or a star if `inner` < 1, the radius of its inner corners.

    The first corner points up, turned by `turn` degrees.
    """
    steps = 2 * corners if inner < 1 else corners
    radii = (
        [1.0 if step % 2 == 0 else inner for step in range(steps)] if inner < 1 else [1.0] * steps
    )
    angles = [math.radians(90 + turn + 360 * step / steps) for step in range(steps)]
    return tuple(
        (round(r * math.cos(angle), 3), round(r * math.sin(angle), 3))
        for r, angle in zip(radii, angles, strict=True)
    )


_MARKERS = (
    _outline(16),
    _outline(4, turn=45),
    _outline(3),
    _outline(3, turn=180),
    _outline(4),
    _outline(4, inner=0.38, turn=45),
    _outline(5, inner=0.45),
)
# The paper's estimators, in its order.
PAPER = ("STGS", "Gumbel-Rao", "ST", "GST-1.0", "ReinMax", "ReinMax-Rao", "ReinMax-CV")


@dataclass(frozen=True)
class Style:
    """Colour as `#rrggbb`, dashes in line widths (none: solid), marker outline in [-1, 1]²."""

    colour: str
    dashes: tuple[float, ...]
    marker: tuple[tuple[float, float], ...]


def styles(estimators: Iterable[str]) -> dict[str, Style]:
    """Return a style per name.

    An estimator of the papers always has the same style. Its readings and settings, such as
    `ReinMax-CV-exchanged` and `ReinMax-CV, η 1.5`, have its colour. Others get the next style.
    """
    names = list(estimators)
    others = [name for name in names if name not in _OWN and not _base(name)]
    out: dict[str, Style] = {}
    turns: dict[str, int] = {}
    for name in names:
        if name in _OWN:
            out[name] = _OWN[name]
        elif base := _base(name):
            turns[base] = turn = turns.get(base, -1) + 1
            out[name] = _style(PAPER.index(base) + turn * len(_COLOURS))
        else:
            # Start from the first colour, unless the papers' estimators are in the same figure.
            out[name] = _style(others.index(name) + (len(PAPER) if len(others) < len(names) else 0))
    return out


def _base(name: str) -> str:
    """Return the papers' estimator that a name is, or is a reading of: the longest match, or ""."""
    fitting = [base for base in PAPER if name == base or name.startswith((f"{base}-", f"{base},"))]
    return max(fitting, key=len, default="")


# The derivative that quadrature rules approximate, and the agents of paper A.
_OWN = {
    "g′": Style(INK, (), _MARKERS[0]),
    **{
        name: Style(_COLOURS[colour], _DASHES[dashes], _MARKERS[marker])
        for name, colour, dashes, marker in (
            ("REINFORCE", 4, 1, 1),
            ("A2C", 2, 2, 3),
            ("RELAX", 3, 0, 0),
            ("RELAX-unnormalised", 0, 4, 4),
            ("RELAX-untrained", 5, 6, 2),
            ("LAX", 1, 3, 5),
        )
    },
}


def _style(index: int) -> Style:
    # After each round, dashes and markers shift against colours: the first 49 styles all differ.
    turn, place = divmod(index, len(_COLOURS))
    return Style(
        _COLOURS[place],
        _DASHES[(place + turn) % len(_DASHES)],
        _MARKERS[(place + 2 * turn) % len(_MARKERS)],
    )
