"""Numbers for sentences: queries of the run's tables, of the papers' numbers and of the verdicts.

A query is data, in a few checked words:

    table: identities        # of the results folder, `claims` or `findings`; or `reference:`, a printed table
    where: {identity: Theorem 1, beta: [0, 1]}       # a list: any of these
    column: value
    reduce: max
    over: {where: {...}}     # or `minus`: the same query with changes, by which the result is divided
    digits: 3                # significant ones; a count is shown whole
    limits: [low, high]      # columns of the interval
    name: beta               # column of the name of the row that was picked

Rows of what one has added to the catalogues count only where a query names them.
"""

import math
import string
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from reinrelax.claims import papers
from reinrelax.config.declared import FILLED_BY
from reinrelax.display.blocks import number, plain_cell
from reinrelax.display.collected import Collected, Line, as_lines
from reinrelax.display.tables import read_json, read_table
from reinrelax.display.wording import significant
from reinrelax.errors import ConfigError

REFERENCE = Path("report/reference")
# Tables there that are reckoned from the files that the authors made public.
_PUBLIC = "authors_"
# Of the results folder too, but as JSON.
_VERDICTS = ("claims", "findings")
_QUERY = ("table", "reference", "where", "column", "reduce")
NUMBER = (*_QUERY, "over", "minus", "digits", "name", "limits")

