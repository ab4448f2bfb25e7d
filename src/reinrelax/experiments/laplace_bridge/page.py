"""The page's tables of the Laplace bridge."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from reinrelax.display.comparison import DEVIATES, HOLDS
from reinrelax.display.table_blocks import Cell, Column, Table, key, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import fixed, significant
from reinrelax.experiments.laplace_bridge.figures import LAWS

_ERRORS = {
    "kl_to_law": "KL(Dirichlet ‖ Gaussian)",
    "kl_from_law": "KL(Gaussian ‖ Dirichlet)",
    "mean_error": "Largest error of the mean",
    "std_ratio": "Standard deviation, ratio",
}
_INVERSES = {
    "right": "correct, ours",
    "printed": "as printed",
    "printed, exponent corrected": "printed, exponent corrected",
    "printed, factor corrected": "printed, factor corrected",
}
_DETERMINANTS = {
    "full softmax": "softmax, all K logits",
    "reduced map": "softmax, the last logit fixed",
    "sum-zero": "softmax, logits that sum to zero",
}


def bridge(collected: TableReader) -> list[Table]:
    """Return tables of the errors of both directions, and of the determinants of the softmax."""
    lines = collected.lines("bridge")
    random = [line for line in lines if line["family"] == "random"]
    sizes = list(dict.fromkeys(line["size"] for line in random))
    found = _values(lines, ("family", "law", "size", "quantity"))
    size_heads = [Column(f"K = {size:.0f}", small="median, worst") for size in sizes]
    forward = [
        [
            *(Cell(LAWS.get(law, law)), Cell(name)),
            *(
                _spread(found.get(("random", law, size, quantity)), quantity == "std_ratio")
                for size in sizes
            ),
        ]
        for quantity, name in _ERRORS.items()
        for law in dict.fromkeys(line["law"] for line in random if line["quantity"] == quantity)
    ]
    back = [
        [
            Cell(name),
            *(_spread(found.get(("random", law, size, "round_trip_error"))) for size in sizes),
            _whole_trip(found, law, sizes),
        ]
        for law, name in _INVERSES.items()
        if any(("random", law, size, "round_trip_error") in found for size in sizes)
    ]
    gaussian = [
        [
            *(Cell(_INVERSES.get(law, law)), Cell(name)),
            *(_spread(found.get(("gaussian", law, size, quantity))) for size in sizes),
        ]
        for quantity, name in (
            ("kl_from_gaussian", "KL(Gaussian ‖ Dirichlet)"),
            ("mean_error", _ERRORS["mean_error"]),
        )
        for law in ("right", "printed")
    ]
    determinants = [
        [
            *(
                Cell(_DETERMINANTS.get(line["law"], line["law"])),
                Cell(f"({line['alpha'].replace(' ', ', ')})"),
            ),
            Cell(fixed(to_float(line["value"]), 6), key(to_float(line["value"]))),
        ]
        for line in lines
        if line["quantity"] == "determinant_over_product"
    ]
    tables = [
        Table(
            "bridge-forward",
            "From the Dirichlet to a Gaussian of the logits, for random α of whole numbers from 1"
            " to 9: KLs in nats, the largest error of a mean of π, and the standard deviation of π"
            " over the Dirichlet’s (1 is exact).",
            [Column("Gaussian", "text"), Column("Error", "text"), *size_heads],
            forward,
        ),
        Table(
            "bridge-round-trip",
            "From α to μ and Σ and back: largest relative error of an α_k, for the same random α. A"
            " correct inverse of the printed forward map leaves only rounding errors.",
            [Column("Inverse", "text"), *size_heads, Column("Outcome", "text")],
            back,
        ),
        Table(
            "bridge-gaussian",
            "From Gaussians that are not images of Dirichlets, N(μ, s² (I − 11ᵀ/K)), to a"
            " Dirichlet.",
            [Column("Inverse", "text"), Column("Error", "text"), *size_heads],
            gaussian,
            folded="Gaussians that are not images of Dirichlets",
        ),
        Table(
            "bridge-determinants",
            "The determinant of ∂π/∂z over the printed Π_k π_k: 1 if the printed equation holds.",
            [Column("Map", "text"), Column("At π ∝", "text"), Column("Ratio")],
            determinants,
            folded="Which determinant is the product of all π_k",
        ),
    ]
    return [table for table in tables if any(cell.text for row in table.rows for cell in row[2:])]


def _values(
    lines: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[tuple[Any, ...], list[float]]:
    out: dict[tuple[Any, ...], list[float]] = {}
    for line in lines:
        out.setdefault(tuple(line[name] for name in names), []).append(to_float(line["value"]))
    return out


def _spread(values: Sequence[float] | None, ratio: bool = False) -> Cell:
    """Return a cell with the median and, below it, the largest value or, for ratios, the worst."""
    if not values:
        return Cell()
    worst = max(values, key=lambda value: abs(math.log(value)) if ratio and value > 0 else value)
    middle = median(values)
    return Cell(significant(middle), key(middle), small=[f"worst {significant(worst)}"])


def _whole_trip(
    found: Mapping[tuple[Any, ...], list[float]], law: str, sizes: Sequence[float]
) -> Cell:
    worst = max(max(found.get(("random", law, size, "round_trip_error"), [0.0])) for size in sizes)
    mark = HOLDS if worst < 1e-9 else DEVIATES
    return Cell(mark=mark, key=mark.text)
