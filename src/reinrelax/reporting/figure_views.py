"""A drawn figure as the page shows it: panels, legend, and the values that the script shows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from reinrelax.display.charts import svg
from reinrelax.display.charts.style import INK, styles
from reinrelax.display.tables import read_as_text, read_json, read_table, read_text
from reinrelax.display.text_format import shape
from reinrelax.errors import ResultsError

# Pixels per point, the same for all figures, so that all have the same text size (9 pt are 11 px).
_PIXELS = 1.22


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        lines: whether the figure has curves, whose values the script shows.
        shared: definitions that the panels' markup refers to.
        panels: id, title, view box, width in pixels and markup of each panel.
        series: name and style of each curve.
        data: the values of the curves, for the script.
        what: a description of the figure, in a sentence.
        kinds: name, colour and symbol of each kind of point, if there are several.
        absent: curves that readers may expect but that are missing.
        columns: the number of panels per row; 0 for as many as fit.
    """

    id: str
    name: str
    lines: bool
    shared: Markup
    panels: Sequence[Mapping[str, Any]]
    series: Sequence[Mapping[str, str]]
    data: Markup
    what: str
    kinds: Sequence[Mapping[str, Any]] = ()
    absent: Sequence[str] = ()
    columns: int = 0
    template: str = field(default="figure.html.j2", init=False)

    @property
    def arrangement(self) -> str:
        """The class of the style sheet: `rows` for a fixed number of panels per row, else empty."""
        return "rows" if self.columns else ""


def catalogue(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the entries of `figures.json`, by the name of the figure.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    return {entry["name"]: entry for entry in read_json(folder / "figures" / "figures.json")}


def figure(
    folder: Path, entry: Mapping[str, Any], title: str, expected: Sequence[str] = ()
) -> Figure:
    """Read a figure from its files.

    Args:
        folder: the results folder.
        entry: the figure's entry in the catalogue.
        title: the figure's name for readers.
        expected: curves to report if they are absent.

    Raises:
        ResultsError: a file is missing or damaged.
    """
    name = str(entry["name"])
    path = folder / "figures" / f"{name}.csv"
    lines = entry["kind"] == "lines"
    # The axes of a map may be text.
    drawn = read_table(path) if lines else read_as_text(path)
    parts = svg.take_apart(read_text(path.with_suffix(".svg")), name)
    if lines and (lacking := {"panel", "series", "x", "value"} - set(drawn.columns)):
        raise ResultsError(
            f"{path}: column {min(lacking)!r} is missing. Delete it and run snakemake again"
        )
    names = list(dict.fromkeys(drawn["series"])) if lines else []
    titles = entry.get("titles", {})
    return Figure(
        id=name,
        name=title,
        lines=lines and bool(parts.panels),
        shared=Markup(parts.shared),
        panels=[
            {
                "id": panel,
                "title": shape(str(titles.get(panel.removeprefix(f"{name}-"), panel))),
                "view": view,
                "width": round(_PIXELS * float(view.split()[2])),
                "markup": Markup(markup),
            }
            for panel, view, markup in parts.panels
        ],
        series=[
            {
                "name": label,
                "colour": "currentColor" if style.colour == INK else style.colour,
                "dashes": " ".join(f"{1.5 * length:g}" for length in style.dashes) or "none",
                "marker": " ".join(f"{18 + 4 * x:.2f},{7 - 4 * y:.2f}" for x, y in style.marker),
            }
            for label, style in styles(names).items()
        ],
        data=as_json(_hover(name, drawn, names, entry["x_labels"]) if lines else {}),
        what=str(entry["what"]),
        kinds=_kinds(entry) if entry["kind"] == "intervals" else (),
        columns=int(entry.get("columns", 0)),
        absent=[label for label in expected if label not in names] if names else [],
    )


def _kinds(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the kinds of points for a legend; empty if there is only one kind."""
    kinds = [
        {**kind, "colour": "currentColor" if kind["colour"] == INK else kind["colour"]}
        for kind in entry["series"]
    ]
    return kinds if len(kinds) > 1 else []


def as_json(value: Any) -> Markup:
    """Return JSON that is safe inside a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _hover(
    name: str, drawn: pd.DataFrame, names: Sequence[str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """Return for each panel the x label, the x values and, per series, values and interval ends.

    Missing values are null.
    """
    drawn = drawn.astype(dict.fromkeys(("x", "value", "low", "high"), float))
    out: dict[str, Any] = {}
    for panel, group in drawn.groupby("panel", sort=False):
        places = sorted(set(group["x"].dropna()))
        series = []
        for label in names:
            own = (
                group[group["series"] == label].drop_duplicates("x").set_index("x").reindex(places)
            )
            series.append([_numbers(own[key]) for key in ("value", "low", "high")])
        out[f"{name}-{panel}"] = {
            "label": labels[str(panel)],
            "x": [float(f"{place:.6g}") for place in places],
            "series": series,
        }
    return out


def _numbers(column: "pd.Series[Any]") -> list[float | None]:
    return [None if pd.isna(value) else float(f"{value:.5g}") for value in column]
