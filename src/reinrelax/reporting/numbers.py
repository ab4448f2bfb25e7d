"""Numbers in sentences, from tables of the run, the papers' tables and verdicts.

Each number is a query whose rows are reduced to one value. Queries are as in `claims.queries`, also
of the tables `claims` and `findings`, with additional keys:

    reduce: max
    over: {where: {...}}     # or `minus`: the same query with changes, to divide by or subtract
    digits: 3                # significant digits; a count is shown in full
    limits: [low, high]      # columns of the interval; these are the default
    name: beta               # column with the name of the selected row
"""

import math
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims import queries
from reinrelax.claims.mistakes import check_keys
from reinrelax.config.declared import FILLED_BY
from reinrelax.display.table_blocks import plain_cell, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_json, read_table
from reinrelax.display.text_format import significant
from reinrelax.errors import ConfigError

REFERENCE = Path("report/reference")
# Names of tables computed from the files that the authors published start with this.
_PUBLIC = "authors_"
# Tables of the results folder that are stored as JSON.
_VERDICTS = ("claims", "findings")
# Keys of the first query that the second query may change.
_OTHER = (*queries.KEYS, "reduce")
NUMBER = (*_OTHER, "over", "minus", "digits", "name", "limits")

# Reducers to an index of the selected row, or to a number.
_ROW: Mapping[str, Callable[[Sequence[float]], int]] = {
    "only": lambda values: 0,
    "first": lambda values: 0,
    "last": lambda values: len(values) - 1,
    "argmin": lambda values: values.index(min(values)),
    "argmax": lambda values: values.index(max(values)),
}
_NUMBER: Mapping[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "min": min,
    "mean": fmean,
    "median": median,
    "std": lambda values: stdev(values) if len(values) > 1 else math.nan,
    "count": lambda values: float(len(values)),
}
REDUCERS = (*_ROW, *_NUMBER)


@dataclass(frozen=True)
class Number:
    """The result of a query as the page shows it, or the reason why there is none.

    Attributes:
        low, high: the ends of the interval.
        name: the name of the selected row.
        csv: the path of the table from the report's folder; empty if the number is not ours.
        whose: the source of a number that is not ours.
    """

    value: str = ""
    low: str = ""
    high: str = ""
    name: str = ""
    absence: str = ""
    csv: str = ""
    whose: str = ""

    def __str__(self) -> str:
        return self.value


