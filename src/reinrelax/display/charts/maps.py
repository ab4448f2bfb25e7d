"""Heat maps: panels of coloured cells, with optional numbers, and a colour scale next to each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from reinrelax.display.charts.canvas import Canvas, Chart
from reinrelax.display.charts.style import INK

COLUMNS = ("panel", "x", "y", "value", "note", "is_best", "is_paper")
# A perceptually uniform map, brightest at the low end, usually the best; and a diverging one.
_SEQUENTIAL, _DIVERGING = colormaps["viridis_r"], colormaps["PuOr_r"]
_STEPS = 24
# Maximum number of characters along the x axis, and of labels along the y axis.
_ACROSS, _UP = 56, 12
_DARK, _BRIGHT = "#14181d", "#f3f5f7"


@dataclass(frozen=True)
class _CellSymbol:
    """A symbol in the cells whose `column` is true, `shift` cell widths right of the centre."""

    column: str
    symbol: str
    label: str
    size: float
    shift: float


_SYMBOLS = (
    _CellSymbol("is_best", "*", "our lowest", 8.0, -0.22),
    _CellSymbol("is_paper", "D", "the paper’s choice", 5.0, 0.22),
)


@dataclass(frozen=True)
class ColourScale:
    """The colour scale of a map.

    Attributes:
        low, high: the values of the first and the last colour; values beyond them are clipped.
        unit: of the values.
        digits: decimals of the number in a cell; None for no numbers.
        diverging: whether the middle of the scale is neutral, as between opposite signs.
    """

    low: float
    high: float
    unit: str
    digits: int | None = 1
    diverging: bool = False

    @property
    def colours(self) -> Colormap:
        """The colour map, from 0 at the low end to 1 at the high end."""
        return _DIVERGING if self.diverging else _SEQUENTIAL

    def colour(self, value: float) -> Any:
        """Return the colour of a value: red, green, blue and opacity, each from 0 to 1."""
        return self.colours(min(1.0, max(0.0, (value - self.low) / (self.high - self.low))))

    def words(self, value: float) -> str:
        """Return the text of a cell, with fewer digits for large numbers."""
        return "" if self.digits is None else f"{value:.{self.digits if abs(value) < 9.95 else 0}f}"


@dataclass(frozen=True)
class MapPanel:
    """A map. `xs` are its columns from left to right, `ys` its rows from bottom to top, as text."""

    name: str
    title: str
    x_label: str
    y_label: str
    xs: tuple[str, ...]
    ys: tuple[str, ...]
    scale: ColourScale
    log: ClassVar[bool] = False


@dataclass(frozen=True)
class MapFigure(Chart):
    """A figure of maps.

    Attributes:
        data: `COLUMNS`, and any others after them; `value` gives the colour (NaN: none), `note` is
            the tooltip of the cell.
        size: of a panel, in inches.
        absence: why there are no panels, if the progress of the run does not explain it.
    """

    kind = "map"
    columns: int = field(default=2, kw_only=True)
    size: tuple[float, float] = (4.8, 2.9)
    absence: str = ""

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to know about the figure, apart from its table."""
        scales = {
            panel.name: {
                **vars(panel.scale),
                "colours": [to_hex(panel.scale.colours(step / 10)) for step in range(11)],
            }
            for panel in self.panels
        }
        return {**super().describe(), "absence": self.absence, "scales": scales}

    def room(self) -> tuple[tuple[float, float], float]:
        """Return the size of a panel, and the height of the legend."""
        return self.size, 0.3 if self.handles() else 0.0

    def handles(self) -> list[Line2D]:
        """Return the symbols that occur in any cell."""
        return [_symbol(mark, INK) for mark in _SYMBOLS if self.data[mark.column].any()]

    def legend(self) -> dict[str, Any]:
        """Return the layout of the legend."""
        return {"ncols": 2}

    def fill(self, page: Canvas, ax: Axes, panel: MapPanel) -> None:
        """Draw a panel."""
        _ticks(ax, panel.xs, panel.ys)
        rows = self.rows(panel).to_dict("records")
        for index, row in enumerate(rows):
            x, y = panel.xs.index(row["x"]), panel.ys.index(row["y"])
            known = pd.notna(row["value"])
            fill = panel.scale.colour(row["value"]) if known else "none"
            ink = (_DARK if _is_bright(fill) else _BRIGHT) if known else INK
            cell = Rectangle(
                *((x - 0.47, y - 0.46), 0.94, 0.92),
                facecolor=fill,
                edgecolor="none" if known else INK,
                linewidth=0.4,
                clip_on=False,
            )
            cell.set_gid(f"{self.name}-{panel.name}-cell-{index}")
            ax.add_patch(cell)
            page.notes[f"{self.name}-{panel.name}-cell-{index}"] = str(row["note"])
            marked = [mark for mark in _SYMBOLS if row[mark.column]]
            if words := panel.scale.words(row["value"]) if known else "–":
                height = y - (0.14 if marked else 0.0)
                text = ax.text(x, height, words, ha="center", va="center", fontsize=6.5, color=ink)
                text.set_gid(f"{self.name}-{panel.name}-over-{index}")
            for mark in marked:
                symbol = _symbol(mark, ink, 0.8)
                symbol.set_data([x + mark.shift], [y + 0.24])
                symbol.set_gid(f"{self.name}-{panel.name}-over-{index}{mark.symbol}")
                ax.add_line(symbol)
        _bar(ax, panel.scale)


def _symbol(mark: _CellSymbol, colour: str, scale: float = 1.0) -> Line2D:
    return Line2D(
        *([], []),
        linestyle="none",
        marker=mark.symbol,
        markersize=scale * mark.size,
        color=colour,
        markeredgewidth=0,
        label=mark.label,
    )


def _ticks(ax: Axes, xs: Sequence[str], ys: Sequence[str]) -> None:
    across = len(xs) * (2 + max(map(len, xs)))
    for axis, names, every in (
        (ax.xaxis, xs, -(-across // _ACROSS)),
        (ax.yaxis, ys, -(-len(ys) // _UP)),
    ):
        axis.set_ticks(range(0, len(names), every), names[::every])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlim(-0.5, len(xs) - 0.5)
    ax.set_ylim(-0.5, len(ys) - 0.5)


def _bar(ax: Axes, scale: ColourScale) -> None:
    """Draw the scale to the right of a map, in its group, so that the page moves both together."""
    bar = ax.inset_axes((1.03, 0.0, 0.03, 1.0))
    bar.patch.set_visible(False)
    bar.spines[:].set_visible(False)
    step = (scale.high - scale.low) / _STEPS
    for index in range(_STEPS):
        value = scale.low + index * step
        # Slightly overlapping, so that the background does not show between them.
        colour = scale.colour(value + step / 2)
        bar.add_patch(Rectangle((0, value), 1, 1.1 * step, facecolor=colour, linewidth=0))
    bar.set_ylim(scale.low, scale.high)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    bar.yaxis.set_major_locator(MaxNLocator(4))
    bar.tick_params(length=2, labelsize=7)
    bar.set_ylabel(scale.unit, fontsize=8)


def _is_bright(colour: Any) -> bool:
    # Relative luminance (WCAG): at 0.18, dark and bright text have about the same contrast.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return bool(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18)
