"""What differs between two tables, two lists of claims or two plans: rows are matched by what names them."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reinrelax.config.declared import KEYS
from reinrelax.display.blocks import number

# Names of files and runs, which follow from other columns.
_DERIVED = frozenset(("run_id",))
# What a job's result depends on, and what became of it. Times and places are another's every time.
JOB_COLUMNS = (
    *("state", "message", "planned_seeds", "seeds", "diverged", "dataset", "train_images", "test_images"),
    *("batch_size", "products", "epochs", "draws", "settings", "device", "commit", "versions"),
)
# Relative: what another order of the same sums may make of a double's last digits.
ROUNDING = 1e-9

Row = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One entry of a table that differs.

    Attributes:
        size: of a number's change, relative to the larger; infinite for text and for what was or is absent.
    """

    row: Row
    column: str
    before: str
    after: str

    @property
    def difference(self) -> float:
        """After less before; NaN where either is no number."""
        return number(self.after) - number(self.before)

    @property
    def size(self) -> float:
        if not math.isfinite(self.difference):
            return math.inf
        if not self.difference:
            return 0.0
        return abs(self.difference) / max(abs(number(self.before)), abs(number(self.after)))


@dataclass(frozen=True)
class TableDifference:
    """What differs between two tables of one name.

    Attributes:
        keys: the columns that rows were matched by.
        same: rows that agree in all columns, of which `rounded` only up to rounding.
        changes: entries of matched rows that differ.
        only: rows of but one table, of the first and the second.
        columns: columns of but one, likewise.
    """

    name: str
    keys: Sequence[str]
    same: int = 0
    rounded: int = 0
    changes: Sequence[Change] = ()
    only: tuple[Sequence[Row], Sequence[Row]] = ((), ())
    columns: tuple[Sequence[str], Sequence[str]] = ((), ())

    @property
    def equal(self) -> bool:
        return not (self.changes or any(self.only) or any(self.columns))


@dataclass(frozen=True)
class ClaimsDifference:
    """What differs between two lists of claims.

    Attributes:
        same: claims of the same verdict, of which `moved` with other numbers.
        changed: pairs of another verdict.
        only: claims of but one list, of the first and the second.
        renamed: pairs that say the same under another name.
    """

    same: int = 0
    moved: int = 0
    changed: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()
    only: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]] = ((), ())
    renamed: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()

    @property
    def equal(self) -> bool:
        return not (self.moved or self.changed or any(self.only) or self.renamed)


@dataclass(frozen=True)
class JobsDifference:
    """What differs between two plans of jobs.

    Attributes:
        same: jobs that agree in `JOB_COLUMNS`.
        changes: column and both entries, with the jobs of which this is so.
        only: jobs of but one plan, of the first and the second.
    """

    same: int = 0
    changes: Mapping[tuple[str, str, str], Sequence[str]] = field(default_factory=dict)
    only: tuple[Sequence[str], Sequence[str]] = ((), ())

    @property
    def equal(self) -> bool:
        return not (self.changes or any(self.only))


def tables(name: str, before: pd.DataFrame, after: pd.DataFrame) -> TableDifference:
    """Of two tables whose entries are text.

    Rows are matched by the columns of `KEYS` that both have; of a table that is not there, by all columns.
    Rows with the same names are matched in their order.
    """
    known = KEYS.get(name, tuple(before.columns))
    keys = [key for key in known if key in before.columns and key in after.columns]
    shared = [c for c in before.columns if c in after.columns and c not in keys and c not in _DERIVED]
    old, new = _by_name(before, keys), _by_name(after, keys)
    changes, same, rounded = [], 0, 0
    for place, row in old.items():
        if place not in new:
            continue
        other = new[place]
        differing = [column for column in shared if row[column] != other[column]]
        found = [Change(_name(place), column, row[column], other[column]) for column in differing]
        real = [change for change in found if change.size > ROUNDING]
        same += not real
        rounded += bool(found) and not real
        changes += real
    return TableDifference(
        name,
        keys or ["row"],
        same,
        rounded,
        changes,
        _only(old, new, _name),
        (
            [column for column in before.columns if column not in after.columns],
            [column for column in after.columns if column not in before.columns],
        ),
    )


