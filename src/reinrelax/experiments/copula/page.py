"""The page's tables of the correlated Bernoulli."""

from collections.abc import Mapping, Sequence
from typing import Any

from reinrelax.display.comparison import READING, compared
from reinrelax.display.table_blocks import Cell, Column, Table, plain_cell, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import fixed

_MARGINALS = {"probability": "P(z > ½)", "mean": "E z"}
_CORRELATIONS = {
    "score_correlation": "Normal scores",
    "rank_correlation": "Ranks",
    "relaxed_correlation": "Relaxed gates",
    "gate_correlation": "Hard gates",
}


def gates(collected: TableReader) -> list[Table]:
    """Return tables of correlations and marginals, compared with the distribution's."""
    lines = collected.lines("gates")
    if not lines:
        return []
    found = {(line["quantity"], line["row"], line["i"], line["j"]): line for line in lines}
    own = [line for line in lines if line["quantity"] == "probability"]
    pairs = [line for line in lines if line["quantity"] == "score_correlation"]
    eigenvalues = [
        fixed(to_float(line["value"]), 3) for line in lines if line["quantity"] == "eigenvalue"
    ]
    return [
        Table(
            "gates-correlations",
            f"Correlations of the samples, with 95% intervals, compared with quadrature. {READING}",
            [
                Column("π", "text"),
                Column("Gates"),
                Column("Rᵢⱼ"),
                *map(Column, _CORRELATIONS.values()),
            ],
            [
                [
                    *(
                        Cell(_row(own, line["row"])),
                        Cell(f"{line['i'] + 1:.0f} and {line['j'] + 1:.0f}"),
                    ),
                    plain_cell(line["expected"]),
                    *(
                        compared(found.get((name, line["row"], line["i"], line["j"])))
                        for name in _CORRELATIONS
                    ),
                ]
                for line in pairs
            ],
            notes=[
                f"Eigenvalues of R: {', '.join(eigenvalues)}. Those of a correlation matrix are not"
                " negative."
            ],
        ),
        Table(
            "gates-marginals",
            "Marginals: a relaxed gate is above ½ exactly if the hard one is on; its mean is"
            " not π.",
            [Column("π", "text"), Column("Gate"), Column("π_i"), *map(Column, _MARGINALS.values())],
            [
                [
                    *(
                        Cell(_row(own, line["row"])),
                        Cell(f"{line['i'] + 1:.0f}"),
                        plain_cell(line["expected"]),
                    ),
                    *(
                        compared(found.get((name, line["row"], line["i"], "")))
                        for name in _MARGINALS
                    ),
                ]
                for line in own
            ],
        ),
    ]


def _row(own: Sequence[Mapping[str, Any]], row: float) -> str:
    numbers = [f"{line['expected']:g}" for line in own if line["row"] == row]
    return f"({', '.join(numbers)})"