def fields(text: str) -> set[str]:
    """Return the names in braces of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def number_of(where: str, raw: Any, wanted: Collection[str], collected: TableReader) -> Number:
    """Return the number that a query requests.

    Args:
        where: file and key, for messages.
        raw: the query, with keys of `NUMBER`.
        wanted: the fields that the sentence uses: `value`, `low`, `high`, `name`.

    Raises:
        ConfigError: an unknown key, table, column or reducer; the message names file and key.
        ResultsError: a table is missing or damaged.
    """
    check_keys(where, raw, ("reduce",), NUMBER)
    other = next((name for name in ("over", "minus") if name in raw), None)
    asked = _Reduced.of(where, raw, collected)
    second = None
    if other:
        check_keys(f"{where}.{other}", raw[other], (), _OTHER)
        second = _Reduced.of(f"{where}.{other}", _changed(raw, raw[other]), collected)
    label, limits = raw.get("name"), raw.get("limits", ["low", "high"])
    _check_columns(where, asked, set(wanted), label, limits)
    for one in filter(None, (asked, second)):
        if not len(one.rows):
            return Number(absence=one.absence(), csv=asked.csv, whose=asked.whose)
    value = asked.value()
    if second:
        by = second.value()
        value = value - by if other == "minus" else value / by if by else math.nan
    if not math.isfinite(value):
        return Number(absence="no finite number", csv=asked.csv, whose=asked.whose)
    digits = raw.get("digits", 1 if raw["reduce"] == "count" else 3)  # a count is an integer
    low, high = (significant(to_float(asked.entry(end)), digits) or "–" for end in limits)
    name = plain_cell(asked.entry(label)).text
    return Number(significant(value, digits), low, high, name, "", asked.csv, asked.whose)


def _check_columns(
    where: str, asked: "_Reduced", wanted: set[str], label: Any, limits: Any
) -> None:
    """Check that the fields next to the value refer to existing columns of a single row."""
    if (label is None) == ("name" in wanted) or (label is not None and label not in asked.rows):
        raise ConfigError(
            f"{where}.name: must be the column of {{name}} in the text, and only if the text has"
            f" {{name}}; got {label!r}"
        )
    if {"low", "high"} & wanted and not (len(limits) == 2 and {*limits} <= {*asked.rows}):
        raise ConfigError(f"{where}.limits: {asked.query.table} does not have the columns {limits}")
    if wanted - {"value"} and asked.reduce in _NUMBER:
        raise ConfigError(
            f"{where}.reduce: {asked.reduce!r} selects no single row, so the text cannot contain"
            f" {wanted - {'value'}}"
        )


@dataclass(frozen=True)
class _Reduced:
    """A checked query, its matching rows with a number, and the reducer."""

    query: queries.Query
    reduce: str
    rows: pd.DataFrame
    values: Sequence[float]
    collected: TableReader

    @classmethod
    def of(cls, where: str, raw: Mapping[str, Any], collected: TableReader) -> "_Reduced":
        """Check the names in the query and select the rows."""
        if raw["reduce"] not in REDUCERS:
            raise ConfigError(
                f"{where}.reduce: must be one of {', '.join(REDUCERS)}; got {raw['reduce']!r}"
            )
        query = queries.read(where, {key: raw[key] for key in queries.KEYS if key in raw})
        places = {file.stem: file for file in sorted((collected.root / REFERENCE).glob("*.csv"))}
        known, load = (
            (places, lambda name: read_table(places[name]))
            if query.reference
            else ((*FILLED_BY, *_VERDICTS), lambda name: _collected(name, collected))
        )
        rows = queries.rows(where, query, known, load)
        values = pd.to_numeric(rows[query.column], errors="coerce")
        if raw["reduce"] != "count":
            rows = rows[np.isfinite(values)]
        if raw["reduce"] == "only" and len(rows) > 1:
            raise ConfigError(
                f"{where}.reduce: `only` requires one row; {len(rows)} rows of {query.table} match"
            )
        return cls(query, raw["reduce"], rows, values[rows.index].tolist(), collected)

    @property
    def csv(self) -> str:
        """The path of the table from the report's folder."""
        if self.query.reference:
            return ""
        return f"tables/{self.query.table}.{'json' if self.query.table in _VERDICTS else 'csv'}"

    @property
    def whose(self) -> str:
        """The source of the number if it is not ours."""
        public = self.query.table.startswith(_PUBLIC)
        theirs = "the authors’ public files" if public else "the paper’s numbers"
        return theirs if self.query.reference else ""

    def value(self) -> float:
        """Return the reduced number; at least one row must match."""
        if self.reduce in _NUMBER:
            return _NUMBER[self.reduce](self.values)
        return self.values[_ROW[self.reduce](self.values)]

    def entry(self, column: str | None) -> Any:
        """Return a column of the selected row; empty text if there is no row or no value."""
        if column not in self.rows or self.reduce in _NUMBER:
            return ""
        return self.rows[column].iloc[_ROW[self.reduce](self.values)]

    def absence(self) -> str:
        """Explain why no row matches."""
        if self.query.reference or self.query.table in _VERDICTS:
            return "no such row"
        return self.collected.absence(self.query.table)


def _collected(name: str, collected: TableReader) -> pd.DataFrame:
    """Read a table of the results folder, or its claims or findings."""
    if name in _VERDICTS:
        return pd.DataFrame(read_json(collected.folder / f"tables/{name}.json"))
    return collected.table(name)


def _changed(raw: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query with changes: a new source replaces the old one, conditions are merged."""
    kept = {key: raw[key] for key in _OTHER if key in raw}
    if {"table", "reference"} & set(changes):
        kept = {
            key: value for key, value in kept.items() if key not in ("table", "reference", "where")
        }
    return {**kept, **changes, "where": {**kept.get("where", {}), **changes.get("where", {})}}
