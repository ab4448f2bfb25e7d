"""Helpers for planning figures: tables in the form in which lines and maps are drawn."""

from collections.abc import Callable, Sequence

import pandas as pd

from reinrelax.display.charts import lines
from reinrelax.display.text_format import shape

Read = Callable[[str], pd.DataFrame]


def tidy(
    table: pd.DataFrame,
    panel: str,
    series: str,
    x: str,
    value: str,
    ends: tuple[str, str],
    extra: Sequence[str] = (),
    order: Sequence[str] = (),
) -> pd.DataFrame:
    """Return a table of the report in the form of `lines.COLUMNS`.

    Args:
        table: of the report.
        panel, series, x, value: the columns that become those of `lines.COLUMNS`.
        ends: the columns of the interval's ends.
        extra: further columns to keep.
        order: the order of the panels; by default that of appearance.
    """
    columns = dict(zip(lines.COLUMNS, (panel, series, x, value, *ends), strict=True))
    out = pd.DataFrame(
        {name: table[column] for name, column in columns.items()} | {n: table[n] for n in extra}
    )
    places = list(order or dict.fromkeys(out["panel"]))
    return out.sort_values(
        "panel", key=lambda names: names.map(places.index), kind="stable", ignore_index=True
    )


def cells(
    panel: str, x: Sequence[str], y: Sequence[str], values: "pd.Series[float]", notes: Sequence[str]
) -> pd.DataFrame:
    """Return the cells of a map in the form of `maps.COLUMNS`, without marks."""
    columns = {"panel": panel, "x": x, "y": y, "value": list(values), "note": notes}
    return pd.DataFrame({**columns, "is_best": False, "is_paper": False})


def stacked(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Concatenate tables; without any, return an empty table with these columns."""
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def texts(values: "pd.Series[float]") -> list[str]:
    """Return numbers as labels for the axes of a map."""
    return [f"{value:.3g}" for value in values]


def rising(names: Sequence[str]) -> tuple[str, ...]:
    """Return the distinct labels of `texts` in ascending order, as an axis."""
    return tuple(sorted(set(names), key=float))


def panel_title(text: str) -> str:
    """Replace each `8x4` in a text with `8 × 4`, with ordinary spaces, so that search finds it."""
    return shape(text).replace("\u00a0", " ")
