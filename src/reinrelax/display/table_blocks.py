"""A table of the page as data: columns and cells, with their styles and sort keys."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reinrelax.display.text_format import Badge, shape, significant, span


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes:
        key: the sort key; defaults to the text.
        style: a class of the style sheet.
        link: the place on the page that the text, or the pill, links to.
        mark: a verdict, shown as a pill after the text.
        small: lines in small print below the text.
    """

    text: str = ""
    key: str = ""
    style: str = ""
    link: str = ""
    mark: Badge | None = None
    small: Sequence[str] = ()


@dataclass(frozen=True)
class Column:
    """The head of a column, and how it sorts: as `text`, as `number`, or not at all ("")."""

    head: str
    kind: str = "number"
    small: str = ""


@dataclass(frozen=True)
class Table:
    """A table. The first cell of each row is the row's head.

    Attributes:
        folded: a summary line; if given, the table is collapsed behind it.
        notes: sentences below the table.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    folded: str = ""
    notes: Sequence[str] = ()
    template: str = field(default="table.html.j2", init=False)


@dataclass(frozen=True)
class Quantity:
    """A column that `spread` makes from one quantity of a long table.

    Attributes:
        floor: a smaller value is shown as `< floor`.
    """

    name: str
    head: str
    digits: int = 3
    small: str = ""
    floor: float | None = None

    def cell(self, line: Mapping[str, Any] | None) -> "Cell":
        """Return the value and interval of a row; an empty cell for None."""
        found = value_cell(line, self.digits)
        if line is not None and self.floor is not None and to_float(line["value"]) < self.floor:
            return replace(found, text=f"< {self.floor:g}")
        return found


def diverged(line: Mapping[str, Any]) -> list[str]:
    """Return `2 diverged` for a row with diverged seeds, otherwise an empty list."""
    count = to_float(line["diverged"])
    return [f"{count:.0f} diverged"] if count > 0 else []


def to_float(value: Any) -> float:
    """Convert a table's entry to a number; NaN if it is not one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def key(value: float | None) -> str:
    """Return the sort key of a number; empty for None and NaN."""
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def value_cell(
    line: Mapping[str, Any] | None, digits: int = 3, names: Sequence[str] = ("value", "low", "high")
) -> Cell:
    """Return a cell with a value and, below it, its interval.

    Args:
        line: a row of a table, or None for an empty cell.
        digits: significant digits.
        names: the columns of the value and the interval's ends; with one name there is no interval.
    """
    if line is None:
        return Cell()
    value, *ends = (to_float(line.get(name)) for name in names)
    limits = span(ends[0], ends[1], digits) if ends else ""
    return Cell(significant(value, digits), key(value), small=(limits,) if limits else ())


def plain_cell(value: Any, digits: int = 6) -> Cell:
    """Return a cell with a setting or name as is; numbers lose trailing digits."""
    as_number = to_float(value)
    if math.isnan(as_number):
        return Cell(shape(str(value)) if value is not None and value == value else "")
    return Cell(f"{as_number:.{digits}g}".replace("-", "−"), key(as_number))


def spread(
    lines: Iterable[Mapping[str, Any]], index: Sequence[str], quantities: Sequence[Quantity]
) -> list[list[Cell]]:
    """Pivot a long table: rows with the same `index` become one row, with a column per quantity."""
    groups: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for line in lines:
        groups.setdefault(tuple(line.get(name) for name in index), {})[str(line["quantity"])] = line
    return [
        [*map(plain_cell, place), *(q.cell(found.get(q.name)) for q in quantities)]
        for place, found in groups.items()
        if any(q.name in found for q in quantities)
    ]


def heads(quantities: Sequence[Quantity]) -> list[Column]:
    """Return the heads of the columns that `spread` fills."""
    return [Column(q.head, small=q.small) for q in quantities]


def is_finite(line: Mapping[str, Any], name: str) -> bool:
    """Return whether a row has a number in this column."""
    value = to_float(line[name])
    return value == value
