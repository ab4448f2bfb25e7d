"""Figures of lines: panels with a line and a band per series, drawn from one tidy table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path as Outline
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from reinrelax.display.charts.canvas import Canvas, Chart, say
from reinrelax.display.charts.style import INK, Style, styles

COLUMNS = ("panel", "series", "x", "value", "low", "high")
# Curves drop by a hundred nats at first and differ by one at the end. With at least this many
# epochs, the range of y ignores the first twentieth of them.
_LONG = 20
_MARKERS = 8
_FEW_DECADES = 2.0
_NO_DECADE = 0.6
_REFERENCE = (0, (6, 3))
_WIDTH = 3.5
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Reference:
    """A dashed reference line at `value` of the axis `x` or `y`, with a label."""

    axis: str
    value: float
    label: str


@dataclass(frozen=True)
class RingedPoint:
    """A ringed point of a series and, at the foot of the panel, an interval of its x."""

    series: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class LinePanel:
    """A panel.

    Attributes:
        name: of the panel in the table.
        log, log_x: whether the y axis, or the x axis, is logarithmic.
        group: panels with the same group have the same range of y.
        whole: whether x is a count, such as epochs.
        settles: whether the range of y may ignore the beginning of long curves, as of a training.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    log: bool = False
    whole: bool = False
    settles: bool = False
    log_x: bool = False
    references: tuple[Reference, ...] = ()
    marks: tuple[RingedPoint, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class LineFigure(Chart):
    """A figure of lines.

    Attributes:
        data: `COLUMNS`, and any others after them; a series has the same style in all panels.
        absence: why there are no panels, if the progress of the run does not explain it.
    """

    kind = "lines"
    absence: str = ""

    @property
    def series(self) -> list[str]:
        """The series in order of first appearance, which `data-series` counts."""
        return list(dict.fromkeys(self.data["series"]))

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to know about the figure, apart from its table."""
        return {
            **super().describe(),
            "absence": self.absence,
            "references": {
                panel.name: [vars(r) for r in panel.references] for panel in self.panels
            },
            "series": [
                {"name": name, "colour": look.colour, "dashes": look.dashes, "marker": look.marker}
                for name, look in styles(self.series).items()
            ],
        }

    def room(self) -> tuple[tuple[float, float], float]:
        """Return the size of a panel, and the height of the legend."""
        return (_WIDTH, 2.7), 0.3 + 0.2 * math.ceil(len(self.series) / self.legend()["ncols"])

    def handles(self) -> list[Line2D]:
        """Return a line per series."""
        return [_line(style, name) for name, style in styles(self.series).items()]

    def legend(self) -> dict[str, Any]:
        """Return a layout with as many columns as fit next to each other."""
        inches = _WIDTH * min(self.columns, max(1, len(self.panels)))
        longest = max((len(name) for name in self.series), default=0)
        columns = max(1, min(7, len(self.series), int(72 * inches / (5.6 * longest + 56))))
        return {"ncols": columns, "handlelength": 3.6}

    def rows(self, panel: LinePanel) -> pd.DataFrame:
        """Return the rows of a panel; on a logarithmic axis, lines break at nonpositive values."""
        data = super().rows(panel)
        return data.assign(value=data["value"].where(data["value"] > 0)) if panel.log else data

    def fill(self, page: Canvas, ax: Axes, panel: LinePanel) -> None:
        """Draw a panel."""
        looks = styles(self.series)
        data = self.rows(panel)
        if data["value"].notna().sum() == 0:
            say(ax, "No results to draw yet.")
            return
        if panel.log:
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(decades(data["value"].min(), data["value"].max()))
            ax.yaxis.set_major_formatter(FuncFormatter(power))
            ax.yaxis.set_minor_locator(NullLocator())
        else:
            ax.ticklabel_format(axis="y", useOffset=False)
        if panel.whole:
            ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        ax.grid(color=INK, alpha=0.12, linewidth=0.6)
        first, last = float(data["x"].min()), float(data["x"].max())
        long = panel.settles and last >= _LONG
        for series, group in data.groupby("series", sort=False):
            style, index = looks[str(series)], list(looks).index(str(series))
            ends = group[["low", "high"]].clip(lower=1e-30) if panel.log else group[["low", "high"]]
            band = ax.fill_between(
                group["x"], ends["low"], ends["high"], color=style.colour, alpha=0.16, linewidth=0
            )
            band.set_gid(f"{self.name}-{panel.name}-band-{index}")
            line = _line(style, str(series))
            line.set_data(group["x"], group["value"])
            # Offset the markers of different lines, so that they do not hide each other.
            every = max(1, len(group) // _MARKERS)
            line.set_markevery((index * every // max(1, len(looks)), every))
            line.set_gid(f"{self.name}-{panel.name}-line-{index}")
            ax.add_line(line)
        if panel.log_x:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(decades(first, last))
            ax.xaxis.set_major_formatter(FuncFormatter(power))
            ax.xaxis.set_minor_locator(NullLocator())
            room = (last / first) ** 0.02
            ax.set_xlim(first / room, last * room)
        else:
            room = 0.02 * (last - first) or 0.5
            ax.set_xlim(first - room, last + room)
        shown = data[data["x"] > last // _LONG] if long else data
        if panel.group:
            shown = pd.concat([self.rows(one) for one in self.panels if one.group == panel.group])
        _limit(ax, panel, float(shown["value"].min()), float(shown["value"].max()))
        _refer(ax, panel)
        _ring(ax, panel, looks)


def decades(low: float, high: float) -> LogLocator | MaxNLocator:
    """Return ticks at powers of ten; for narrow ranges also in between, or at regular steps."""
    if math.log10(high / low) < _NO_DECADE:
        return MaxNLocator(nbins=4)
    return LogLocator(subs=(1.0, 2.0, 5.0) if math.log10(high / low) < _FEW_DECADES else (1.0,))


def _limit(ax: Axes, panel: LinePanel, low: float, high: float) -> None:
    """Set limits that fit all lines, and references close to them."""
    if panel.log:
        low, high = math.log10(low), math.log10(high)
    span = high - low
    for value in _near(panel, low, high):
        low, high = min(low, value), max(high, value)
    margin = 0.06 * (high - low) or (0.1 if panel.log else 0.05 * abs(low) or 1.0)
    # Each interval at the foot takes up a row.
    low -= margin + 0.06 * span * len(panel.marks)
    high += margin
    ax.set_ylim(10**low if panel.log else low, 10**high if panel.log else high)


def _near(panel: LinePanel, low: float, high: float) -> Sequence[float]:
    """Return the y references within one range of the lines, on the scale of the axis."""
    values = [r.value for r in panel.references if r.axis == "y" and (r.value > 0 or not panel.log)]
    scaled = [math.log10(value) if panel.log else value for value in values]
    return [value for value in scaled if 2 * low - high <= value <= 2 * high - low]


def _refer(ax: Axes, panel: LinePanel) -> None:
    bottom, top = ax.get_ylim()
    for reference in panel.references:
        value, label = reference.value, reference.label
        if reference.axis == "x":
            ax.axvline(value, color=INK, linewidth=0.9, linestyle=_REFERENCE, alpha=0.7, zorder=1.5)
            _annotate(ax, label, value, 1.0, data="x")
        elif bottom <= value <= top:
            ax.axhline(value, color=INK, linewidth=0.9, linestyle=_REFERENCE, alpha=0.7, zorder=1.5)
            _annotate(ax, label, 1.0, value, data="y")
        else:
            below = value < bottom
            arrow = "↓" if below else "↑"
            _annotate(ax, f"{label} {value:g} {arrow}", 0.0, 0.0 if below else 1.0, data="")


def _annotate(ax: Axes, label: str, x: float, y: float, data: str) -> None:
    """Write a small label to the right of a place.

    `data` names the axis on which the place is in data coordinates, not a fraction of the axes.
    """
    systems = (
        "data" if data == "x" else "axes fraction",
        "data" if data == "y" else "axes fraction",
    )
    align = "center" if data == "y" else "top" if y == 1.0 else "bottom"
    ax.annotate(
        label,
        (x, y),
        (3, {"center": 0, "top": -2, "bottom": 2}[align]),
        xycoords=systems,
        textcoords="offset points",
        va=align,
        fontsize=8,
    )


def _ring(ax: Axes, panel: LinePanel, looks: Mapping[str, Style]) -> None:
    bottom, top = ax.get_ylim()
    for index, mark in enumerate(panel.marks):
        colour = looks[mark.series].colour
        ax.plot(
            [mark.x],
            [mark.y],
            marker="o",
            markersize=10,
            markerfacecolor="none",
            color=colour,
            markeredgewidth=1.8,
        )
        height = bottom + (0.035 + 0.05 * index) * (top - bottom)
        ends = [value for value in (mark.low, mark.high) if math.isfinite(value)]
        ax.plot(ends, [height] * len(ends), color=colour, linewidth=2.2, marker="|", markersize=7)
        ax.plot([mark.x], [height], marker="o", markersize=4.5, color=colour)


def _line(style: Style, name: str) -> Line2D:
    outline = Outline([*style.marker, style.marker[0]], closed=True)
    line = Line2D(
        [], [], color=style.colour, linewidth=1.5, marker=outline, markersize=5.5, label=name
    )
    line.set_markeredgewidth(0)
    if style.dashes:
        line.set_dashes(style.dashes)
    return line


def power(value: float, _: Any = None) -> str:
    """Return a tick label: the number itself if it is short, else `10⁻³` or `2·10⁻³`."""
    if 0.01 <= value <= 1000:
        return f"{value:g}"
    if value <= 0:
        return ""  # regular steps may begin below a logarithmic axis
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10**exponent)
    return ("" if factor == 1 else f"{factor}·") + "10" + f"{exponent}".translate(_SUPERSCRIPTS)
