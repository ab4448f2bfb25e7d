"""The page's tables of the bias and variance of gradient estimates."""

from collections.abc import Sequence
from typing import Any

from reinrelax.display.table_blocks import (
    Cell,
    Column,
    Quantity,
    Table,
    heads,
    plain_cell,
    spread,
    to_float,
)
from reinrelax.display.table_blocks import value_cell as measured
from reinrelax.display.table_reader import Line, TableReader

_STD = {
    "std_relative": "‖std‖ / ‖mean‖, whole batch",
    "std_root": "√ of Eq. 40, mean over images",
    "std_image": "‖std‖ / ‖mean‖, mean over images",
}
_AUTHORS = ("authors_mean", "authors_low", "authors_high")
_DIFFERENCE = ("difference", "difference_low", "difference_high")
_AS_RUN = {"cosine_batch": "Cosine, batch", "std_image": "‖std‖ / ‖mean‖"}
_FIGURE1 = (
    Quantity("cosine", "Cosine", small="App. C"),
    Quantity("cosine_unlimited", "Cosine, N → ∞", small="corrected for noise"),
    Quantity("cosine_batch", "Cosine, batch", small="all images as one vector"),
    Quantity("variance", "Variance", small="Eq. 40"),
    Quantity("relative_bias", "Relative bias", small="‖E ĝ − ∇‖ / ‖∇‖"),
    Quantity("p_unbiased", "p if unbiased", digits=2, floor=0.001),
)
_SWEEP = _FIGURE1[:1] + _FIGURE1[3:5]
_CONTROL = (
    Quantity("correlation", "Correlation", small="with ST(D, θ_D)"),
    Quantity("covariance_relative", "Covariance", small="over the variance of ST(D, θ_D)"),
    Quantity("best_eta", "Best η", small="least variance"),
    Quantity("mean_relative", "Mean", small="over ReinMax’s; 0 for a control variate"),
)
_CONTROL_ETA = (
    Quantity("variance_ratio", "Variance", small="over ReinMax’s"),
    Quantity("bias_added", "Bias added", small="over ‖∇‖"),
    Quantity("relative_bias", "Relative bias", small="‖E ĝ − ∇‖ / ‖∇‖"),
    Quantity("cosine", "Cosine", small="App. C"),
)
_RULES = (
    Quantity("error_relative", "Error of f(I_i) − f(I_j)", small="relative, root mean square"),
    Quantity("error_rms", "The same in nats"),
    Quantity("share_closest", "Share closest", small="of pairs, among the first four rules"),
    Quantity("cosine", "Cosine of the gradient", small="mean over images"),
    Quantity("gradient_error", "Error of the gradient", small="relative"),
)


def table1(collected: TableReader) -> Table:
    """Return the paper's numbers, and ours by both readings of *standard deviation* of a vector."""
    return _table1(
        collected,
        "table1",
        "Ours with 95% bootstrap intervals over the estimates; batch and parameters fixed, as in"
        " the paper.",
    )


def table1_run(collected: TableReader) -> Table:
    """Return the same for the quantity that the public code computes, over several VAEs."""
    return _table1(collected, "table1_run", "Ours: mean over VAEs with Student’s 95% interval.")


def _table1(collected: TableReader, name: str, caption: str) -> Table:
    lines = collected.lines(name)
    shown = {
        key: words for key, words in _STD.items() if any(line["quantity"] == key for line in lines)
    }
    places = {(line["estimator"], line["quantity"]): line for line in lines}
    rows = []
    for estimator in dict.fromkeys(line["estimator"] for line in lines):
        own = [places.get((estimator, quantity)) for quantity in shown]
        paper: Line = next(line for line in own if line is not None)
        rows.append(
            [
                Cell(estimator),
                measured(paper, 4, ("paper",)),
                measured(paper, 3, ("paper_ratio",)),
                *(cell for line in own for cell in (measured(line), measured(line, 3, ("ratio",)))),
            ]
        )
    columns = [Column("Estimator", "text"), Column("Paper"), Column("to ST", small="paper’s ratio")]
    for words in shown.values():
        columns += [Column("Ours", small=words), Column("to ST", small="our ratio")]
    place = f"{name.replace('_', '-')}-rows"
    return Table(place, caption, columns, rows if _any(lines, "value") else [])


def figure1(collected: TableReader) -> list[Table]:
    """Return the table of all quantities after the last epoch."""
    lines, epoch = _last(collected.lines("figure1"))
    if not lines:
        return []
    caption = f"After epoch {epoch}, the last snapshot. The figure and the CSV contain the others."
    columns = [Column("Estimator", "text"), Column("τ"), Column("η"), *heads(_FIGURE1)]
    return [
        Table("figure1-last", caption, columns, spread(lines, ("label", "tau", "eta"), _FIGURE1))
    ]


