"""Heat maps: panels of cells coloured by how far each lies above the best, with the number in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from reinrelax.reporting.canvas import Canvas, canvas, open_panel
from reinrelax.reporting.style import INK

COLUMNS = ("panel", "x", "y", "value", "note", "is_best", "is_paper")
# Perceptually uniform, brightest where best; numbers and symbols say the same without colour.
_COLOURS = colormaps["viridis_r"]
_DARK, _BRIGHT = "#14181d", "#f3f5f7"
_SYMBOLS = (("*", "our lowest", 8.0), ("D", "the paper’s choice", 5.0))


@dataclass(frozen=True)
class MapPanel:
    """One map. `xs`, `ys`: its columns from left to right and its rows from bottom to top, as text."""

    name: str
    title: str
    x_label: str
    y_label: str
    xs: tuple[str, ...]
    ys: tuple[str, ...]


@dataclass(frozen=True)
class MapFigure:
    """A figure of maps.

    Attributes:
        what: what it shows, for those who cannot see it.
        data: `COLUMNS`, and others after them; `value` is what colours, NaN for nothing; `note` is shown when
            the cell is pointed at, and in the cell where it has no value.
        clip: what lies above it has the last colour.
        unit: of the value.
    """

    name: str
    what: str
    data: pd.DataFrame
    panels: tuple[MapPanel, ...]
    clip: float
    unit: str
    columns: int = 2


def draw(plan: MapFigure) -> str:
    """The figure as SVG. The same table gives the same text, byte by byte."""
    with canvas(len(plan.panels), plan.columns, (4.4, 2.9), 0.9) as page:
        for ax, panel in zip(page.axes, plan.panels, strict=True):
            _panel(page, ax, panel, plan)
        if plan.panels:
            _legend(page, plan)
        return page.to_svg(plan.name, plan.what)


def describe(plan: MapFigure) -> dict[str, Any]:
    """What the page needs to know of the figure beside its table."""
    return {
        "name": plan.name,
        "kind": "map",
        "what": plan.what,
        "x_label": next((panel.x_label for panel in plan.panels), ""),
        "titles": {panel.name: panel.title for panel in plan.panels},
        "x_labels": {panel.name: panel.x_label for panel in plan.panels},
        "y_labels": {panel.name: panel.y_label for panel in plan.panels},
        "log": {panel.name: False for panel in plan.panels},
        "series": [],
        "scale": {
            "clip": plan.clip,
            "unit": plan.unit,
            "colours": [to_hex(_COLOURS(step / 10)) for step in range(11)],
        },
    }


def _panel(page: Canvas, ax: Axes, panel: MapPanel, plan: MapFigure) -> None:
    name = f"{plan.name}-{panel.name}"
    open_panel(ax, name, panel.title, panel.x_label, panel.y_label)
    _ticks(ax, panel.xs, panel.ys)
    rows = plan.data[plan.data["panel"] == panel.name].to_dict("records")
    for index, row in enumerate(rows):
        place = (panel.xs.index(row["x"]), panel.ys.index(row["y"]))
        known = pd.notna(row["value"])
        fill = _COLOURS(min(1.0, row["value"] / plan.clip)) if known else "none"
        ink = (_DARK if _is_bright(fill) else _BRIGHT) if known else INK
        corner = (place[0] - 0.47, place[1] - 0.46)
        cell = Rectangle(
            corner, 0.94, 0.92, facecolor=fill, edgecolor="none" if known else INK, linewidth=0.4
        )
        cell.set_gid(f"{name}-cell-{index}")
        ax.add_patch(cell)
        chosen = bool(row["is_best"] or row["is_paper"])
        words = _short(row["value"]) if known else "–"
        height = place[1] - (0.14 if chosen else 0.0)
        text = ax.text(place[0], height, words, ha="center", va="center", fontsize=6.5, color=ink)
        text.set_gid(f"{name}-over-{index}")
        page.notes[f"{name}-cell-{index}"] = str(row["note"])
        for there, (marker, _, size), shift in zip(
            (row["is_best"], row["is_paper"]), _SYMBOLS, (-0.22, 0.22), strict=True
        ):
            if there:
                symbol = _symbol(marker, 0.8 * size, ink)
                symbol.set_data([place[0] + shift], [place[1] + 0.24])
                symbol.set_gid(f"{name}-over-{index}{marker}")
                ax.add_line(symbol)


def _symbol(marker: str, size: float, colour: str, label: str = "") -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=colour, markeredgewidth=0, label=label
    )


def _ticks(ax: Axes, xs: Sequence[str], ys: Sequence[str]) -> None:
    ax.set_xticks(range(len(xs)), xs)
    ax.set_yticks(range(len(ys)), ys)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlim(-0.5, len(xs) - 0.5)
    ax.set_ylim(-0.5, len(ys) - 0.5)


def _legend(page: Canvas, plan: MapFigure) -> None:
    handles = [_symbol(marker, size, INK, label) for marker, label, size in _SYMBOLS]
    page.figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    colours = ScalarMappable(Normalize(0, plan.clip), _COLOURS)
    bar = page.figure.colorbar(
        colours, ax=list(page.axes), location="bottom", shrink=0.5, aspect=40, pad=0.01, extend="max"
    )
    bar.set_label(plan.unit)
    bar.ax.patch.set_visible(False)


def _is_bright(colour: Any) -> bool:
    # Relative luminance; dark and bright text have the same contrast where it is 0.18.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return bool(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18)


def _short(value: float) -> str:
    """As many digits as a cell has room for."""
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
