"""Figures of points: panels of pairs of numbers with lines through zero and a text in each quadrant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reinrelax.display.charts.canvas import canvas, open_panel
from reinrelax.display.charts.style import INK

COLUMNS = ("panel", "x", "y")
# Of a quadrant's text, as signs of x and y: right above, left above, left below, right below.
_QUADRANTS = ((1, 1), (-1, 1), (-1, -1), (1, -1))


@dataclass(frozen=True)
class PointPanel:
    """One panel. `texts`: one a quadrant, counter-clockwise from right above; `reach`: of both axes."""

    name: str
    title: str
    x_label: str
    y_label: str
    reach: float
    texts: tuple[str, ...]


@dataclass(frozen=True)
class PointFigure:
    """A figure of points.

    Attributes:
        what: what it shows, for those who cannot see it.
        data: `COLUMNS`.
        columns: of panels, at most.
    """

    name: str
    what: str
    data: pd.DataFrame
    panels: tuple[PointPanel, ...]
    columns: int = 3


def draw(plan: PointFigure) -> str:
    """The figure as SVG. The same table gives the same text, byte by byte."""
    with canvas(len(plan.panels), plan.columns, (3.1, 3.1), 0.0) as page:
        for ax, panel in zip(page.axes, plan.panels, strict=True):
            _panel(ax, panel, plan)
        return page.to_svg(plan.name, plan.what)


def describe(plan: PointFigure) -> dict[str, Any]:
    """What the page needs to know of the figure beside its table."""
    return {
        "name": plan.name,
        "kind": "points",
        "what": plan.what,
        "titles": {panel.name: panel.title for panel in plan.panels},
        "x_labels": {panel.name: panel.x_label for panel in plan.panels},
        "y_labels": {panel.name: panel.y_label for panel in plan.panels},
        "log": {panel.name: False for panel in plan.panels},
        "series": [],
    }


def _panel(ax: Axes, panel: PointPanel, plan: PointFigure) -> None:
    name = f"{plan.name}-{panel.name}"
    open_panel(ax, name, panel.title, panel.x_label, panel.y_label)
    own = plan.data[plan.data["panel"] == panel.name]
    for line in (ax.axhline, ax.axvline):
        line(0, color=INK, linewidth=0.8, alpha=0.5)
    dots = Line2D(own["x"], own["y"], linestyle="none", marker="o", markersize=3.2, color=INK, alpha=0.5)
    dots.set_markeredgewidth(0)
    dots.set_gid(f"{name}-dots")
    ax.add_line(dots)
    _say(ax, panel.texts)
    # Room beyond the outermost points for what is said of the quadrants.
    reach = 1.2 * panel.reach
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")


def _say(ax: Axes, texts: Sequence[str]) -> None:
    for text, (x, y) in zip(texts, _QUADRANTS, strict=True):
        ax.text(
            *(0.5 + 0.48 * x, 0.5 + 0.48 * y, text),
            ha="right" if x > 0 else "left",
            va="top" if y > 0 else "bottom",
            transform=ax.transAxes,
            fontsize=9,
        )
