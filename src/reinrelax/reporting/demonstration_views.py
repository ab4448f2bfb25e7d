"""What the page shows of paper A's demonstrations: correlated gates, Laplace bridge, two temperatures."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from reinrelax.display.blocks import Cell, Column, Table, key, number, plain_cell
from reinrelax.display.collected import Collected
from reinrelax.display.comparison import READING, compared
from reinrelax.display.wording import Mark, fixed, significant
from reinrelax.reporting.demonstration_figures import LAWS, TEMPERATURES
from reinrelax.reporting.gradient_views import DEVIATES, HOLDS

_MARGINALS = {"probability": "P(z > ½)", "mean": "E z"}
_CORRELATIONS = {
    "score_correlation": "Normal scores",
    "rank_correlation": "Ranks",
    "relaxed_correlation": "Relaxed gates",
    "gate_correlation": "Hard gates",
}
_ERRORS = {
    "kl_to_law": "KL(Dirichlet ‖ law)",
    "kl_from_law": "KL(law ‖ Dirichlet)",
    "mean_error": "Largest error of the mean",
    "std_ratio": "Standard deviation, ratio",
}
_INVERSES = {
    "right": "right, ours",
    "printed": "as printed",
    "printed, exponent corrected": "printed, exponent corrected",
    "printed, factor corrected": "printed, factor corrected",
}
_DETERMINANTS = {
    "full softmax": "softmax, all K logits",
    "reduced map": "softmax, the last logit fixed",
    "sum-zero": "softmax, logits that sum to zero",
}
NO_EFFECT = Mark("no effect seen", "=", "good")
EFFECT = Mark("has an effect", "≠", "near")


def gates(collected: Collected) -> list[Table]:
    """Marginals and correlations beside what the law says."""
    lines = collected.lines("gates")
    if not lines:
        return []
    found = {(line["quantity"], line["row"], line["i"], line["j"]): line for line in lines}
    own = [line for line in lines if line["quantity"] == "probability"]
    pairs = [line for line in lines if line["quantity"] == "score_correlation"]
    eigenvalues = [fixed(number(line["value"]), 3) for line in lines if line["quantity"] == "eigenvalue"]
    return [
        Table(
            "gates-correlations",
            f"Correlations of the samples, with 95% intervals, beside quadrature. {READING}",
            [Column("π", "text"), Column("Gates"), Column("Rᵢⱼ"), *map(Column, _CORRELATIONS.values())],
            [
                [
                    *(Cell(_row(own, line["row"])), Cell(f"{line['i'] + 1:.0f} and {line['j'] + 1:.0f}")),
                    plain_cell(line["expected"]),
                    *(
                        compared(found.get((name, line["row"], line["i"], line["j"])))
                        for name in _CORRELATIONS
                    ),
                ]
                for line in pairs
            ],
            notes=[f"Eigenvalues of R: {', '.join(eigenvalues)}; a correlation matrix has none below zero."],
        ),
        Table(
            "gates-marginals",
            "Marginals: a relaxed gate is above ½ exactly where the hard one is on; its mean is not π.",
            [Column("π", "text"), Column("Gate"), Column("π_i"), *map(Column, _MARGINALS.values())],
            [
                [
                    *(
                        Cell(_row(own, line["row"])),
                        Cell(f"{line['i'] + 1:.0f}"),
                        plain_cell(line["expected"]),
                    ),
                    *(compared(found.get((name, line["row"], line["i"], ""))) for name in _MARGINALS),
                ]
                for line in own
            ],
        ),
    ]


def bridge(collected: Collected) -> list[Table]:
    """Errors of both directions over random concentrations, and which determinant is printed."""
    lines = collected.lines("bridge")
    random = [line for line in lines if line["family"] == "random"]
    sizes = list(dict.fromkeys(line["size"] for line in random))
    found = _values(lines, ("family", "law", "size", "quantity"))
    size_heads = [Column(f"K = {size:.0f}", small="median, worst") for size in sizes]
    forward = [
        [
            *(Cell(LAWS.get(law, law)), Cell(name)),
            *(_spread(found.get(("random", law, size, quantity)), quantity == "std_ratio") for size in sizes),
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
            ("kl_from_gaussian", "KL(law ‖ Dirichlet)"),
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
            Cell(fixed(number(line["value"]), 6), key(number(line["value"]))),
        ]
        for line in lines
        if line["quantity"] == "determinant_over_product"
    ]
    tables = [
        Table(
            "bridge-forward",
            "From the Dirichlet to a Gaussian of the logits, for random α of whole numbers from 1 to 9: "
            "KLs in nats, the largest error among the means of π, and the standard deviation of π over the "
            "Dirichlet’s (1 is right).",
            [Column("Law", "text"), Column("Error", "text"), *size_heads],
            forward,
        ),
        Table(
            "bridge-round-trip",
            "From α to μ and Σ and back: largest relative error among the α_k, for the same random α. A "
            "right inverse of the printed forward map leaves rounding alone.",
            [Column("Inverse", "text"), *size_heads, Column("Outcome", "text")],
            back,
        ),
        Table(
            "bridge-gaussian",
            "From Gaussians that no Dirichlet gives, N(μ, s² (I − 11ᵀ/K)), to a Dirichlet.",
            [Column("Inverse", "text"), Column("Error", "text"), *size_heads],
            gaussian,
            folded="Gaussians that come from no Dirichlet",
        ),
        Table(
            "bridge-determinants",
            "The determinant of ∂π/∂z over the printed Π_k π_k: one where the printed equation holds.",
            [Column("Map", "text"), Column("At π ∝", "text"), Column("Ratio")],
            determinants,
            folded="Which determinant is the product of all π_k",
        ),
    ]
    return [table for table in tables if any(cell.text for row in table.rows for cell in row[2:])]


def figure7(collected: Collected) -> list[Table]:
    """Mean of the relaxed sample beside the probabilities that the hard one has."""
    lines = collected.lines("sharpness")
    found = {(line["tau"], line["category"], line["quantity"]): line for line in lines}
    taus, categories = ([*dict.fromkeys(line[name] for line in lines)] for name in ("tau", "category"))
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
        "Mean of softmax((l + g)/τ) over draws, with 95% interval, and softmax(l), the probability that "
        "the hard sample has at every τ. The smaller τ, the closer a draw is to one-hot and its mean to "
        "these probabilities."
    )
    return [Table("sharpness-rows", caption, columns, rows)] if rows else []


def figure8(collected: Collected) -> list[Table]:
    """Whether the forward temperature does anything."""
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
            own.setdefault(line["tau_forward"], {})[line["quantity"]] = number(line["value"])
    draws = [
        [
            plain_cell(tau),
            *(plain_cell(values.get(name)) for name in ("disagreements", "gradient_difference", "ties")),
            _outcome(values),
        ]
        for tau, values in own.items()
    ]
    tables = [
        Table(
            "inert-analysis",
            "Two-way analysis of variance of the map’s cells, whose noise is their own: F of each "
            "temperature, and what F exceeds in one of a hundred maps without an effect.",
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
            "The forward pass as printed, argmax softmax((l + g)/τ_f), on the same noise in float32: draws "
            "whose hard sample is not that at τ_f = 1, and the largest difference of gradients. Where both "
            "largest entries round to one number (ties), their place decides.",
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


def _row(own: Sequence[Mapping[str, Any]], row: float) -> str:
    numbers = [f"{line['expected']:g}" for line in own if line["row"] == row]
    return f"({', '.join(numbers)})"


def _values(lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[tuple[Any, ...], list[float]]:
    out: dict[tuple[Any, ...], list[float]] = {}
    for line in lines:
        out.setdefault(tuple(line[name] for name in names), []).append(number(line["value"]))
    return out


def _spread(values: Sequence[float] | None, ratio: bool = False) -> Cell:
    """Median and, below it, the worst: the largest, or of a ratio the farthest from one."""
    if not values:
        return Cell()
    worst = max(values, key=lambda value: abs(math.log(value)) if ratio and value > 0 else value)
    middle = median(values)
    return Cell(significant(middle), key(middle), small=[f"worst {significant(worst)}"])


def _whole_trip(found: Mapping[tuple[Any, ...], list[float]], law: str, sizes: Sequence[float]) -> Cell:
    worst = max(max(found.get(("random", law, size, "round_trip_error"), [0.0])) for size in sizes)
    mark = HOLDS if worst < 1e-9 else DEVIATES
    return Cell(mark=mark, key=mark.text)


def _beside(found: Mapping[tuple[Any, ...], Mapping[str, Any]], tau: float, category: float) -> Cell:
    line, chance = (found.get((tau, category, name)) for name in ("mean", "probability"))
    cell = compared(line)
    expected = [f"softmax(l) {significant(number(chance['value']))}"] if chance else []
    return Cell(cell.text, cell.key, small=[*cell.small, *expected])


def _largest(
    found: Mapping[tuple[Any, ...], Mapping[str, Any]], tau: float, categories: Sequence[float]
) -> Cell:
    one = [number(found[tau, c, "one draw"]["value"]) for c in categories if (tau, c, "one draw") in found]
    return Cell(significant(max(one)), key(max(one))) if one else Cell()


def _effect(line: Mapping[str, Any] | None) -> list[Cell]:
    if line is None:
        return [Cell(), Cell()]
    value = number(line["value"])
    mark = EFFECT if value > number(line["expected"]) else NO_EFFECT
    return [Cell(significant(value), key(value)), Cell(mark=mark, key=mark.text)]


def _critical(line: Mapping[str, Any] | None) -> Cell:
    return (
        Cell() if line is None else Cell(significant(number(line["expected"])), key(number(line["expected"])))
    )


def _outcome(values: Mapping[str, float]) -> Cell:
    same = values.get("disagreements") == 0 and values.get("gradient_difference") == 0
    mark = NO_EFFECT if same else EFFECT
    return Cell(mark=mark, key=mark.text)