def figure1_run(collected: TableReader) -> list[Table]:
    """Return tables of ours and the authors' at the last snapshot, and at every snapshot."""
    lines = collected.lines("figure1_run")
    last, epoch = _last(lines)
    if not last:
        return []
    columns = [Column("Estimator", "text"), Column("τ"), Column("η"), Column("Epoch")]
    for words in _AS_RUN.values():
        columns += [Column(words, small="ours"), Column(words, small="the authors’"), Column("Δ")]
    caption = (
        f"After epoch {epoch}. Means over VAEs with 95% intervals; Δ: ours minus theirs, Welch’s"
        " interval."
    )
    return [
        Table("figure1-run-last", caption, columns, _beside_authors(last)),
        Table(
            "figure1-run-all",
            "The same at every snapshot.",
            columns,
            _beside_authors(lines),
            folded="Every snapshot, ours and the authors’",
        ),
    ]


def _beside_authors(lines: Sequence[Line]) -> list[list[Cell]]:
    places: dict[tuple[Any, ...], dict[str, Line]] = {}
    for line in lines:
        place = tuple(line[name] for name in ("label", "tau", "eta", "epoch"))
        places.setdefault(place, {})[line["quantity"]] = line
    return [
        [
            *map(plain_cell, place),
            *(
                measured(found.get(quantity), 3, names)
                for quantity in _AS_RUN
                for names in (("value", "low", "high"), _AUTHORS, _DIFFERENCE)
            ),
        ]
        for place, found in places.items()
    ]


def sweep(collected: TableReader) -> list[Table]:
    """Return the table of bias and variance over the temperature."""
    lines, epoch = _last(collected.lines("sweep"))
    if not lines:
        return []
    columns = [Column("Estimator", "text"), Column("τ"), *heads(_SWEEP)]
    caption = f"After epoch {epoch}. Bias and variance of each estimator at each temperature."
    rows = spread(lines, ("label", "tau"), _SWEEP)
    return [Table("sweep-rows", caption, columns, rows, folded="The τ sweep in numbers")]


def control(collected: TableReader) -> list[Table]:
    """Return tables of the added terms of ReinMax-CV, and of their effect for each η."""
    lines, epoch = _last(collected.lines("control"))
    if not lines:
        return []
    index = [Column("Reading", "text"), Column("τ")]
    without = [line for line in lines if line["eta"] == ""]
    with_eta = [line for line in lines if line["eta"] != ""]
    return [
        Table(
            "control-terms",
            f"After epoch {epoch}: the two added terms, Gumbel-Rao minus STGS at θ_D, whole batch. "
            "95% bootstrap intervals.",
            [*index, *heads(_CONTROL)],
            spread(without, ("reading", "tau"), _CONTROL),
        ),
        Table(
            "control-eta",
            f"After epoch {epoch}: ReinMax plus η times the two terms.",
            [*index, Column("η"), *heads(_CONTROL_ETA)],
            spread(with_eta, ("reading", "tau", "eta"), _CONTROL_ETA),
            folded="Variance and bias for each η",
        ),
    ]


def quadrature(collected: TableReader) -> list[Table]:
    """Return tables of the errors of each rule over all pairs of categories."""
    lines, epoch = _last(collected.lines("quadrature"))
    if not lines:
        return []
    columns = [Column("Rule", "text"), Column("β"), *heads(_RULES)]
    named = [line for line in lines if line["beta"] == ""]
    ends = [line for line in lines if line["beta"] != ""]
    caption = (
        f"After epoch {epoch}, over all ordered pairs of categories, weighted as in Eq. 8. "
        "Lower errors and higher cosines are better."
    )
    tables = [
        Table("quadrature-rules", caption, columns, spread(named, ("rule", "beta"), _RULES)),
        Table(
            "quadrature-ends",
            "(1 − β) g′(0) + β g′(1), and with the weights exchanged as Eq. 24 prints them.",
            columns,
            spread(ends, ("rule", "beta"), _RULES),
            folded="The end-point rules for each β",
        ),
    ]
    return [table for table in tables if table.rows]


def _last(lines: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of the last snapshot, and its epoch."""
    if not lines:
        return [], ""
    last = max(to_float(line["epoch"]) for line in lines)
    return [line for line in lines if to_float(line["epoch"]) == last], f"{last:.0f}"


def _any(lines: Sequence[Line], column: str) -> bool:
    return any(to_float(line[column]) == to_float(line[column]) for line in lines)
