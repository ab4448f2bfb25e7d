"""The common part of all charts: matplotlib's settings, the grid of panels, export as SVG."""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reinrelax.display.charts import svg
from reinrelax.display.charts.style import INK

_RC: dict[Any, Any] = {
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "svg.fonttype": "none",
    "svg.hashsalt": "reinrelax",
    "path.simplify": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Canvas:
    """A figure while it is drawn.

    Attributes:
        axes: one per panel.
        notes: the tooltip of each group, by the group's name; filled while drawing.
    """

    figure: Figure
    axes: Sequence[Axes]
    notes: dict[str, str] = field(default_factory=dict)

    def to_svg(self, name: str, what: str) -> str:
        """Return the finished figure; axes named by `open_panel` become panels.

        Args:
            name: of the figure.
            what: a description for readers who cannot see it.
        """
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        panels: Mapping[str, svg.Panel] = {
            gid: svg.Panel.of(ax, self.figure) for ax in self.axes if (gid := ax.get_gid())
        }
        return svg.finish(buffer.getvalue(), name, what, panels, self.notes)


@dataclass(frozen=True)
class Chart(ABC):
    """A figure: panels drawn from one tidy table. Each kind of figure is a subclass.

    Attributes:
        what: a description for readers who cannot see the figure.
        data: the values to draw, in the columns of the kind of figure; all kinds have `panel`.
        panels: in drawing order, each with `name`, `title`, `x_label`, `y_label` and `log`. Without
            panels, the figure says that there is nothing to draw.
        columns: the maximum number of columns of panels.
    """

    kind: ClassVar[str]
    name: str
    what: str
    data: pd.DataFrame
    panels: tuple[Any, ...]
    columns: int = field(default=3, kw_only=True)

    def draw(self) -> str:
        """Return the figure as SVG. Equal tables give identical text, byte for byte."""
        with canvas(len(self.panels), self.columns, *self.room()) as page:
            for ax, panel in zip(page.axes, self.panels, strict=True):
                open_panel(ax, f"{self.name}-{panel.name}", panel)
                self.fill(page, ax, panel)
            handles = self.handles()
            if self.panels and handles:
                options = {"loc": "outside lower center", "frameon": False, **self.legend()}
                page.figure.legend(handles=handles, **options)
            return page.to_svg(self.name, self.what)

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to know about the figure, apart from its table."""
        return {
            **{"name": self.name, "kind": self.kind, "what": self.what},
            **{
                f"{key}s" if key != "log" else key: {
                    panel.name: getattr(panel, key) for panel in self.panels
                }
                for key in ("title", "x_label", "y_label", "log")
            },
            "series": [],
        }

    def rows(self, panel: Any) -> pd.DataFrame:
        """Return the rows of a panel."""
        found: pd.DataFrame = self.data[self.data["panel"] == panel.name]
        return found

    @abstractmethod
    def room(self) -> tuple[tuple[float, float], float]:
        """Return the size of a panel and the height of the legend below all panels, in inches."""

    @abstractmethod
    def fill(self, page: "Canvas", ax: Axes, panel: Any) -> None:
        """Draw a panel."""

    def handles(self) -> Sequence[Any]:
        """Return the entries of the legend; without entries, no legend is drawn."""
        return ()

    def legend(self) -> dict[str, Any]:
        """Return matplotlib's options for the layout of the legend."""
        return {"ncols": 4}


@contextmanager
def canvas(panels: int, columns: int, size: tuple[float, float], foot: float) -> Iterator[Canvas]:
    """Open a figure for `panels` panels of `size`, with `foot` below for a legend; in inches."""
    with matplotlib.rc_context(_RC):
        columns = min(columns, max(1, panels))
        rows = max(1, -(-panels // columns))
        figure = Figure(figsize=(size[0] * columns, size[1] * rows + foot), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes[panels:]:
            ax.set_axis_off()
        if not panels:
            say(axes[0], "No results to draw yet.")
        yield Canvas(figure, list(axes[:panels]))


def open_panel(ax: Axes, name: str, panel: Any) -> None:
    """Name and label axes. `name` is that of the panel's group: `<figure>-<panel>`."""
    ax.set_gid(name)
    ax.patch.set_visible(False)
    ax.set_title(panel.title, fontsize=10)
    ax.set_xlabel(panel.x_label)
    ax.set_ylabel(panel.y_label)


def say(ax: Axes, text: str) -> None:
    """Show a text in place of a panel that cannot be drawn."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    ax.set_xticks([])
    ax.set_yticks([])
