"""Figures of the correlated Bernoulli: its gates and their dependence."""

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from reinrelax.display.charts import points
from reinrelax.display.charts.lines import LineFigure, LinePanel
from reinrelax.display.charts.plans import Read, stacked, tidy
from reinrelax.display.charts.points import PointFigure, PointPanel

# What float64 tells from one, as log-odds.
_ROUNDING = 36.7
_SHOWN = 150


def gates(read: Read) -> PointFigure:
    """Pairs of relaxed gates by their log-odds; the quadrants are the hard gates."""
    table, rows = read("gate_samples"), _rows(read)
    table = table[table["sample"] < _SHOWN]
    parts, panels = [], []
    for row, title in rows.items():
        own = table[table["row"] == row]
        odds = {
            gate: own.loc[own["gate"] == gate, "value"].map(_log_odds).reset_index(drop=True)
            for gate in own["gate"].astype(int).unique().tolist()
        }
        for i, j in combinations(odds, 2):
            name = f"{row}-{i}-{j}"
            x, y = odds[i], odds[j]
            shares = tuple(
                f"{(((x > 0) == right) & ((y > 0) == above)).mean():.0%}"
                for right, above in ((True, True), (False, True), (False, False), (True, False))
            )
            panels.append(
                PointPanel(
                    name=name,
                    title=f"{title}, gates {i + 1} and {j + 1}",
                    x_label=f"log-odds of gate {i + 1}",
                    y_label=f"log-odds of gate {j + 1}",
                    reach=_ROUNDING,
                    texts=shares,
                )
            )
            parts.append(pd.DataFrame({"panel": name, "x": x, "y": y}))
    what = (
        f"Pairs of relaxed gates by their log-odds, {_SHOWN} samples at most: the quadrants are the hard "
        "gates, with the share of samples in each; what float64 rounds to 0 or 1 lies at the edge"
    )
    return PointFigure("gates", what, stacked(parts, points.COLUMNS), tuple(panels))


def dependence(read: Read) -> LineFigure:
    """Correlation of what follows from the normal scores over that of the scores themselves."""
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
    data = tidy(table, "panel", "series", "x_", "value", ("low", "high"), ("expected",), tuple(order))
    panels = tuple(LinePanel(name, title, "R", "Correlation") for name, title in order.items())
    what = "Correlation of scores, ranks, relaxed and hard gates over the entries of R, for each row of π"
    return LineFigure("dependence", what, data, panels, columns=2)


def _rows(read: Read) -> dict[int, str]:
    """The rows of π as titles."""
    table = read("gates")
    table = table[table["quantity"] == "probability"].sort_values(["row", "i"])
    return {
        row: f"π = ({', '.join(f'{value:g}' for value in table.loc[table['row'] == row, 'expected'])})"
        for row in table["row"].astype(int).unique().tolist()
    }


def _log_odds(value: float) -> float:
    if not 0 < value < 1:
        return math.copysign(_ROUNDING, value - 0.5)
    return max(-_ROUNDING, min(_ROUNDING, math.log(value) - math.log1p(-value)))


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "gates": gates,
    "dependence": dependence,
}
