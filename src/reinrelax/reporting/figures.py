"""Figures 3 and 4: tables in, SVG out."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from reinrelax import files
from reinrelax.config import Config
from reinrelax.reporting import svg
from reinrelax.reporting.style import INK, Style, styles
from reinrelax.reporting.tables import read_table

# Curves drop by a hundred nats at first and part by one at last: from this many epochs on, the axis shows
# only what follows the first twentieth.
_LONG = 20
_MARKERS = 8


@dataclass(frozen=True)
class Plan:
    """One figure: its name, the metric it draws and the label of its vertical axis."""

    name: str
    metric: str
    label: str


FIGURES = (
    Plan("figure3", "train_nelbo_nats", "Train negative ELBO (nats)"),
    Plan("figure4", "test_nelbo_nats", "Test negative ELBO (nats)"),
)

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


def write_figures(config: Config, root: Path) -> None:
    """Draw both figures from `tables/curves.csv` into the folder `figures`, each with its data as CSV.

    Raises:
        ResultsError: the table is missing or damaged, or a figure cannot be written.
    """
    folder = root / config.folder
    curves = read_table(folder / "tables" / "curves.csv")
    for plan in FIGURES:
        drawn = curves[curves["metric"] == plan.metric].reset_index(drop=True)
        files.write_text(folder / "figures" / f"{plan.name}.svg", draw(plan, drawn))
        files.write_text(
            folder / "figures" / f"{plan.name}.csv", drawn.to_csv(index=False, lineterminator="\n")
        )


def draw(plan: Plan, curves: pd.DataFrame) -> str:
    """The figure as SVG: one panel a latent shape, all estimators, mean line and interval band.

    The same table gives the same text, byte by byte.
    """
    with matplotlib.rc_context(_RC):
        looks = styles(dict.fromkeys(curves["estimator"]))
        latents = list(dict.fromkeys(curves["latent"]))
        columns = min(3, max(1, len(latents)))
        rows = max(1, -(-len(latents) // columns))
        figure = Figure(figsize=(4.1 * columns, 3.1 * rows + 0.5), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, latent in zip(axes, latents, strict=False):
            _panel(ax, curves[curves["latent"] == latent], looks, plan, str(latent))
        for ax in axes[len(latents) :]:
            ax.set_axis_off()
        if not latents:
            axes[0].text(0.5, 0.5, "Nothing to draw yet: no cell has been run.", ha="center", va="center")
        else:
            handles = [_line(style, name) for name, style in looks.items()]
            figure.legend(
                handles=handles, loc="outside lower center", ncols=7, frameon=False, handlelength=3.6
            )
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        limits = {ax.get_gid(): svg.Panel.of(ax, figure) for ax in axes[: len(latents)]}
    title = f"{plan.label} over epochs: one panel a latent shape, one line an estimator"
    return svg.finish(buffer.getvalue(), plan.name, title, limits)


def _panel(ax: Axes, curves: pd.DataFrame, looks: Mapping[str, Style], plan: Plan, latent: str) -> None:
    ax.set_gid(f"{plan.name}-{latent}")
    ax.patch.set_visible(False)
    ax.set_title(latent.replace("x", " × "), fontsize=10)
    ax.set_xlabel("Epoch")
    ax.set_ylabel(plan.label)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    ax.grid(color=INK, alpha=0.12, linewidth=0.6)
    last = int(curves["epoch"].max())
    for name, group in curves.groupby("estimator", sort=False):
        style, index = looks[str(name)], list(looks).index(str(name))
        band = ax.fill_between(
            group["epoch"], group["ci_low"], group["ci_high"], color=style.colour, alpha=0.16, linewidth=0
        )
        band.set_gid(f"{plan.name}-{latent}-band-{index}")
        line = _line(style, str(name))
        line.set_data(group["epoch"], group["mean"])
        # Markers of different lines are set apart, lest they hide each other.
        every = max(1, last // _MARKERS)
        line.set_markevery((index * every // max(1, len(looks)) if last >= _LONG else 0, every))
        line.set_gid(f"{plan.name}-{latent}-line-{index}")
        ax.add_line(line)
    shown = curves[curves["epoch"] > last // _LONG] if last >= _LONG else curves
    low, high = shown["mean"].min(), shown["mean"].max()
    if pd.notna(low):
        margin = 0.06 * (high - low) or 1.0
        ax.set_ylim(low - margin, high + margin)
    room = 0.02 * (last - 1) or 0.5
    ax.set_xlim(1 - room, last + room)


def _line(style: Style, name: str) -> Line2D:
    outline = Outline([*style.marker, style.marker[0]], closed=True)
    line = Line2D([], [], color=style.colour, linewidth=1.5, marker=outline, markersize=5.5, label=name)
    line.set_markeredgewidth(0)
    if style.dashes:
        line.set_dashes(style.dashes)
    return line
