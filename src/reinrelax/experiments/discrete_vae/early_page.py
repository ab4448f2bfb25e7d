"""The page's tables of the first epochs, compared with the authors' curves."""

from collections.abc import Mapping
from typing import Any

from reinrelax.display.table_blocks import (
    Cell,
    Column,
    Table,
    diverged,
    key,
    plain_cell,
    to_float,
    value_cell,
)
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import fixed, interval, shape, signed

_PARTS = {"train": "Train", "test": "Test"}
_RATIO = ("spread_ratio", "spread_ratio_low", "spread_ratio_high")


def early(collected: TableReader) -> list[Table]:
    """Return a table with a row per cell at the last epoch, and a folded one of all epochs."""
    return [early_last(collected), _every(collected)]


def early_last(collected: TableReader) -> Table:
    """Return a table with a row per cell, at the last epoch that both we and the authors have."""
    rows = [
        [
            *_place(line),
            *(cell for part in _PARTS for cell in _beside(line, f"{part}_")),
            _seeds(line),
        ]
        for line in collected.lines("early_last")
    ]
    columns = [
        *_heads(),
        *(
            Column(head, small=f"{name.lower()}{', nats' if nats else ''}")
            for name in _PARTS.values()
            for head, nats in (
                ("Ours", True),
                ("Public code", True),
                ("Δ", True),
                ("Spread, ratio", False),
            )
        ),
        Column("Seeds", small="ours, public"),
    ]
    caption = (
        "Negative ELBO at the last epoch that both have: means over seeds, their difference with"
        " Welch’s 95% interval, and our standard deviation over theirs with the F interval, which"
        " assumes normally distributed seeds. There is no public curve of ReinMax-CV."
    )
    return Table("early-last", caption, columns, rows)


def _every(collected: TableReader) -> Table:
    rows = [
        [
            *_place(line),
            Cell(_PARTS[line["metric"]]),
            *_beside(line, ""),
            _seeds(line),
        ]
        for line in collected.lines("early")
        if to_float(line["authors_seeds"]) > 0
    ]
    columns = [
        *_heads(),
        Column("Images", "text"),
        *(Column(head) for head in ("Ours", "Public code", "Δ", "Spread, ratio")),
        Column("Seeds", small="ours, public"),
    ]
    folded = "All compared epochs, with every interval"
    return Table("early-epochs", "Nats per image.", columns, rows, folded)


def _heads() -> list[Column]:
    return [
        Column("Estimator", "text"),
        Column("Method", "text"),
        Column("Shape", "text"),
        Column("Epoch"),
    ]


def _place(line: Mapping[str, Any]) -> list[Cell]:
    return [
        Cell(line["estimator"]),
        Cell(line["method"]),
        Cell(shape(line["latent"])),
        plain_cell(line["epoch"]),
    ]


def _beside(line: Mapping[str, Any], part: str) -> list[Cell]:
    """Return cells of ours, theirs, their difference and the ratio of the standard deviations."""
    ours, theirs, delta = (
        to_float(line[f"{part}{name}"]) for name in ("mean", "authors_mean", "difference")
    )
    low, high = (to_float(line[f"{part}difference_{end}"]) for end in ("low", "high"))
    limits = interval(low, high)
    return [
        Cell(fixed(ours), key(ours)),
        Cell(fixed(theirs), key(theirs)),
        Cell(signed(delta), key(delta), small=[limits] if limits else ()),
        value_cell(line, 2, [f"{part}{name}" for name in _RATIO]),
    ]


def _seeds(line: Mapping[str, Any]) -> Cell:
    theirs = to_float(line["authors_seeds"])
    words = [f"{to_float(line['seeds']):.0f}", *([f"{theirs:.0f}"] if theirs > 0 else [])]
    return Cell(", ".join(words), words[0], small=diverged(line))
