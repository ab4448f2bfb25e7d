"""Figures of the correlated Bernoulli: its gates and their dependence."""

from collections.abc import Callable, Mapping
from typing import Any

from reinrelax.display.charts.lines import LineFigure, LinePanel
from reinrelax.display.charts.tidy_tables import Read, tidy


def dependence(read: Read) -> LineFigure:
    """Plan the correlations of scores, ranks and gates as functions of those of the scores, R."""
    table, titles = read("gates"), _rows(read)
    scores = table[table["quantity"] == "score_correlation"]
    place = ["row", "i", "j"]
    known = scores[[*place, "expected"]].rename(columns={"expected": "x_"})
    names = {
        "score_correlation": "normal scores",
        "rank_correlation": "ranks",
        "relaxed_correlation": "relaxed gates",
        "gate_correlation": "hard gates",
    }
    table = table[table["quantity"].isin(names)].merge(known, on=place)
    table = table.assign(
        panel=[f"row-{row:.0f}" for row in table["row"]],
        series=table["quantity"].map(names),
        place=table["quantity"].map(list(names).index),
    ).sort_values(["place", "x_"], kind="stable")
    order = {f"row-{row}": title for row, title in titles.items()}
    data = tidy(
        table, "panel", "series", "x_", "value", ("low", "high"), ("expected",), tuple(order)
    )
    panels = tuple(LinePanel(name, title, "R", "Correlation") for name, title in order.items())
    what = (
        "Correlation of scores, ranks, relaxed and hard gates over the entries of R, for each row"
        " of π"
    )
    return LineFigure("dependence", what, data, panels, columns=2)


def _rows(read: Read) -> dict[int, str]:
    """Return the rows of π as titles."""
    table = read("gates")
    table = table[table["quantity"] == "probability"].sort_values(["row", "i"])
    return {
        int(str(row)): f"π = ({', '.join(f'{value:g}' for value in own)})"
        for row, own in table.groupby(table["row"].astype(int), sort=False)["expected"]
    }


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "dependence": dependence,
}
