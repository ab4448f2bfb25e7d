"""What the plans of figures share: how they read tables, and the form in which lines and maps are drawn."""

from collections.abc import Callable, Sequence

import pandas as pd

from reinrelax.display.charts import lines
from reinrelax.display.wording import shape

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
    """A table of the report in the form of `lines.COLUMNS`, by panel in `order`, or in that of appearance."""
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
    """Cells of a map in the form of `maps.COLUMNS`, without marks."""
    columns = {"panel": panel, "x": x, "y": y, "value": list(values), "note": notes}
    return pd.DataFrame({**columns, "is_best": False, "is_paper": False})


def stacked(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Tables below each other; without any, one that has these columns alone."""
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def texts(values: "pd.Series[float]") -> list[str]:
    """Numbers as the axes of a map name them."""
    return [f"{value:.3g}" for value in values]


def rising(names: Sequence[str]) -> tuple[str, ...]:
    """What `texts` gives, each once, as an axis."""
    return tuple(sorted(set(names), key=float))


def panel_title(text: str) -> str:
    """`8 × 4` for `8x4`, with spaces that may be searched for."""
    return shape(text).replace("\u00a0", " ")
