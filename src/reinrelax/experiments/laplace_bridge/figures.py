"""Figures of the Laplace bridge."""

from collections.abc import Callable, Mapping
from typing import Any

from reinrelax.display.charts import simplex
from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.simplex import SimplexFigure, SimplexPanel
from reinrelax.display.charts.tidy_tables import Read, tidy

# The names of the bridge's distributions in panels and curves; those of one α fill a row.
LAWS = {
    "Dirichlet": "Dirichlet",
    "logistic-normal": "Logistic-normal, full Σ",
    "diagonal": "Independent, √Σₖₖ",
    "as drawn": "As drawn, std Σₖₖ",
    "Dirichlet back": "Dirichlet back",
    "Dirichlet back, printed": "Back, as printed",
}


def densities(read: Read) -> SimplexFigure:
    """Plan Figures 4 to 6: a row per concentration, a column per distribution."""
    table = read("densities")
    table = table.assign(panel=table["alpha"].str.replace(" ", "-") + "-" + table["law"].map(_slug))
    panels = []
    for (alpha, law), rows in table.groupby(["alpha", "law"], sort=False):
        numbers = [float(number) for number in str(alpha).split()]
        title = (
            f"{LAWS.get(str(law), str(law))}\nα ="
            f" ({', '.join(f'{number:g}' for number in numbers)})"
        )
        mean = (numbers[0] / sum(numbers), numbers[1] / sum(numbers))
        panels.append(SimplexPanel(rows["panel"].iloc[0], title, mean))
    what = (
        "Densities on the simplex: regions that contain 25, 50, 75, 90 and 99% of the mass, darker"
        " where denser; the cross marks the mean of the Dirichlet; π₁ left, π₂ right, π₃ above"
    )
    return SimplexFigure(
        *("densities", what, table[list(simplex.COLUMNS)], tuple(panels), "mean of the Dirichlet"),
        columns=len(set(table["law"])) or 1,
    )


def bridge(read: Read) -> LineFigure:
    """Plan the errors of the bridge over Σα, for the first of the shown shapes and for equal α."""
    table = read("bridge")
    table = table[table["family"] == "scaled"]
    quantities = {
        "kl_to_law": "KL(Dirichlet ‖ Gaussian), nats",
        "kl_from_law": "KL(Gaussian ‖ Dirichlet), nats",
        "mean_error": "Error of the mean",
        "std_ratio": "Ratio of deviations",
    }
    shapes = list(dict.fromkeys(table["alpha"]))
    kept = [shape for shape in shapes if shape == shapes[0] or len(set(shape.split())) == 1]
    table = table[table["alpha"].isin(kept) & table["quantity"].isin(quantities)]
    # For equal concentrations show only the KLs: the means are exact by symmetry.
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
            *(name, f"{label}, α ∝ ({shape.replace(' ', ', ')})", "Σα", ""),
            log=True,
            log_x=True,
            references=(Reference("y", 1.0, "exact"),) if quantity == "std_ratio" else (),
        )
        for shape in kept
        for quantity, label in quantities.items()
        if (name := f"{quantity}-{shape.replace(' ', '-')}") in drawn
    )
    what = "Errors of the Laplace bridge over the total Σα, with Σ read in three ways"
    return LineFigure("bridge", what, data, panels, columns=2)


def _slug(law: str) -> str:
    return law.replace(",", "").replace(" ", "-")


FIGURES: Mapping[str, Callable[[Read], Any]] = {
    "densities": densities,
    "bridge": bridge,
}
