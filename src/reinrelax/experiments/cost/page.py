"""The page's table for Table 4."""

from collections.abc import Sequence

from reinrelax.display.table_blocks import Cell, Column, Table, is_finite, to_float, value_cell
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import PAPER_NAMES, count


def table4(collected: TableReader) -> Table:
    """Return the table of seconds per epoch and their ratios to STGS's."""
    lines = collected.lines("table4")
    lines = lines if any(is_finite(line, "seconds") for line in lines) else []
    replicas = next(
        (count(int(to_float(x["replicas"])), "model") for x in lines if is_finite(x, "replicas")),
        "",
    )
    rows = [
        [
            Cell(line["estimator"], small=_paper_name(line["estimator"])),
            value_cell(line, 3, ("paper_seconds",)),
            value_cell(line, 3, ("seconds", "seconds_low", "seconds_high")),
            value_cell(line, 3, ("paper_ratio",)),
            value_cell(line, 3, ("ratio", "ratio_low", "ratio_high")),
            value_cell(line, 3, ("batched_seconds",)),
            value_cell(line, 3, ("batched_ratio",)),
        ]
        for line in lines
    ]
    columns = [
        Column("Estimator", "text"),
        Column("Paper", small="s per epoch"),
        Column("Ours", small="s per epoch, one model"),
        Column("Ratio, paper", small="to STGS’s"),
        Column("Ratio, ours", small="to STGS’s"),
        Column("Ours, batched", small=f"s per epoch and model, {replicas}" if replicas else ""),
        Column("Ratio, batched"),
    ]
    caption = (
        "Seconds depend on the machine, which the paper does not name; only the ratios can be"
        " compared. Medians over rounds, with the fastest and the slowest."
    )
    return Table("table4-rows", caption, columns, rows)


def _paper_name(estimator: str) -> Sequence[str]:
    return [f"in the paper: {PAPER_NAMES[estimator]}"] if estimator in PAPER_NAMES else ()
