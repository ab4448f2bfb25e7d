"""Figures of the decoupled temperatures."""

from collections.abc import Callable, Mapping
from typing import Any

from reinrelax.display.charts import maps
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.maps import ColourScale, MapFigure, MapPanel
from reinrelax.display.charts.tidy_tables import Read, cells, rising, stacked, texts, tidy
from reinrelax.display.text_format import significant, span

# The quantities of Figure 8, with their titles.
TEMPERATURES = {
    "entropy": "Entropy of the mean sample (nats)",
    "variance": "Variance of the soft sample",
    "max_probability": "Mean largest probability",
    "distance": "Mean distance of hard and soft",
}


def sharpness(read: Read) -> LineFigure:
    """Plan Figure 7: one draw and the mean of many over τ, with a line per category."""
    table = read("sharpness")
    titles = {"one draw": "One draw, the same noise at every τ", "mean": "Mean over draws"}
    table = table[table["quantity"].isin(titles)]
    table = table.assign(
        panel=table["quantity"].str.replace(" ", "-"),
        series=[f"category {category + 1:.0f}" for category in table["category"]],
    )
    order = [name.replace(" ", "-") for name in titles]
    data = tidy(table, "panel", "series", "tau", "value", ("low", "high"), order=order)
    categories = table["category"].nunique()
    panels = tuple(
        LinePanel(
            *(name, title, "τ", "Probability"),
            log_x=True,
            references=(Reference("y", 1 / categories, "uniform"),),
        )
        for name, title in zip(order, titles.values(), strict=True)
        if name in set(data["panel"])
    )
    what = "Probability of each category in softmax((l + g)/τ) over the temperature"
    return LineFigure("sharpness", what, data, panels, columns=2)


def temperatures(read: Read) -> MapFigure:
    """Plan Figure 8: four quantities over both temperatures."""
    table = read("temperatures")
    parts, panels = [], []
    for quantity, title in TEMPERATURES.items():
        own = table[table["quantity"] == quantity]
        if own.empty:
            continue
        x, y = (texts(own[name]) for name in ("tau_backward", "tau_forward"))
        low, high = float(own["value"].min()), float(own["value"].max())
        scale = ColourScale(low, high if high > low else low + 1, "", digits=None)
        panels.append(
            MapPanel(quantity, title, "backward τ", "forward τ", rising(x), rising(y), scale)
        )
        notes = [
            f"τ_f {line['tau_forward']:g}, τ_b {line['tau_backward']:g}: "
            f"{significant(line['value'])} {span(line['low'], line['high'])}"
            for line in own.to_dict("records")
        ]
        parts.append(cells(quantity, x, y, own["value"], notes))
    what = "Four quantities of decoupled samples over forward and backward temperature"
    return MapFigure("temperatures", what, stacked(parts, maps.COLUMNS), tuple(panels))


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "sharpness": sharpness,
    "temperatures": temperatures,
}
