"""Figures of points: panels of pairs of numbers, each labelled next to its point."""

from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path as Outline
from matplotlib.ticker import NullLocator
from matplotlib.transforms import Bbox

from reinrelax.display.charts.canvas import Canvas, Chart
from reinrelax.display.charts.lines import decades, power
from reinrelax.display.charts.style import INK, styles
from reinrelax.display.text_format import significant, span

_TEXT = 8.5
# Possible vertical offsets of a name from its point, in typographic points, nearest first.
_RISES = (4, -5, 13, -14, 22, -23)
COLUMNS = ("panel", "series", "x", "x_low", "x_high", "value", "low", "high")


@dataclass(frozen=True)
class PointPanel:
    """A panel, logarithmic on both axes. `hint`, in its corner, says which direction is better."""

    name: str
    title: str
    x_label: str
    y_label: str
    hint: str = ""
    log: ClassVar[bool] = True


@dataclass(frozen=True)
class PointFigure(Chart):
    """A figure of points; `data` has `COLUMNS`, with intervals on both axes."""

    kind = "points"
    columns: int = field(default=2, kw_only=True)

    def room(self) -> tuple[tuple[float, float], float]:
        """Return the size of a panel. There is no legend: names stand next to their points."""
        return (5.0, 3.4), 0.0

    def fill(self, page: Canvas, ax: Axes, panel: PointPanel) -> None:
        """Draw a panel."""
        own = self.rows(panel).query("x > 0 and value > 0")
        looks = styles(dict.fromkeys(self.data["series"]))
        for axis, column in ((ax.xaxis, "x"), (ax.yaxis, "value")):
            axis.axes.set(**{f"{axis.axis_name}scale": "log"})
            axis.set_major_locator(decades(own[column].min(), own[column].max()))
            axis.set_major_formatter(power)
            axis.set_minor_locator(NullLocator())
        ax.grid(color=INK, alpha=0.12, linewidth=0.6)
        for index, line in enumerate(own.to_dict("records")):
            style = looks[line["series"]]
            for x, y in (
                ((line["x_low"], line["x_high"]), (line["value"],) * 2),
                ((line["x"],) * 2, (line["low"], line["high"])),
            ):
                if min(*x, *y) > 0:
                    ax.add_line(Line2D(x, y, color=style.colour, linewidth=1.2))
            outline = Outline([*style.marker, style.marker[0]], closed=True)
            dot = Line2D(
                [line["x"]], [line["value"]], linestyle="none", marker=outline, markersize=6.5
            )
            dot.set(
                color=style.colour, markeredgewidth=0, gid=f"{self.name}-{panel.name}-point-{index}"
            )
            ax.add_line(dot)
            page.notes[f"{self.name}-{panel.name}-point-{index}"] = (
                f"{line['series']}: {panel.x_label} {significant(line['x'])} "
                f"{span(line['x_low'], line['x_high'])}, "
                f"{panel.y_label} {significant(line['value'])} {span(line['low'], line['high'])}"
            )
        if panel.hint:
            ax.text(0.02, 0.03, panel.hint, transform=ax.transAxes, fontsize=8.5, alpha=0.8)
        # Room for the names to the right.
        low, high = own["x"].min(), own["x"].max()
        room = (high / low) ** 0.06 if high > low else 2.0
        ax.set_xlim(low / room**3, high * room**5)
        low, high = own["value"].min(), own["value"].max()
        room = (high / low) ** 0.12 if high > low else 2.0
        ax.set_ylim(low / room, high * room)
        _name(page, ax, own)


def _name(page: Canvas, ax: Axes, own: pd.DataFrame) -> None:
    """Write the name next to each point, preferably where it covers no other name or point."""
    page.figure.draw_without_rendering()
    scale = page.figure.dpi / 72
    dots = [
        tuple(ax.transData.transform((line["x"], line["value"]))) for line in own.to_dict("records")
    ]
    taken = [
        Bbox.from_extents(x - 4 * scale, y - 4 * scale, x + 4 * scale, y + 4 * scale)
        for x, y in dots
    ]
    for (x, y), name in zip(dots, own["series"], strict=True):
        width, height = 0.58 * _TEXT * len(name) * scale, 1.25 * _TEXT * scale
        options = [
            (
                side,
                rise,
                Bbox.from_bounds(
                    x + (7 if side > 0 else -7) * scale - (0 if side > 0 else width),
                    y + rise * scale - height / 2,
                    width,
                    height,
                ),
            )
            for rise in _RISES
            for side in (1, -1)
        ]
        free = [option for option in options if not any(option[2].overlaps(box) for box in taken)]
        side, rise, box = (free or options)[0]
        taken.append(box)
        ax.annotate(
            name,
            tuple(ax.transData.inverted().transform((x, y))),
            (7 * side, rise),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=_TEXT,
        )
