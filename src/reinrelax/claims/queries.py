"""Queries for rows of a table: the language of claims, errata and sentences.

    table: identities        # a results table; or `reference:`, one of the papers' own
    where: {identity: Theorem 1, beta: [0, 1]}       # what all rows have; a list: any of these
    column: value            # the values

A claim can also name `limits`, `each`, `over`, `lower` and `higher`. `reporting.numbers` says how
the rows of an erratum or a sentence become a number. Rows of entries that a user added to the
catalogues count only if a query names them.
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
# Keys of every query, in claims, errata and sentences alike.
KEYS = ("table", "reference", "where", "column")


@dataclass(frozen=True)
class Query:
    """A selection of rows and values of one table.

    Attributes:
        table: the table's name.
        reference: whether it is one of the paper's own tables.
        where: conditions on all rows: column to a value, or to a list of alternatives.
        column: column of the values.
        limits: columns of the values' intervals. None: those named after `column`, but `low` and
            `high` for `value`, and `ci_low` and `ci_high` for `mean`. A value without them is
            exact.
        each: columns; each combination of their values is compared separately.
        over: the coordinate along which a trend or a minimum is sought.
        lower, higher: further conditions on the rows of each side.
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
        """Return the columns of the interval; empty unless the table has both of them."""
        usual = {"value": ("low", "high"), "mean": ("ci_low", "ci_high")}
        named = usual.get(self.column, (f"{self.column}_low", f"{self.column}_high"))
        wanted = named if self.limits is None else self.limits
        return wanted if wanted and set(wanted) <= set(columns) else ()

    def named(self) -> set[str]:
        """Return all strings that the query's conditions contain."""
        asked = [
            value for pick in (self.where, *self.lower, *self.higher) for value in pick.values()
        ]
        return {text for value in asked for text in listed(value) if isinstance(text, str)}

    def columns(self) -> dict[str, str]:
        """Return all columns that the query names, each with the key that names it."""
        keyed = {
            "where": self.where,
            "column": (self.column,),
            "limits": self.limits or (),
            "each": self.each,
        }
        keyed |= {"over": (self.over,) if self.over else ()}
        keyed |= {
            key: {name for pick in getattr(self, key) for name in pick}
            for key in ("lower", "higher")
        }
        return {column: key for key, columns in keyed.items() for column in columns}


def read(where: str, raw: Mapping[str, Any]) -> Query:
    """Read the query of a hand-written entry; other keys are ignored.

    Args:
        where: file and place, for messages.
        raw: the entry.

    Raises:
        ConfigError: names the invalid key.
    """
    reference = "reference" in raw
    if ("table" in raw) == reference:
        raise ConfigError(f"{where}: needs either `table` or `reference`")
    for key in ("lower", "higher"):
        picks = raw.get(key, [])
        if not isinstance(picks, list) or not all(isinstance(pick, dict) for pick in picks):
            raise ConfigError(
                f"{where}.{key}: must be a list of mappings of columns; got {picks!r}"
            )
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
    """Check that a query's table exists.

    Raises:
        ConfigError: it is not among `known`.
    """
    if query.table not in known:
        key = "reference" if query.reference else "table"
        raise ConfigError(
            f"{where}.{key}: unknown table {query.table!r}; known: {', '.join(known)}"
        )


def rows(
    where: str, query: Query, known: Collection[str], load: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    """Return all rows that match a query.

    Rows of entries that a user added to the catalogues match only if the query names them.

    Args:
        where: origin of the query, for messages.
        query: the query.
        known: names of the existing tables.
        load: returns a table by name.

    Raises:
        ConfigError: names the table or column that does not exist.
    """
    check_table(where, query, known)
    table = load(query.table)
    for column, key in query.columns().items():
        if column not in table:
            there = ", ".join(map(str, table.columns))
            raise ConfigError(
                f"{where}.{key}: {query.table} has no column {column!r}; its columns: {there}"
            )
    fitting = table[held(table, query.where)]
    return fitting[papers.counted(fitting, query.named())]


def held(rows: pd.DataFrame, where: Pick) -> NDArray[np.bool_]:
    """Return which rows meet all of these conditions."""
    found = np.ones(len(rows), dtype=bool)
    for name, wanted in where.items():
        left = np.flatnonzero(found)
        found[left] = fits(rows[name].iloc[left], wanted)
    return found


def fits(column: pd.Series, wanted: Any) -> NDArray[np.bool_]:
    """Return which entries equal one of these values.

    Numbers match however they are stored. An empty string matches a missing value.
    """
    options = listed(wanted)
    texts = [str(option) for option in options if isinstance(option, str | bool)]
    found = np.zeros(len(column), dtype=bool)
    if texts:
        strings = column
        if not isinstance(column.dtype, pd.StringDtype):
            strings = column.astype(object).where(column.notna(), "").astype(str)
        found |= strings.isin(texts).to_numpy()
        if "" in texts:
            found |= column.isna().to_numpy()
    if len(texts) < len(options):
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        for option in options:
            if not isinstance(option, str | bool):
                found |= np.isclose(numbers, float(option), rtol=1e-9)
    return found


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and any other value as a list of one."""
    return value if isinstance(value, list) else [value]
