"""A forest plot of all printed numbers: ours divided by the paper's."""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from reinrelax.display.charts import intervals
from reinrelax.display.charts.intervals import IntervalFigure, IntervalPanel, Kind
from reinrelax.display.charts.lines import Reference
from reinrelax.display.charts.style import INK
from reinrelax.display.charts.tidy_tables import Read
from reinrelax.display.text_format import shape


def forest(read: Read) -> IntervalFigure:
    """Plan the forest plot: a row per printed number or, for Tables 2 and 3, per latent shape."""
    rows = pd.DataFrame(
        [
            {
                "panel": "all",
                "row": row,
                "series": "ours ÷ paper",
                "value": value / by,
                "low": low / by,
                "high": high / by,
            }
            for row, by, (value, low, high) in _numbers(read)
        ],
        columns=list(intervals.COLUMNS),
    )
    names = tuple(dict.fromkeys(rows["row"]))
    panel = IntervalPanel("all", "", "ours ÷ paper", names, references=(Reference("x", 1.0, ""),))
    what = "Printed numbers: ours divided by the paper’s, with 95% intervals"
    kinds = (Kind("ours ÷ paper", INK),)
    return IntervalFigure(
        "forest", what, rows, (panel,) if names else (), kinds, columns=1, width=6.2
    )


def _numbers(read: Read) -> Iterator[tuple[str, float, tuple[float, float, float]]]:
    """Yield the row, the printed number, and ours with the ends of its interval."""
    for name, title in (("table2", "Table 2"), ("table3", "Table 3")):
        table = read(name)
        for line in table.dropna(subset=["difference", "paper_mean"]).to_dict("records"):
            ends = tuple(
                line["paper_mean"] + line[end]
                for end in ("difference", "difference_low", "difference_high")
            )
            yield (
                f"{title}, {shape(line['latent'])}",
                line["paper_mean"],
                ends,
            )
    table = read("table1")
    for line in table[table["quantity"] == "std_root"].to_dict("records"):
        yield (
            f"Table 1, {line['estimator']}",
            line["paper"],
            (line["value"], line["low"], line["high"]),
        )
    for line in read("table4").dropna(subset=["ratio"]).to_dict("records"):
        if line["paper_ratio"] != 1:
            ends = (line["ratio"], line["ratio_low"], line["ratio_high"])
            yield f"Table 4, {line['estimator']}, to STGS", line["paper_ratio"], ends
    for line in read("rl_summary").dropna(subset=["paper"]).to_dict("records"):
        # Division by a negative number exchanges the ends.
        low, high = sorted((line["ci_low"] / line["paper"], line["ci_high"] / line["paper"]))
        ends = (line["mean"], low * line["paper"], high * line["paper"])
        yield f"Figure 3, {line['environment']}, {line['algorithm']}", line["paper"], ends


FIGURES: Mapping[str, Callable[[Read], IntervalFigure]] = {"forest": forest}
