"""Collected tables in, the same for a paper (LaTeX) and for GitHub (Markdown) out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reinrelax.claims.model import WORDS
from reinrelax.config.declared import CAPTIONS
from reinrelax.config.load import Config
from reinrelax.core import files
from reinrelax.display.blocks import number
from reinrelax.display.collected import Collected
from reinrelax.display.tables import read_json
from reinrelax.display.wording import fixed, mark, shape, signed, significant
from reinrelax.reporting.layouts import LAYOUTS, Column, Crossed, Listing, Value
from reinrelax.reporting.typeset import Entry, Head, Sheet, latex, markdown

SUFFIXES = {".tex": latex, ".md": markdown}
_WORDS = ("text", "name", "yes", "mark")
# Of a difference's interval only the difference itself has a plus sign.
_ENDS: Mapping[str, Any] = {"signed": "nats"}

Line = Mapping[str, Any]


def write_exports(config: Config, root: Path) -> None:
    """Write each table of `LAYOUTS` beside its CSV in the folder `tables`, as LaTeX and as Markdown.

    Args:
        config: whose results.
        root: the project's folder.

    Raises:
        ResultsError: a table is missing or damaged, or a file cannot be written.
    """
    collected = Collected(config, root)
    for name, layout in LAYOUTS.items():
        set_sheet = sheet(collected, name, layout)
        for suffix, write in SUFFIXES.items():
            files.write_text(collected.folder / "tables" / f"{name}{suffix}", write(set_sheet))


def sheet(collected: Collected, name: str, layout: Listing | Crossed) -> Sheet:
    """A table as it is laid out; without rows, it says why.

    Raises:
        ResultsError: the table is missing or damaged.
    """
    if name == "claims":
        lines: Sequence[Line] = read_json(collected.folder / "tables/claims.json")
        absence = "no claims"
    else:
        lines = collected.lines(name)
        absence = collected.absence(name)
    heads, rows = _listed(layout, lines) if isinstance(layout, Listing) else _crossed(layout, lines)
    # Which verdicts the table shows, in the order that they always have.
    shown = {str(line[column]) for column in _verdicts(layout) for line in lines}
    legend = [f"{mark(verdict).symbol} {verdict}" for verdict in WORDS if verdict in shown]
    return Sheet(
        name=name,
        caption=CAPTIONS["table", name].replace("{scale}", collected.config.scale),
        heads=heads,
        rows=rows or [[Entry(absence), *(Entry() for _ in heads[1:])]],
        notes=[*layout.notes, *([f"{', '.join(legend)}."] if legend else [])],
        group=len(layout.lines) if isinstance(layout, Crossed) and len(layout.lines) > 1 else 0,
    )


def _verdicts(layout: Listing | Crossed) -> list[str]:
    """Columns of verdicts that the layout shows as marks alone."""
    return (
        [value.verdict for _, value in layout.lines if value.verdict] if isinstance(layout, Crossed) else []
    )


def _listed(layout: Listing, lines: Sequence[Line]) -> tuple[list[Head], list[list[Entry]]]:
    rows = [[Entry(_written(column.value, line)) for column in layout.columns] for line in lines]
    return [_head(column) for column in layout.columns], rows


def _crossed(layout: Crossed, lines: Sequence[Line]) -> tuple[list[Head], list[list[Entry]]]:
    across = list(layout.heads or dict.fromkeys(str(line[layout.across]) for line in lines))
    found: dict[tuple[str, ...], dict[str, Line]] = {}
    for line in lines:
        place = tuple(_written(column.value, line) for column in layout.down)
        found.setdefault(place, {})[str(line[layout.across])] = line
    best = {
        (label, name): _lowest(value, [cells[name] for cells in found.values() if name in cells])
        for label, value in layout.lines
        for name in across
    }
    rows = []
    for place, cells in found.items():
        for index, (label, value) in enumerate(layout.lines):
            # Names stand in the first line of a row only.
            names = place if index == 0 else ("",) * len(place)
            row = [*map(Entry, names), *([Entry(label)] if label else [])]
            for name in across:
                if name not in cells:  # not asked for, which is not the same as not run
                    row.append(Entry())
                    continue
                line, least = cells[name], best[label, name]
                bold = value.best and least is not None and number(line.get(value.name)) == least
                row.append(Entry(_written(value, line), bold))
            rows.append(row)
    labels = [Head("", "text")] if layout.lines[0][0] else []
    heads = [*map(_head, layout.down), *labels]
    heads += [Head(layout.heads.get(name, shape(name))) for name in across]
    return heads, rows


def _lowest(value: Value, lines: Sequence[Line]) -> float | None:
    found = [number(line[value.name]) for line in lines]
    # One of which seeds diverged is not the best, however low the rest.
    finite = [
        entry
        for entry, line in zip(found, lines, strict=True)
        if not math.isnan(entry) and not (value.limits and number(line.get("diverged")) > 0)
    ]
    return min(finite, default=None)


def _head(column: Column) -> Head:
    words = column.value.kind in _WORDS
    return Head(column.head, "prose" if column.prose else "text" if words else "number")


def _written(value: Value, line: Line) -> str:
    """A value as it stands in the table."""
    raw = line.get(value.name)
    if value.kind in _WORDS:
        return _worded(value, raw)
    text = _number(value, number(raw))
    diverged = f"{number(line.get('diverged')):.0f} diverged" if number(line.get("diverged")) > 0 else ""
    if not text:
        return diverged or value.absent
    ends = [number(line.get(name)) for name in value.limits or ()]
    if value.half and ends:
        half = fixed((ends[1] - ends[0]) / 2)
        text += f" ± {half}" if half else ""
    elif ends:
        limits = [_number(replace(value, kind=_ENDS.get(value.kind, value.kind)), end) for end in ends]
        text += f" [{', '.join(limits)}]" if all(limits) else ""
    if value.plus_minus:
        text += f" ± {fixed(number(line.get(value.plus_minus)))}"
    symbol = mark(str(line.get(value.verdict, ""))).symbol if value.verdict else ""
    notes = [symbol] if symbol else []
    return " ".join([text, *notes, *([f"({diverged})"] if diverged and value.limits else [])])


def _worded(value: Value, raw: Any) -> str:
    if value.kind == "yes":
        return "yes" if raw else ""
    if raw is None or raw == "":
        return value.absent
    text = str(raw)
    if value.kind == "name":
        return text
    if value.kind == "mark":
        return f"{mark(text).symbol} {text}".strip()
    return shape(value.words.get(text, text))


def _number(value: Value, found: float) -> str:
    match value.kind:
        case "signed":
            return signed(found)
        case "digits":
            return significant(found)
        case "short":
            return f"{found:.4g}".replace("-", "−") if math.isfinite(found) else ""
        case "whole":
            return f"{found:,.0f}" if math.isfinite(found) else ""
        case _:
            return fixed(found)
