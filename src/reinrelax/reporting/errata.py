"""Errata: places where the paper errs, contradicts itself or leaves a choice, each with numbers of this run.

Their text is data. What the authors' public code does instead of what is printed stands under `code`, with
the `source` that `report/reference/sources.csv` names. Every number comes from a query of a table, written in
a few checked words:

    text: "Largest deviation: {value} of the norm"   # also {low}, {high} and {name}, of a row that was picked
    table: identities        # of the results folder, or `reference:` one of the paper's printed numbers
    where: {identity: Theorem 1, beta: [0, 1]}       # a list: any of these
    column: value
    reduce: max
    over: {where: {...}}     # or `minus`: the same query with changes, by which the result is divided
    digits: 3                # significant ones; a count is shown whole
    limits: [low, high]      # columns of {low} and {high}
    name: beta               # column of {name}

Rows of what one has added to the catalogues count only where a query names them.
"""

import math
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from reinrelax.claims import papers
from reinrelax.core.document import read_yaml
from reinrelax.display.blocks import number, plain_cell
from reinrelax.display.collected import FILLED_BY, Collected, Line, as_lines
from reinrelax.display.tables import read_table
from reinrelax.display.wording import anchor, significant
from reinrelax.errors import ConfigError

FOLDER = Path("report/errata")
REFERENCE = Path("report/reference")
# Tables there that are reckoned from the files that the authors made public.
_PUBLIC = "authors_"
KINDS = ("error", "inconsistency", "ambiguity", "observation")
_ENTRY = ("id", "kind", "place", "title", "printed", "ours", "consequence")
_CODE = ("code", "source")
_QUERY = ("table", "reference", "where", "column", "reduce")
_ITEM = ("text", *_QUERY, "over", "minus", "digits", "name", "limits")

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
class Item:
    """A sentence with a number, or the reason why there is none.

    Attributes:
        csv: where the number stands, from the report's folder; empty for one of others.
        whose: it is then.
    """

    text: str
    absence: str
    csv: str
    whose: str = ""


@dataclass(frozen=True)
class Entry:
    """One erratum, worked out.

    Attributes:
        code: what the authors' public code does, with repository and commit; empty where it settles nothing.
    """

    id: str
    anchor: str
    kind: str
    place: str
    title: str
    printed: str
    ours: str
    consequence: str
    code: str
    numbers: Sequence[Item]


def load(collected: Collected) -> list[Entry]:
    """All entries with their numbers.

    Raises:
        ConfigError: a file has an unknown key, table, column or reducer; the message names file and key.
        ResultsError: a table is missing or damaged.
    """
    entries, seen = [], set()
    for path in sorted((collected.root / FOLDER).glob("*.yaml")):
        content = read_yaml(path)
        if not isinstance(content, list):
            raise ConfigError(f"{path}: must be a list of entries; got {type(content).__name__}")
        for index, raw in enumerate(content):
            entry = _entry(f"{path.name}: {_name(raw, index)}", raw, collected)
            if entry.id in seen:
                raise ConfigError(f"{path.name}: {entry.id}: this id is used twice")
            seen.add(entry.id)
            entries.append(entry)
    return entries


def _name(raw: Any, index: int) -> str:
    return str(raw["id"]) if isinstance(raw, Mapping) and "id" in raw else f"entry {index}"


def _entry(where: str, raw: Any, collected: Collected) -> Entry:
    required = (*_ENTRY, *(_CODE if set(_CODE) & set(raw) else ())) if isinstance(raw, Mapping) else _ENTRY
    _check_keys(where, raw, required=required, allowed=(*_ENTRY, *_CODE, "numbers"))
    if raw["kind"] not in KINDS:
        raise ConfigError(f"{where}.kind: must be one of {', '.join(KINDS)}; got {raw['kind']!r}")
    return Entry(
        **{name: " ".join(str(raw[name]).split()) for name in _ENTRY},
        anchor=anchor("erratum", str(raw["id"])),
        code=_code(where, raw, collected) if "code" in raw else "",
        numbers=[
            _item(f"{where}.numbers[{index}]", item, collected)
            for index, item in enumerate(raw.get("numbers", []))
        ],
    )


