"""The figures: drawn from the tables as SVG, each with its data. Nothing is computed here.

Each `<figure>.svg` comes with `<figure>.csv`, which contains the values drawn:

- Lines: `panel` (the id of the panel's group in the SVG, without `<figure>-`), `series` (in order
  of first appearance, which `data-series` counts), `x`, `value`, `low`, `high`, and any others.
- Maps: `panel`, `x`, `y` (texts of the axes), `value`, `note`, `is_best`, `is_paper`, and any
  others; rows of a panel are in the order that `data-series` of its cells counts.
- Points: `panel`, `series`, `x`, `x_low`, `x_high`, `value`, `low`, `high`.
- Intervals: `panel`, `row`, `series`, `value`, `low`, `high`, and any others.
- Simplexes: `panel`, `x`, `y`, `density`.

`figures.json` lists the `name`, `kind` (lines, map, points, intervals or simplex) and description
(`what`) of each figure; per panel `titles`, `x_labels`, `y_labels` and `log`; `series` with their
styles; `columns`, if the number of panels per row is fixed; and `absence`, if there is a special
reason why nothing is drawn. `pictures.json` is described in `pictures`.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reinrelax.config.declared import EXPERIMENTS, named
from reinrelax.config.load import Config
from reinrelax.core import files, records
from reinrelax.display.charts.canvas import Chart
from reinrelax.display.charts.tidy_tables import Read
from reinrelax.display.tables import CHECKSUMS, read_table
from reinrelax.experiments.cost import figures as speed_figures
from reinrelax.experiments.relaxed_vae import pictures
from reinrelax.reporting import forest

FIGURES: Mapping[str, Callable[[Read], Chart]] = {
    **forest.FIGURES,
    **{
        figure: named(f"{one.drawn_by}:FIGURES")[figure]
        for one in EXPERIMENTS.values()
        if one.drawn_by
        for figure in one.figures
    },
}


def write_figures(config: Config, root: Path) -> None:
    """Draw all figures from the folder `tables` to the folder `figures`, each with its data as CSV.

    Figures of speed use the benchmark timings in the project, below `root`.

    Raises:
        ResultsError: a table or a file of pictures is missing or damaged, timings are damaged, or a
            figure cannot be written.
    """
    folder = config.folder

    def read(name: str) -> pd.DataFrame:
        return read_table(folder / "tables" / f"{name}.csv")

    described: list[dict[str, Any]] = []
    written: list[Path] = []
    plans: list[Chart] = [make(read) for make in FIGURES.values()]
    for plan in plans + list(speed_figures.plans(root / speed_figures.RESULTS)):
        path = folder / "figures" / f"{plan.name}.svg"
        files.write_text(path, plan.draw())
        files.write_text(
            path.with_suffix(".csv"), plan.data.to_csv(index=False, lineterminator="\n")
        )
        described.append(plan.describe())
        written += [path, path.with_suffix(".csv")]
    for name, content in (
        ("figures", described),
        ("pictures", pictures.pictures(config, read("relaxations"))),
    ):
        text = json.dumps(content, indent=1, ensure_ascii=False)
        files.write_text(folder / "figures" / f"{name}.json", text + "\n")
        written.append(folder / "figures" / f"{name}.json")
    records.write(folder / "figures" / CHECKSUMS, {}, written)