def claims(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> ClaimsDifference:
    """Of two lists of claims, matched by their names, and where these changed by what they say."""
    old, new = ({str(claim["id"]): claim for claim in found} for found in (before, after))
    pairs = [(old[name], new[name]) for name in old if name in new]
    gone, come = (list(found) for found in _only(old, new, str))
    said = {_said(new[name]): name for name in come}
    # Each new name is taken once, should several claims say the same.
    renamed = [(name, said.pop(_said(old[name]))) for name in gone if _said(old[name]) in said]
    pairs += [(old[a], new[b]) for a, b in renamed]
    same = [pair for pair in pairs if pair[0]["verdict"] == pair[1]["verdict"]]
    return ClaimsDifference(
        same=len(same),
        moved=sum(_measured(a) != _measured(b) for a, b in same),
        changed=[pair for pair in pairs if pair[0]["verdict"] != pair[1]["verdict"]],
        only=(
            [old[name] for name in gone if name not in dict(renamed)],
            [new[name] for name in come if name not in dict(renamed).values()],
        ),
        renamed=[(old[a], new[b]) for a, b in renamed],
    )


def jobs(before: pd.DataFrame, after: pd.DataFrame) -> JobsDifference:
    """Of two tables of jobs whose entries are text."""
    old, new = ({row["job"]: row for row in table.to_dict("records")} for table in (before, after))
    changes: dict[tuple[str, str, str], list[str]] = {}
    same = 0
    for name in old:
        if name not in new:
            continue
        pairs = [(column, old[name].get(column, ""), new[name].get(column, "")) for column in JOB_COLUMNS]
        found = [pair for pair in pairs if pair[1] != pair[2]]
        if old[name]["state"] != new[name]["state"]:
            # A job that has not been run says nothing of the rest.
            found = [pair for pair in found if pair[1] and pair[2]]
        for pair in found:
            changes.setdefault(pair, []).append(name)
        same += not found
    return JobsDifference(same, changes, _only(old, new, str))


def rules(before: pd.DataFrame, after: pd.DataFrame) -> list[tuple[str, str, Any, Any]]:
    """Of two tables of rules, whose entries are text: rule, place in it, and what either says there."""
    old, new = ({row["rule"]: row["says"] for row in table.to_dict("records")} for table in (before, after))
    return [
        (rule, *found)
        for rule in dict.fromkeys([*old, *new])
        for found in settings(*(json.loads(said.get(rule) or "null") for said in (old, new)))
    ]


def settings(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Entries in which two configurations differ: their place, and both values; None where there is none."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            found
            for key in dict.fromkeys([*before, *after])
            for found in settings(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if before == after else [(path, before, after)]


def _by_name(table: pd.DataFrame, keys: Sequence[str]) -> dict[Row, dict[str, str]]:
    seen: Counter[Row] = Counter()
    out = {}
    for row in table.to_dict("records"):
        name = tuple(_short(row[key]) for key in keys)
        out[*name, str(seen[name])] = {str(key): value for key, value in row.items()}
        seen[name] += 1
    return out


def _short(text: str) -> str:
    """A name that does not depend on whether a column was read as whole numbers: 10 for 10.0."""
    return text.removesuffix(".0")


def _name(place: Row) -> Row:
    """Names to be shown: of rows with the same names, the second and those after it with their number."""
    *names, index = place
    if not names:
        return (f"{int(index) + 1}",)
    return (*names[:-1], names[-1] if index == "0" else f"{names[-1]} (no. {int(index) + 1})")


def _only(old: Mapping[Any, Any], new: Mapping[Any, Any], name: Any) -> tuple[list[Any], list[Any]]:
    return [name(key) for key in old if key not in new], [name(key) for key in new if key not in old]


def _said(claim: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(claim.get(name)) for name in ("paper", "place", "statement", "places"))


def _measured(claim: Mapping[str, Any]) -> list[Any]:
    return [claim.get(name) for name in ("effect", "low", "high", "holding", "failing", "seeds", "diverged")]
