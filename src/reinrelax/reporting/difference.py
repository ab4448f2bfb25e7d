"""Differences between two tables, lists of claims or plans, with rows matched by their keys."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.config.declared import KEYS

# Names of files and runs are derived from other columns.
_DERIVED = ("run_id",)
# The columns that a job's result depends on, and its state. Times and paths differ every time.
JOB_COLUMNS = (
    *(
        "state",
        "message",
        "planned_seeds",
        "seeds",
        "diverged",
        "dataset",
        "train_images",
        "test_images",
    ),
    *("batch_size", "products", "epochs", "draws", "settings", "device", "commit", "versions"),
)
# The relative error that another order of summation can cause in a double.
ROUNDING = 1e-9

Row = tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """The differences between two tables of the same name.

    Attributes:
        keys: the columns by which rows were matched.
        same: the number of rows that agree in all columns, of which `rounded` only up to rounding.
        changes: changed entries of matched rows: `row`, `column`, `before`, `after`, `difference`
            (NaN if either is not a number), and `size`, relative to the larger or infinite.
        only: the rows that only the first and only the second table contains.
        columns: the columns that only the first and only the second table contains.
    """

    name: str
    keys: Sequence[str]
    same: int
    rounded: int
    changes: pd.DataFrame
    only: tuple[list[Row], list[Row]]
    columns: tuple[list[str], list[str]]

    @property
    def equal(self) -> bool:
        return self.changes.empty and not any(self.only) and not any(self.columns)


@dataclass(frozen=True)
class ClaimsDifference:
    """The differences between two lists of claims.

    Attributes:
        same: the number of claims with the same verdict, of which `moved` with different numbers.
        changed: pairs with different verdicts.
        only: the claims that only the first and only the second list contains.
        renamed: pairs with the same statement under different names.
    """

    same: int = 0
    moved: int = 0
    changed: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()
    only: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]] = ((), ())
    renamed: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()

    @property
    def equal(self) -> bool:
        return not (self.moved or self.changed or any(self.only) or self.renamed)


def tables(name: str, before: pd.DataFrame, after: pd.DataFrame) -> Difference:
    """Compare two tables whose entries are text.

    Rows are matched by the columns of `KEYS` that both tables have; for a table that is not in
    `KEYS`, by all columns that both have. Rows with equal keys are matched in order.
    """
    known = KEYS.get(name, tuple(before.columns))
    shared = [column for column in before.columns if column in after.columns]
    keys = [key for key in known if key in shared]
    values = [column for column in shared if column not in (*keys, *_DERIVED)]
    old, new = (_named(table, keys) for table in (before, after))
    both = old.index.intersection(new.index, sort=False)
    sides = [table.loc[both, values].to_numpy() for table in (old, new)]
    rows, columns = np.nonzero(sides[0] != sides[1])
    changes = _sized(
        pd.DataFrame(
            {
                "row": both[rows],
                "column": np.array(values, dtype=object)[columns],
                **{
                    name: side[rows, columns]
                    for name, side in zip(("before", "after"), sides, strict=True)
                },
            }
        )
    )
    real = changes[changes["size"] > ROUNDING]
    changed = set(real["row"])
    return Difference(
        name,
        keys or ["row"],
        same=len(both) - len(changed),
        rounded=len(set(changes["row"]) - changed),
        changes=real,
        only=(_without(old.index, new.index), _without(new.index, old.index)),
        columns=(_without(before.columns, after.columns), _without(after.columns, before.columns)),
    )


def claims(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> ClaimsDifference:
    """Compare two lists of claims, matched by name, or by their statement if they were renamed."""
    old, new = ({str(claim["id"]): claim for claim in found} for found in (before, after))
    pairs = [(old[name], new[name]) for name in old if name in new]
    gone, come = ([name for name in a if name not in b] for a, b in ((old, new), (new, old)))
    said = {_said(new[name]): name for name in come}
    # Each new name is used once, even if several claims have the same statement.
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


def jobs(before: pd.DataFrame, after: pd.DataFrame) -> Difference:
    """Compare two tables of jobs in `JOB_COLUMNS`.

    If only one of them has run a job, empty entries of the other are not differences.
    """
    columns = [*KEYS["jobs"], *JOB_COLUMNS]
    found = tables(
        "jobs", *(table.reindex(columns=columns, fill_value="") for table in (before, after))
    )
    changes = found.changes
    run = changes["row"].isin(changes["row"][changes["column"] == "state"])
    absent = (changes["before"] == "") | (changes["after"] == "")
    return replace(found, changes=changes[~(run & absent)])


def rules(before: pd.DataFrame, after: pd.DataFrame) -> list[tuple[str, str, Any, Any]]:
    """Compare two tables of rules; return rule, key, and the value before and after."""
    old, new = (
        {row["rule"]: row["says"] for row in table.to_dict("records")} for table in (before, after)
    )
    return [
        (rule, *found)
        for rule in dict.fromkeys([*old, *new])
        for found in settings(*(json.loads(said.get(rule) or "null") for said in (old, new)))
    ]


def settings(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Return the keys in which two configurations differ, with both values; None if missing."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            found
            for key in dict.fromkeys([*before, *after])
            for found in settings(
                before.get(key), after.get(key), f"{path}.{key}" if path else str(key)
            )
        ]
    return [] if before == after else [(path, before, after)]


def _named(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Index a table by its keys; repeated keys get a number."""
    # 10 and 10.0 are equal: whether a column was read as integers must not affect keys.
    names = table[keys].map(lambda text: str(text).removesuffix(".0"))
    if not keys:
        index = [(f"{number}",) for number in range(1, len(table) + 1)]
    else:
        counts = names.groupby(keys, sort=False).cumcount()
        index = [
            (*name[:-1], f"{name[-1]} (no. {count + 1})" if count else name[-1])
            for name, count in zip(names.itertuples(index=False, name=None), counts, strict=True)
        ]
    return table.set_axis(pd.Index(index, tupleize_cols=False))


def _sized(cells: pd.DataFrame) -> pd.DataFrame:
    before, after = (pd.to_numeric(cells[side], errors="coerce") for side in ("before", "after"))
    difference = after - before
    size = difference.abs() / before.abs().combine(after.abs(), max).where(difference != 0, 1.0)
    return cells.assign(difference=difference, size=size.where(np.isfinite(difference), np.inf))


def _without(names: pd.Index, others: pd.Index) -> list[Any]:
    return list(names[~names.isin(others)])


def _said(claim: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(claim.get(name)) for name in ("paper", "place", "statement", "places"))


def _measured(claim: Mapping[str, Any]) -> list[Any]:
    return [
        claim.get(name)
        for name in ("effect", "low", "high", "holding", "failing", "seeds", "diverged")
    ]
