"""Which rows of which table: the language of claims, errata and sentences.

    table: identities        # of the results; or `reference:`, one of the papers' own
    where: {identity: Theorem 1, beta: [0, 1]}       # what all rows have; a list: any of these
    column: value            # the values

A claim may name `limits`, `each`, `over`, `lower` and `higher` besides; `reporting.numbers` says how the rows
of an erratum or a sentence become a number. Rows of what one has added to the catalogues count only where a
query names them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reinrelax.claims import papers
from reinrelax.errors import ConfigError

Pick = Mapping[str, str | float | bool | list[str | float | bool]]
# What says which rows and values are meant, whoever asks.
KEYS = ("table", "reference", "where", "column")


@dataclass(frozen=True)
class Query:
    """Which values of one table are meant.

    Attributes:
        table: its name; `reference`, whether it is one of the paper's own.
        where: what all its rows have: column to a value, or to a list of which any will do.
        column: of the values; `limits`, those of their intervals. None: those that are named after it, or
            `low` and `high` of `value`, `ci_low` and `ci_high` of `mean`. A value without them is exact.
        each: columns; the comparison is made for each combination of their values by itself.
        over: the coordinate along which a trend or a minimum is sought.
        lower, higher: what the rows on each side have besides.
    """

    table: str
    reference: bool = False
    where: Pick = field(default_factory=dict)
    column: str = "value"
    limits: tuple[str, ...] | None = None
    each: tuple[str, ...] = ()
    over: str = ""
    lower: tuple[Pick, ...] = ()
    higher: tuple[Pick, ...] = ()

    def ends(self, columns: Collection[str]) -> tuple[str, ...]:
        """The columns of the interval, of those that the table has; none where it has not both."""
        usual = {"value": ("low", "high"), "mean": ("ci_low", "ci_high")}
        named = usual.get(self.column, (f"{self.column}_low", f"{self.column}_high"))
        wanted = named if self.limits is None else self.limits
        return wanted if wanted and set(wanted) <= set(columns) else ()

    def named(self) -> set[str]:
        """All texts that it asks for."""
        asked = [value for pick in (self.where, *self.lower, *self.higher) for value in pick.values()]
        return {text for value in asked for text in listed(value) if isinstance(text, str)}

    def columns(self) -> dict[str, str]:
        """All columns that it names, each with the key under which it does."""
        keyed = {
            "where": self.where,
            "column": (self.column,),
            "limits": self.limits or (),
            "each": self.each,
        }
        keyed |= {"over": (self.over,) if self.over else ()}
        keyed |= {key: {name for pick in getattr(self, key) for name in pick} for key in ("lower", "higher")}
        return {column: key for key, columns in keyed.items() for column in columns}


def read(where: str, raw: Mapping[str, Any]) -> Query:
    """The query of an entry that a person wrote, whose other keys are not looked at.

    Args:
        where: file and place, for messages.
        raw: the entry.

    Raises:
        ConfigError: names the key that cannot be one.
    """
    reference = "reference" in raw
    if ("table" in raw) == reference:
        raise ConfigError(f"{where}: needs either `table` or `reference`")
    for key in ("lower", "higher"):
        picks = raw.get(key, [])
        if not isinstance(picks, list) or not all(isinstance(pick, dict) for pick in picks):
            raise ConfigError(f"{where}.{key}: must be a list of mappings of columns; got {picks!r}")
    for key in ("limits", "each"):
        if not isinstance(raw.get(key, []), list):
            raise ConfigError(f"{where}.{key}: must be a list of columns; got {raw[key]!r}")
    if not isinstance(raw.get("where", {}), dict):
        raise ConfigError(f"{where}.where: must map columns to values; got {raw['where']!r}")
    for key in ("where", "lower", "higher"):
        for pick in listed(raw.get(key, [])):
            papers.check(f"{where}.{key}", pick)
    return Query(
        table=str(raw["reference" if reference else "table"]),
        reference=reference,
        where=raw.get("where", {}),
        column=str(raw.get("column", "value")),
        limits=tuple(raw["limits"]) if "limits" in raw else None,
        each=tuple(raw.get("each", ())),
        over=raw.get("over", ""),
        lower=tuple(raw.get("lower", ())),
        higher=tuple(raw.get("higher", ())),
    )


def check_table(where: str, query: Query, known: Collection[str]) -> None:
    """Do nothing if a query's table is one of these.

    Raises:
        ConfigError: it is not.
    """
    if query.table not in known:
        key = "reference" if query.reference else "table"
        raise ConfigError(f"{where}.{key}: unknown table {query.table!r}; known: {', '.join(known)}")


def rows(
    where: str, query: Query, known: Collection[str], load: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    """All rows that fit a query, of one's own only those that it names.

    Args:
        where: what asks, for messages.
        query: which.
        known: the names of the tables that there are.
        load: gives one of them.

    Raises:
        ConfigError: names the table or column that does not exist.
    """
    check_table(where, query, known)
    table = load(query.table)
    for column, key in query.columns().items():
        if column not in table:
            there = ", ".join(map(str, table.columns))
            raise ConfigError(f"{where}.{key}: {query.table} has no column {column!r}; there are: {there}")
    fitting = table[held(table, query.where)]
    return fitting[papers.counted(fitting, query.named())]


def held(rows: pd.DataFrame, where: Pick) -> NDArray[np.bool_]:
    """Which rows have all of these."""
    found = np.ones(len(rows), dtype=bool)
    for name, wanted in where.items():
        found &= fits(rows[name], wanted).to_numpy()
    return found


def fits(column: pd.Series, wanted: Any) -> pd.Series:
    """Which entries are one of these values; numbers whatever they are stored as, an empty text as none."""
    options = listed(wanted)
    texts = [str(option) for option in options if isinstance(option, str | bool)]
    found = np.zeros(len(column), dtype=bool)
    if texts:
        found |= column.astype(object).where(column.notna(), "").astype(str).isin(texts).to_numpy()
    if len(texts) < len(options):
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        for option in options:
            if not isinstance(option, str | bool):
                found |= np.isclose(numbers, float(option), rtol=1e-9)
    return pd.Series(found, index=column.index)


def listed(value: Any) -> list[Any]:
    """A value as a list of one; a list as it is."""
    return value if isinstance(value, list) else [value]
