"""The page's table of identities."""

from typing import Any

from reinrelax.display.comparison import DEVIATES, HOLDS
from reinrelax.display.table_blocks import Cell, Column, Table, plain_cell, to_float
from reinrelax.display.table_blocks import key as sort_key
from reinrelax.display.table_blocks import value_cell as measured
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import significant

# Deviations below this are rounding in float64: the checks run over sums of a few thousand terms.
_ROUNDING = 1e-9
_PLACE = ("categories", "latents", "beta", "tau")
_WORDS = {
    "order": "order of the local error",
    "share": "share of problems",
    "share_not_finite": "share not finite in float32",
    "cosine_median": "median cosine",
    "variance_ratio": "median variance of the first term over the second",
}


def identities(collected: TableReader) -> list[Table]:
    """Return tables of the deviation of each identity over all random problems, and of the rest."""
    lines = collected.lines("identities")
    if not lines:
        return []
    deviations: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for line in lines:
        place = (line["identity"], line["beta"], line["tau"])
        deviations.setdefault(place, {}).setdefault(line["quantity"], []).append(
            to_float(line["value"])
        )
    rows = [
        [_greek(place[0]), *map(plain_cell, place[1:]), *_deviation(found)]
        for place, found in deviations.items()
        if "deviation_max" in found
    ]
    others = [line for line in lines if not line["quantity"].startswith("deviation")]
    tables = [
        Table(
            "identities-deviations",
            "Both sides by enumeration in float64 on random problems. Deviation: norm of the"
            " difference over the norm of the right-hand side. The paper states Eq. 13 only for τ"
            " = 1.",
            [
                Column("Identity", "text"),
                Column("β"),
                Column("τ"),
                Column("Largest deviation"),
                Column("Median", small="of the shape with the largest median"),
                Column("Outcome", "text"),
            ],
            rows,
        ),
        Table(
            "identities-others",
            "Other quantities: orders of accuracy, shares of problems, cosines, ratios of"
            " variances.",
            [
                Column("Identity", "text"),
                *map(Column, ("n", "L", "β", "τ")),
                Column("Quantity", "text"),
                Column("Value"),
            ],
            [
                [
                    _greek(line["identity"]),
                    *(plain_cell(line[name]) for name in _PLACE),
                    Cell(_WORDS.get(line["quantity"], line["quantity"])),
                    measured(line),
                ]
                for line in others
            ],
            folded="Orders of accuracy, shares, cosines and variances",
        ),
    ]
    return [table for table in tables if table.rows]


def _greek(identity: str) -> Cell:
    return Cell(
        identity.replace("tau = ", "τ = ").replace("alpha = ", "α = ").replace("beta = ", "β = ")
    )


def _deviation(found: dict[str, list[float]]) -> list[Cell]:
    largest, middle = (
        max(found["deviation_max"]),
        max(found.get("deviation_median", [float("nan")])),
    )
    mark = HOLDS if largest < _ROUNDING else DEVIATES
    return [
        Cell(significant(largest), sort_key(largest)),
        Cell(significant(middle), sort_key(middle)),
        Cell(mark=mark, key=mark.text),
    ]
