"""The figure of Theorem 1."""

from collections.abc import Callable, Mapping

from reinrelax.display.charts.lines import LineFigure, LinePanel, Reference
from reinrelax.display.charts.tidy_tables import Read, tidy

_SERIES = {
    "Theorem 1": "Eq. 27, as printed",
    "Theorem 1, corrected estimator": "the corrected estimator",
}


def theorem1(read: Read) -> LineFigure:
    """Plan the relative deviation of the two sides of Theorem 1 over β, median over functions."""
    table = read("identities")
    table = table[table["identity"].isin(_SERIES) & (table["quantity"] == "deviation_median")]
    worst = table.groupby(["identity", "beta"], sort=False, as_index=False)["value"].max()
    drawn = worst.assign(
        panel="all", series=worst["identity"].map(_SERIES), low=float("nan"), high=float("nan")
    )
    data = tidy(drawn, "panel", "series", "beta", "value", ("low", "high"))
    label = "Deviation over the norm"
    panel = LinePanel(
        "all", "Theorem 1", "β", label, log=True, references=(Reference("x", 0.5, "½"),)
    )
    what = "Deviation between the mean of ReinMax-RK2 and Eq. 26 over β, at the worst problem size"
    return LineFigure("theorem1", what, data, (panel,) if len(data) else ())


FIGURES: Mapping[str, Callable[[Read], LineFigure]] = {"theorem1": theorem1}
