"""The page's tables of the decoupled temperatures."""

from collections.abc import Mapping, Sequence
from typing import Any

from reinrelax.display.comparison import compared
from reinrelax.display.table_blocks import Cell, Column, Table, key, plain_cell, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import Badge, significant
from reinrelax.experiments.decoupled.figures import TEMPERATURES

NO_EFFECT = Badge("no effect seen", "=", "good")
EFFECT = Badge("has an effect", "≠", "near")


def figure7(collected: TableReader) -> list[Table]:
    """Return the table of the mean relaxed sample and the hard sample's probabilities."""
    lines = collected.lines("sharpness")
    found = {(line["tau"], line["category"], line["quantity"]): line for line in lines}
    taus, categories = (
        [*dict.fromkeys(line[name] for line in lines)] for name in ("tau", "category")
    )
    rows = [
        [
            plain_cell(tau),
            *(_beside(found, tau, category) for category in categories),
            _largest(found, tau, categories),
        ]
        for tau in taus
    ]
    columns = [
        Column("τ"),
        *(Column(f"Category {category + 1:.0f}", small="mean") for category in categories),
        Column("Largest", small="of one draw"),
    ]
    caption = (
        "Mean of softmax((l + g)/τ) over draws, with 95% interval, and softmax(l), the"
        " probabilities of the hard sample at every τ. The smaller τ, the closer a draw is to"
        " one-hot and its mean to these probabilities."
    )
    return [Table("sharpness-rows", caption, columns, rows)] if rows else []


def figure8(collected: TableReader) -> list[Table]:
    """Return the tables of tests whether the forward temperature has any effect."""
    lines = collected.lines("inert")
    tests = {line["quantity"]: line for line in lines if line["tau_forward"] == ""}
    analysis = [
        [
            Cell(title),
            *(
                cell
                for factor in ("forward", "backward")
                for cell in _effect(tests.get(f"F {factor}, {quantity}"))
            ),
            _critical(tests.get(f"F forward, {quantity}")),
        ]
        for quantity, title in TEMPERATURES.items()
        if f"F forward, {quantity}" in tests
    ]
    own: dict[float, dict[str, float]] = {}
    for line in lines:
        if line["tau_forward"] != "":
            own.setdefault(line["tau_forward"], {})[line["quantity"]] = to_float(line["value"])
    draws = [
        [
            plain_cell(tau),
            *(
                plain_cell(values.get(name))
                for name in ("disagreements", "gradient_difference", "ties")
            ),
            _outcome(values),
        ]
        for tau, values in own.items()
    ]
    tables = [
        Table(
            "inert-analysis",
            "Two-way analysis of variance of the map’s cells, whose noise is independent: F of each"
            " temperature, and the value that F exceeds in 1% of maps without an effect.",
            [
                Column("Quantity", "text"),
                *(
                    Column("F of τ_f"),
                    Column("Outcome", "text"),
                    Column("F of τ_b"),
                    Column("Outcome", "text"),
                ),
                Column("1% limit", small="of τ_f"),
            ],
            analysis,
        ),
        Table(
            "inert-draws",
            "The forward pass as printed, argmax softmax((l + g)/τ_f), on the same noise in"
            " float32: draws whose hard sample differs from that at τ_f = 1, and the largest"
            " difference of gradients. If the two largest entries round to the same number (ties),"
            " their position decides.",
            [
                Column("τ_f"),
                Column("Other samples"),
                Column("Gradients differ by"),
                Column("Ties"),
                Column("Outcome", "text"),
            ],
            draws,
        ),
    ]
    return [table for table in tables if table.rows]


def _beside(
    found: Mapping[tuple[Any, ...], Mapping[str, Any]], tau: float, category: float
) -> Cell:
    line, chance = (found.get((tau, category, name)) for name in ("mean", "probability"))
    cell = compared(line)
    expected = [f"softmax(l) {significant(to_float(chance['value']))}"] if chance else []
    return Cell(cell.text, cell.key, small=[*cell.small, *expected])


def _largest(
    found: Mapping[tuple[Any, ...], Mapping[str, Any]], tau: float, categories: Sequence[float]
) -> Cell:
    one = [
        to_float(found[tau, c, "one draw"]["value"])
        for c in categories
        if (tau, c, "one draw") in found
    ]
    return Cell(significant(max(one)), key(max(one))) if one else Cell()


def _effect(line: Mapping[str, Any] | None) -> list[Cell]:
    if line is None:
        return [Cell(), Cell()]
    value = to_float(line["value"])
    mark = EFFECT if value > to_float(line["expected"]) else NO_EFFECT
    return [Cell(significant(value), key(value)), Cell(mark=mark, key=mark.text)]


def _critical(line: Mapping[str, Any] | None) -> Cell:
    return (
        Cell()
        if line is None
        else Cell(significant(to_float(line["expected"])), key(to_float(line["expected"])))
    )


def _outcome(values: Mapping[str, float]) -> Cell:
    same = values.get("disagreements") == 0 and values.get("gradient_difference") == 0
    mark = NO_EFFECT if same else EFFECT
    return Cell(mark=mark, key=mark.text)