# From the rows' values to the row that is shown, or to a number.
_ROW: Mapping[str, Callable[[Sequence[float]], int]] = {
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
REDUCERS = ("only", *_ROW, *_NUMBER)


@dataclass(frozen=True)
class Number:
    """What a query found, as the page writes it; or why it found nothing.

    Attributes:
        low, high: the interval's ends.
        name: of the row that was picked.
        csv: where the number stands, from the report's folder; empty for one of others.
        whose: it is then.
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
    """The names in braces of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def number_of(where: str, raw: Any, wanted: Collection[str], collected: Collected) -> Number:
    """The number that a query asks for.

    Args:
        where: file and key, for messages.
        raw: the query, with keys of `NUMBER`.
        wanted: what is written of it: `value`, `low`, `high`, `name`.

    Raises:
        ConfigError: an unknown key, table, column or reducer; the message names file and key.
        ResultsError: a table is missing or damaged.
    """
    check_keys(where, raw, required=("reduce",), allowed=NUMBER)
    other = next((name for name in ("over", "minus") if name in raw), None)
    query = _Query.of(where, raw, collected)
    second = None
    if other:
        check_keys(f"{where}.{other}", raw[other], required=(), allowed=_QUERY)
        second = _Query.of(f"{where}.{other}", _changed(raw, raw[other]), collected)
    label, limits = raw.get("name"), raw.get("limits", ["low", "high"])
    _check_columns(where, query, set(wanted), label, limits)
    found = query.result()
    if found is None or (second and second.result() is None):
        failed = query if found is None or second is None else second
        return Number(absence=failed.absence(), csv=query.csv, whose=query.whose)
    value, row = found
    if second:
        by = (second.result() or (math.nan, {}))[0]
        value = value - by if other == "minus" else value / by if by else math.nan
    if not math.isfinite(value):
        return Number(absence="no finite number", csv=query.csv, whose=query.whose)
    digits = raw.get("digits", 1 if raw["reduce"] == "count" else 3)  # a count is whole
    low, high = (significant(number(row.get(end)), digits) or "–" for end in limits)
    name = plain_cell(row.get(label, "")).text
    return Number(significant(value, digits), low, high, name, "", query.csv, query.whose)


def check_keys(where: str, raw: Any, required: Sequence[str], allowed: Sequence[str]) -> None:
    """Whether a mapping has these keys and no others.

    Raises:
        ConfigError: names file and key.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{where}: must be a mapping; got {type(raw).__name__}")
    for problem in _problems(raw, required, allowed):
        raise ConfigError(f"{where}{problem}; allowed: {', '.join(allowed)}")


def _problems(raw: Mapping[str, Any], required: Sequence[str], allowed: Sequence[str]) -> Iterator[str]:
    for key in raw:
        if key not in allowed:
            yield f".{key}: unknown key"
    for key in required:
        if key not in raw:
            yield f": missing {key}"


def _check_columns(where: str, query: "_Query", wanted: set[str], label: Any, limits: Any) -> None:
    """That what is written beside the value is a column, and of one row."""
    if (label is None) == ("name" in wanted) or (label is not None and label not in query.columns):
        raise ConfigError(f"{where}.name: the column that {{name}} in the text is taken from; got {label!r}")
    if {"low", "high"} & wanted and not (len(limits) == 2 and set(limits) <= set(query.columns)):
        raise ConfigError(f"{where}.limits: {query.table} has not the columns {limits}")
    if wanted - {"value"} and query.reduce in _NUMBER:
        raise ConfigError(
            f"{where}.reduce: {query.reduce!r} picks no row, whose {wanted - {'value'}} could be told"
        )


@dataclass(frozen=True)
class _Query:
    """A checked query, with the rows that fit."""

    table: str
    reference: bool
    columns: Sequence[str]
    values: Sequence[tuple[float, Line]]
    reduce: str
    collected: Collected

    @classmethod
    def of(cls, where: str, raw: Mapping[str, Any], collected: Collected) -> "_Query":
        """Checks names and picks the rows."""
        if ("table" in raw) == ("reference" in raw):
            raise ConfigError(f"{where}: needs either `table` or `reference`")
        reference = "reference" in raw
        name = str(raw["reference" if reference else "table"])
        columns, lines = _read(where, name, reference, collected)
        column, chosen = str(raw.get("column", "value")), raw.get("where", {})
        if not isinstance(chosen, Mapping):
            raise ConfigError(f"{where}.where: must be a mapping of columns to values; got {chosen!r}")
        for key, wanted in (("column", column), *(("where", key) for key in chosen)):
            if wanted not in columns:
                raise ConfigError(
                    f"{where}.{key}: {name} has no column {wanted!r}; there are: {', '.join(columns)}"
                )
        if raw["reduce"] not in REDUCERS:
            raise ConfigError(f"{where}.reduce: must be one of {', '.join(REDUCERS)}; got {raw['reduce']!r}")
        fitting = [line for line in lines if all(_fits(line[key], chosen[key]) for key in chosen)]
        asked = [option for wanted in chosen.values() for option in _listed(wanted)]
        values = [(number(line[column]), line) for line in papers.lines(fitting, asked)]
        if raw["reduce"] != "count":
            values = [(value, line) for value, line in values if math.isfinite(value)]
        if raw["reduce"] == "only" and len(values) > 1:
            raise ConfigError(f"{where}.reduce: `only` asks for one row; {len(values)} rows of {name} fit")
        return cls(name, reference, columns, values, raw["reduce"], collected)

    @property
    def csv(self) -> str:
        """The table's place, from the report's folder."""
        if self.reference:
            return ""
        return f"tables/{self.table}.{'json' if self.table in _VERDICTS else 'csv'}"

    @property
    def whose(self) -> str:
        """Whose number it is, if it is not ours."""
        theirs = "the authors’ public files" if self.table.startswith(_PUBLIC) else "the paper’s numbers"
        return theirs if self.reference else ""

    def result(self) -> tuple[float, Line] | None:
        """The number and, where it is one row's, the row; None where no row fits."""
        if not self.values:
            return None
        numbers = [value for value, _ in self.values]
        if self.reduce in _NUMBER:
            return _NUMBER[self.reduce](numbers), {}
        return self.values[_ROW[self.reduce](numbers) if self.reduce in _ROW else 0]

    def absence(self) -> str:
        """Why no row fits."""
        if self.reference or self.table in _VERDICTS:
            return "no such row"
        return self.collected.absence(self.table)


def _read(
    where: str, name: str, reference: bool, collected: Collected
) -> tuple[Sequence[str], Sequence[Line]]:
    if not reference:
        if name in _VERDICTS:
            found = read_json(collected.folder / "tables" / f"{name}.json")
            return list(found[0]), found
        if name not in FILLED_BY:
            raise ConfigError(f"{where}.table: unknown table {name!r}; known: {', '.join(FILLED_BY)}")
        return collected.columns(name), collected.lines(name)
    path = collected.root / REFERENCE / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.csv")))
        raise ConfigError(f"{where}.reference: unknown table {name!r}; known: {known}")
    table = read_table(path)
    return list(table.columns), as_lines(table)


def _changed(raw: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The query with changes: another source replaces the first, conditions are laid over those there."""
    kept = {key: raw[key] for key in _QUERY if key in raw}
    if {"table", "reference"} & set(changes):
        kept = {key: value for key, value in kept.items() if key not in ("table", "reference", "where")}
    return {**kept, **changes, "where": {**kept.get("where", {}), **changes.get("where", {})}}


def _fits(entry: Any, wanted: Any) -> bool:
    return any(str(entry) == str(option) or number(entry) == number(option) for option in _listed(wanted))


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]
