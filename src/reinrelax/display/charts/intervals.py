"""Figures of intervals: panels whose rows show points with their intervals on one axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reinrelax.display.charts.canvas import Canvas, Chart
from reinrelax.display.charts.lines import Reference
from reinrelax.display.charts.style import INK
from reinrelax.display.text_format import significant, span

COLUMNS = ("panel", "row", "series", "value", "low", "high")
_ROW_INCHES = 0.21
# The points of a row are spread over this share of its height.
_APART = 0.5
# Characters that resemble matplotlib's markers, for a legend as text.
_SYMBOLS = {"o": "●", "s": "■", "D": "◆", "^": "▲"}


@dataclass(frozen=True)
class Kind:
    """A kind of point: its name, colour and marker. Hollow points are numbers of other authors."""

    name: str
    colour: str = INK
    marker: str = "o"
    hollow: bool = False


@dataclass(frozen=True)
class IntervalPanel:
    """A panel.

    Attributes:
        rows: the row names from top to bottom; a row without points stays empty.
        references: reference lines, on the axis `x`.
        band: a shaded range, such as a margin of equivalence.
        ends: the limits of the axis; values beyond them are written at its edge.
    """

    name: str
    title: str
    x_label: str
    rows: tuple[str, ...]
    log: bool = False
    references: tuple[Reference, ...] = ()
    band: tuple[float, float] | None = None
    ends: tuple[float, float] | None = None
    y_label: ClassVar[str] = ""  # its rows have names


@dataclass(frozen=True)
class IntervalFigure(Chart):
    """A figure of intervals.

    Attributes:
        data: `COLUMNS`, and any others after them.
        kinds: of points; their names are the values of `series`.
        width: of a panel, in inches.
    """

    kind = "intervals"
    kinds: tuple[Kind, ...]
    width: float = 3.6

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to know about the figure, apart from its table."""
        series = [
            {
                "name": kind.name,
                "colour": kind.colour,
                "symbol": _SYMBOLS[kind.marker],
                "hollow": kind.hollow,
            }
            for kind in self.kinds
        ]
        return {**super().describe(), "series": series}

    def room(self) -> tuple[tuple[float, float], float]:
        """Return the size of a panel, from its rows, and the height of the legend."""
        rows = max((len(panel.rows) for panel in self.panels), default=4)
        return (self.width, _ROW_INCHES * rows + 0.8), 0.35

    def handles(self) -> list[Line2D]:
        """Return a point per kind, if there are several kinds."""
        return [_point(kind, [], []) for kind in self.kinds] if len(self.kinds) > 1 else []

    def fill(self, page: Canvas, ax: Axes, panel: IntervalPanel) -> None:
        """Draw a panel."""
        own = self.rows(panel)
        if panel.log:
            ax.set_xscale("log")
        low, high = panel.ends or _ends(own, panel)
        ax.set_xlim(low, high)
        places = {row: -index for index, row in enumerate(panel.rows)}
        ax.set_ylim(0.6 - len(panel.rows), 0.6)
        ax.set_yticks([places[row] for row in panel.rows], list(panel.rows))
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color=INK, alpha=0.12, linewidth=0.6)
        if panel.band:
            ax.axvspan(*panel.band, color=INK, alpha=0.08, linewidth=0)
        for reference in panel.references:
            ax.axvline(reference.value, color=INK, linewidth=0.9, linestyle=(0, (6, 3)), alpha=0.7)
            if reference.label:
                ax.annotate(
                    reference.label,
                    (reference.value, 1.0),
                    (3, -2),
                    xycoords=("data", "axes fraction"),
                    textcoords="offset points",
                    va="top",
                    fontsize=8,
                )
        kinds = {kind.name: index for index, kind in enumerate(self.kinds)}
        counts = own.groupby("row")["series"].nunique()
        for index, line in enumerate(own.to_dict("records")):
            several = int(counts[line["row"]])
            order = sorted(set(own.loc[own["row"] == line["row"], "series"]), key=kinds.__getitem__)
            shift = (
                _APART * (order.index(line["series"]) / max(1, several - 1) - 0.5)
                if several > 1
                else 0.0
            )
            gid = f"{self.name}-{panel.name}-point-{index}"
            _interval(
                ax,
                self.kinds[kinds[line["series"]]],
                line,
                places[line["row"]] - shift,
                (low, high),
                gid,
            )
            limits = span(line["low"], line["high"])
            page.notes[gid] = (
                f"{line['row']}, {line['series']}: {significant(line['value'], 4)} {limits}".strip()
            )


def _interval(
    ax: Axes, kind: Kind, line: Any, y: float, ends: tuple[float, float], gid: str
) -> None:
    value = min(max(line["value"], ends[0]), ends[1])
    if math.isfinite(line["low"]) and math.isfinite(line["high"]):
        reach = [min(max(end, ends[0]), ends[1]) for end in (line["low"], line["high"])]
        ax.add_line(Line2D(reach, [y, y], color=kind.colour, linewidth=1.4, solid_capstyle="butt"))
    if value != line["value"]:
        beyond = line["value"] > ends[1]
        text = f"{significant(line['value'])} {'→' if beyond else '←'}"
        ax.annotate(
            text, (value, y), (-2 if beyond else 2, 6), textcoords="offset points",
            va="center", ha="right" if beyond else "left", fontsize=8, gid=gid,
        )  # fmt: skip
        return
    point = _point(kind, [value], [y])
    point.set_gid(gid)
    ax.add_line(point)


def _point(kind: Kind, x: Sequence[float], y: Sequence[float]) -> Line2D:
    point = Line2D(
        x, y, linestyle="none", marker=kind.marker, markersize=5, color=kind.colour, label=kind.name
    )
    point.set_markeredgewidth(1.2 if kind.hollow else 0)
    if kind.hollow:
        point.set_markerfacecolor("none")
    return point


def _ends(own: pd.DataFrame, panel: IntervalPanel) -> tuple[float, float]:
    """Return axis limits that fit all points with their intervals, the band and the references."""
    values = [*own["value"], *own["low"].dropna(), *own["high"].dropna()]
    values += [reference.value for reference in panel.references] + list(panel.band or ())
    values = [
        value for value in values if math.isfinite(value) and (value > 0 or not panel.log)
    ] or [
        0.5,
        1.5,
    ]
    low, high = min(values), max(values)
    if panel.log:
        room = (high / low) ** 0.05 if high > low else 1.5
        return low / room, high * room
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room
