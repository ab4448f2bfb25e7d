"""Densities on the simplex of three categories: triangles with regions of highest density."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.tri import Triangulation

from reinrelax.display.charts.canvas import Canvas, Chart
from reinrelax.display.charts.style import INK

COLUMNS = ("panel", "x", "y", "density")
# The smallest regions that contain these shares of the mass. They are drawn on top of each other,
# so inner regions are darker.
SHARES = (0.99, 0.9, 0.75, 0.5, 0.25)
_OPACITY = 0.27
_COLOUR = "#2E86C8"
_HEIGHT = 3**0.5 / 2
Numbers = np.ndarray[Any, Any]
_CORNERS = (
    (0.0, 0.0, "right", "top"),
    (1.0, 0.0, "left", "top"),
    (0.5, _HEIGHT, "center", "bottom"),
)
# Log densities are clipped this far below that of the largest region's edge.
_BELOW = 5.0
_AXES = (("x", "π_1"), ("y", "π_2"))


@dataclass(frozen=True)
class SimplexPanel:
    """A triangle. `mean` holds the first two coordinates of the point that a cross marks."""

    name: str
    title: str
    mean: tuple[float, float]
    # The corners are labelled instead.
    x_label: ClassVar[str] = ""
    y_label: ClassVar[str] = ""
    log: ClassVar[bool] = False


@dataclass(frozen=True)
class SimplexFigure(Chart):
    """A figure of triangles with corners π_1 (left), π_2 (right) and π_3 (above).

    Attributes:
        data: `COLUMNS`; x and y are the first two coordinates of points that represent equal areas.
        cross: the legend's label for the cross of each panel.
    """

    kind = "simplex"
    cross: str

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to know about the figure, apart from its table."""
        labels = {
            f"{axis}_labels": dict.fromkeys((p.name for p in self.panels), text)
            for axis, text in _AXES
        }
        titles = {panel.name: " ".join(panel.title.split()) for panel in self.panels}
        return {**super().describe(), **labels, "titles": titles, "columns": self.columns}

    def room(self) -> tuple[tuple[float, float], float]:
        """Return the size of a panel, and the height of the legend."""
        return (2.0, 2.15), 0.3

    def handles(self) -> list[Any]:
        """Return a shade per share, and the cross."""
        shades = [
            Patch(facecolor=_COLOUR, alpha=1 - (1 - _OPACITY) ** depth, label=f"{share:.0%}")
            for depth, share in enumerate(SHARES, 1)
        ]
        return [*shades, Line2D([], [], linestyle="none", marker="+", color=INK, label=self.cross)]

    def legend(self) -> dict[str, Any]:
        """Return the layout of the legend."""
        return {"ncols": 6}

    def fill(self, page: Canvas, ax: Axes, panel: SimplexPanel) -> None:
        """Draw a panel."""
        ax.title.set_fontsize(9)
        own = self.rows(panel)
        density = own["density"].to_numpy(dtype=float)
        edges = np.log(levels(density))
        # Interpolate logarithms, which are closer to linear between points than the densities.
        heights = np.log(np.maximum(density, np.exp(edges[0] - _BELOW)))
        triangles = Triangulation(
            *_place(own["x"].to_numpy(dtype=float), own["y"].to_numpy(dtype=float))
        )
        for edge in edges:
            ax.tricontourf(
                triangles, heights, levels=[edge, np.inf], colors=[_COLOUR], alpha=_OPACITY
            )
        left, right, top = ((x, y) for x, y, *_ in _CORNERS)
        ax.plot(*zip(left, right, top, left, strict=True), color=INK, linewidth=0.8)
        ax.plot(*_place(*panel.mean), marker="+", color=INK, markersize=7, markeredgewidth=1.1)
        for number, (x, y, across, up) in enumerate(_CORNERS, 1):
            ax.text(x, y, f"π{'₁₂₃'[number - 1]}", ha=across, va=up, fontsize=8)
        ax.set_xlim(-0.08, 1.08)
        ax.set_ylim(-0.1, _HEIGHT + 0.1)
        ax.set_aspect("equal")
        ax.spines[:].set_visible(False)
        ax.set_xticks([])
        ax.set_yticks([])


def levels(density: Numbers) -> Numbers:
    """Return the densities at the edges of the regions of SHARES.

    Args:
        density: at points that represent equal areas.
    """
    falling = np.sort(density)[::-1]
    held = falling.cumsum() / falling.sum()
    places = np.minimum(np.searchsorted(held, SHARES), len(held) - 1)
    return np.asarray(falling[places])


def _place(x: Any, y: Any) -> tuple[Any, Any]:
    """Return the place of the point (x, y, 1 − x − y) in a triangle of side one."""
    third = 1 - x - y
    return y + third / 2, _HEIGHT * third
