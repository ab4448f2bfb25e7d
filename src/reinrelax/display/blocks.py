"""A table of the page as data: columns, and cells that say how they look and what they sort by."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reinrelax.display.wording import Mark, shape, significant, span


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        key: what the table sorts by; without it, the text.
        style: a class of the style sheet.
        link: a place on the page that the text, or the pill, leads to.
        mark: a verdict, shown as a pill after the text.
        small: lines in small print below the text.
    """

    text: str = ""
    key: str = ""
    style: str = ""
    link: str = ""
    mark: Mark | None = None
    small: Sequence[str] = ()


@dataclass(frozen=True)
class Column:
    """A column's head, and how it sorts: as `text`, as `number`, or not at all."""

    head: str
    kind: str = "number"
    small: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its head. With `folded`, it hides behind that line until asked.

    Attributes:
        notes: sentences below it.
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
    """A column that `spread` makes of a long table: which quantity, and under which head.

    Attributes:
        floor: what is smaller is only said to be so.
    """

    name: str
    head: str
    digits: int = 3
    small: str = ""
    floor: float | None = None

    def cell(self, line: Mapping[str, Any] | None) -> "Cell":
        """The quantity's value and interval in a line, if there is one."""
        found = value_cell(line, self.digits)
        if line is not None and self.floor is not None and number(line["value"]) < self.floor:
            return replace(found, text=f"< {self.floor:g}")
        return found


def number(value: Any) -> float:
    """A table's entry as a number; NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def key(value: float | None) -> str:
    """What a table sorts by: a plain number, or nothing."""
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def value_cell(
    line: Mapping[str, Any] | None, digits: int = 3, names: Sequence[str] = ("value", "low", "high")
) -> Cell:
    """A value above its interval, from a line's columns of these names; without an interval, if but one."""
    if line is None:
        return Cell()
    value, *ends = (number(line.get(name)) for name in names)
    limits = span(ends[0], ends[1], digits) if ends else ""
    return Cell(significant(value, digits), key(value), small=(limits,) if limits else ())


def plain_cell(value: Any, digits: int = 6) -> Cell:
    """A setting or name as it stands; a number without needless digits."""
    as_number = number(value)
    if math.isnan(as_number):
        return Cell(shape(str(value)) if value is not None and value == value else "")
    return Cell(f"{as_number:.{digits}g}".replace("-", "−"), key(as_number))


def spread(
    lines: Iterable[Mapping[str, Any]], index: Sequence[str], quantities: Sequence[Quantity]
) -> list[list[Cell]]:
    """Rows of a long table that agree in `index` become one, with a column for each quantity."""
    groups: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for line in lines:
        groups.setdefault(tuple(line.get(name) for name in index), {})[str(line["quantity"])] = line
    return [
        [*map(plain_cell, place), *(q.cell(found.get(q.name)) for q in quantities)]
        for place, found in groups.items()
        if any(q.name in found for q in quantities)
    ]


def heads(quantities: Sequence[Quantity]) -> list[Column]:
    """The columns' heads that `spread` fills."""
    return [Column(q.head, small=q.small) for q in quantities]


def is_finite(line: Mapping[str, Any], name: str) -> bool:
    """Whether a table's line has a number of this name."""
    value = number(line[name])
    return value == value