def _code(where: str, raw: Mapping[str, Any], collected: Collected) -> str:
    lines = as_lines(read_table(collected.root / REFERENCE / "sources.csv"))
    places = {line["name"]: f"{line['repository']}, commit {line['commit']}" for line in lines}
    if raw["source"] not in places:
        raise ConfigError(
            f"{where}.source: unknown {raw['source']!r}; {REFERENCE}/sources.csv has {', '.join(places)}"
        )
    return f"{' '.join(str(raw['code']).split()).removesuffix('.')} ({places[raw['source']]})."


def _item(where: str, raw: Any, collected: Collected) -> Item:
    _check_keys(where, raw, required=("text", "reduce"), allowed=_ITEM)
    fields = {name for _, name, _, _ in string.Formatter().parse(raw["text"]) if name is not None}
    if "value" not in fields or fields - {"value", "low", "high", "name"}:
        raise ConfigError(f"{where}.text: must hold {{value}}, and {{low}}, {{high}}, {{name}} at most")
    other = next((name for name in ("over", "minus") if name in raw), None)
    query = _Query.of(where, raw, collected)
    second = None
    if other:
        _check_keys(f"{where}.{other}", raw[other], required=(), allowed=_QUERY)
        second = _Query.of(f"{where}.{other}", _changed(raw, raw[other]), collected)
    label, limits = raw.get("name"), raw.get("limits", ["low", "high"])
    _check_columns(where, query, fields, label, limits)
    found = query.result()
    if found is None or (second and second.result() is None):
        failed = query if found is None or second is None else second
        return Item(_label(raw["text"]), failed.absence(), query.csv, query.whose)
    value, row = found
    if second:
        by = (second.result() or (math.nan, {}))[0]
        value = value - by if other == "minus" else value / by if by else math.nan
    if not math.isfinite(value):
        return Item(_label(raw["text"]), "no finite number", query.csv, query.whose)
    digits = raw.get("digits", 1 if raw["reduce"] == "count" else 3)  # a count is whole
    shown = {"value": significant(value, digits), "name": plain_cell(row.get(label, "")).text}
    ends = (significant(number(row.get(end)), digits) or "–" for end in limits)
    shown |= dict(zip(("low", "high"), ends, strict=True))
    return Item(raw["text"].format(**shown), "", query.csv, query.whose)


def _check_columns(where: str, query: "_Query", fields: set[str], label: Any, limits: Any) -> None:
    """That what the text names beside the value is a column, and of one row."""
    if (label is None) == ("name" in fields) or (label is not None and label not in query.columns):
        raise ConfigError(f"{where}.name: the column that {{name}} in the text is taken from; got {label!r}")
    if {"low", "high"} & fields and not (len(limits) == 2 and set(limits) <= set(query.columns)):
        raise ConfigError(f"{where}.limits: {query.table} has not the columns {limits}")
    if fields - {"value"} and query.reduce in _NUMBER:
        raise ConfigError(
            f"{where}.reduce: {query.reduce!r} picks no row, whose {fields - {'value'}} could be told"
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
        return "" if self.reference else f"tables/{self.table}.csv"

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
        return "no such row" if self.reference else self.collected.absence(self.table)


def _read(
    where: str, name: str, reference: bool, collected: Collected
) -> tuple[Sequence[str], Sequence[Line]]:
    if not reference:
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


def _label(text: str) -> str:
    """The sentence without its numbers, for what could not be filled in."""
    blanks = dict.fromkeys(("value", "low", "high", "name"), "…")
    return text.format(**blanks)


def _check_keys(where: str, raw: Any, required: Sequence[str], allowed: Sequence[str]) -> None:
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
