"""The figures of *Just Relax It!* that need no training: which rows of which table go where."""

import math
from collections.abc import Callable, Mapping
from itertools import combinations

import pandas as pd

from reinrelax.display.charts import maps, points, simplex
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.maps import MapFigure, MapPanel, Scale
from reinrelax.display.charts.plans import Read, cells, rising, stacked, texts, tidy
from reinrelax.display.charts.points import PointFigure, PointPanel
from reinrelax.display.charts.simplex import SimplexFigure, SimplexPanel
from reinrelax.display.wording import significant, span

# Laws of the bridge as panels and curves name them; those of one α fill a row.
LAWS = {
    "Dirichlet": "Dirichlet",
    "logistic-normal": "Logistic-normal, full Σ",
    "diagonal": "Independent, √Σₖₖ",
    "as drawn": "As drawn, std Σₖₖ",
    "Dirichlet back": "Dirichlet back",
    "Dirichlet back, printed": "Back, as printed",
}
# Quantities of Figure 8 with their titles.
TEMPERATURES = {
    "entropy": "Entropy of the mean sample (nats)",
    "variance": "Variance of the soft sample",
    "max_probability": "Mean largest probability",
    "distance": "Mean distance of hard and soft",
}
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


def densities(read: Read) -> SimplexFigure:
    """Figures 4 to 6: each concentration a row, each law a column."""
    table = read("densities")
    table = table.assign(panel=table["alpha"].str.replace(" ", "-") + "-" + table["law"].map(_slug))
    panels = []
    for (alpha, law), rows in table.groupby(["alpha", "law"], sort=False):
        numbers = [float(number) for number in str(alpha).split()]
        title = f"{LAWS.get(str(law), str(law))}\nα = ({', '.join(f'{number:g}' for number in numbers)})"
        mean = (numbers[0] / sum(numbers), numbers[1] / sum(numbers))
        panels.append(SimplexPanel(rows["panel"].iloc[0], title, mean))
    what = (
        "Densities on the simplex: regions that hold 25, 50, 75, 90 and 99% of the mass, the more opaque the "
        "denser; the cross marks the mean of the Dirichlet; π₁ left, π₂ right, π₃ above"
    )
    return SimplexFigure(
        *("densities", what, table[list(simplex.COLUMNS)], tuple(panels), "mean of the Dirichlet"),
        columns=len(set(table["law"])) or 1,
    )


def bridge(read: Read) -> LineFigure:
    """What the bridge loses over Σα, for the first of the shown shapes and for equal α."""
    table = read("bridge")
    table = table[table["family"] == "scaled"]
    quantities = {
        "kl_to_law": "KL(Dirichlet ‖ law) (nats)",
        "kl_from_law": "KL(law ‖ Dirichlet) (nats)",
        "mean_error": "Largest error of the mean",
        "std_ratio": "Standard deviation, ratio",
    }
    shapes = list(dict.fromkeys(table["alpha"]))
    kept = [shape for shape in shapes if shape == shapes[0] or len(set(shape.split())) == 1]
    table = table[table["alpha"].isin(kept) & table["quantity"].isin(quantities)]
    # Of equal concentrations the KLs alone: their means are right by symmetry.
    equal = table["alpha"].map(lambda shape: len(set(shape.split())) == 1).astype(bool)
    table = table[table["quantity"].str.startswith("kl") | ~equal]
    table = table.assign(
        panel=table["quantity"] + "-" + table["alpha"].str.replace(" ", "-"),
        series=table["law"].map(lambda law: LAWS.get(law, law)),
        low=float("nan"),
        high=float("nan"),
    )
    order = [f"{quantity}-{shape.replace(' ', '-')}" for shape in kept for quantity in quantities]
    data = tidy(table, "panel", "series", "total", "value", ("low", "high"), order=order)
    drawn = set(data["panel"])
    panels = tuple(
        LinePanel(
            *(name, f"α ∝ ({shape.replace(' ', ', ')})", "Σα", label),
            log=True,
            log_x=True,
            references=(Reference("y", 1.0, "exact"),) if quantity == "std_ratio" else (),
        )
        for shape in kept
        for quantity, label in quantities.items()
        if (name := f"{quantity}-{shape.replace(' ', '-')}") in drawn
    )
    what = "What the Laplace bridge loses over the total Σα, with Σ read in three ways"
    return LineFigure("bridge", what, data, panels, columns=2)


def sharpness(read: Read) -> LineFigure:
    """Figure 7: one draw and the mean of many over τ, one line a category."""
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
    """Figure 8: four quantities over both temperatures."""
    table = read("temperatures")
    parts, panels = [], []
    for quantity, title in TEMPERATURES.items():
        own = table[table["quantity"] == quantity]
        if own.empty:
            continue
        x, y = (texts(own[name]) for name in ("tau_backward", "tau_forward"))
        low, high = float(own["value"].min()), float(own["value"].max())
        scale = Scale(low, high if high > low else low + 1, "", digits=None)
        panels.append(MapPanel(quantity, title, "backward τ", "forward τ", rising(x), rising(y), scale))
        notes = [
            f"τ_f {line['tau_forward']:g}, τ_b {line['tau_backward']:g}: "
            f"{significant(line['value'])} {span(line['low'], line['high'])}"
            for line in own.to_dict("records")
        ]
        parts.append(cells(quantity, x, y, own["value"], notes))
    what = "Four quantities of decoupled samples over forward and backward temperature"
    return MapFigure("temperatures", what, stacked(parts, maps.COLUMNS), tuple(panels))


FIGURES: Mapping[str, Callable[[Read], LineFigure | MapFigure | PointFigure | SimplexFigure]] = {
    "gates": gates,
    "dependence": dependence,
    "densities": densities,
    "bridge": bridge,
    "sharpness": sharpness,
    "temperatures": temperatures,
}


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


def _slug(law: str) -> str:
    return law.replace(",", "").replace(" ", "-")
