"""The page's tables of the discrete VAEs: Figure 2, Table 5, readings."""

from typing import Any

from reinrelax.display.table_blocks import (
    Cell,
    Column,
    Table,
    diverged,
    is_finite,
    key,
    plain_cell,
    to_float,
    value_cell,
)
from reinrelax.display.table_reader import TableReader
from reinrelax.display.text_format import fixed, interval, shape, signed


def figure2(collected: TableReader) -> list[Table]:
    """Return the tables of the minima, and of every β compared with the authors' runs."""
    return [figure2_minimum(collected), _figure2_authors(collected)]


def figure2_minimum(collected: TableReader) -> Table:
    """Return the table of the minima over β."""
    rows = [
        [
            Cell(line["estimator"]),
            Cell(shape(line["latent"])),
            Cell(line["paper"]),
            value_cell(line, 3, ("beta", "low", "high")),
            _nats(line, "nelbo"),
        ]
        for line in collected.lines("figure2_minimum")
        if is_finite(line, "beta")
    ]
    columns = [
        Column("Estimator", "text"),
        Column("Shape", "text"),
        Column("Paper", "text", small="β of the minimum"),
        Column("Ours", small="β of the minimum, 95% interval"),
        Column("NELBO there", small="nats"),
    ]
    caption = (
        "β of the lowest train negative ELBO. The interval is over seeds, and limited to the β that"
        " were run."
    )
    return Table("figure2-minimum", caption, columns, rows)


def _figure2_authors(collected: TableReader) -> Table:
    """Return the table of ours and the authors' runs, where there are any."""
    rows = [
        [
            Cell(line["estimator"]),
            plain_cell(line["beta"]),
            value_cell(line, 4, ("mean", "ci_low", "ci_high")),
            value_cell(line, 4, ("authors_mean", "authors_low", "authors_high")),
            value_cell(line, 3, ("difference", "difference_low", "difference_high")),
        ]
        for line in (*collected.lines("figure2"), *collected.lines("figure2_run"))
        if is_finite(line, "authors_mean")
    ]
    columns = [
        Column("Estimator", "text"),
        Column("β"),
        Column("Ours", small="nats"),
        Column("The authors’", small="nats, five seeds"),
        Column("Δ", small="ours minus theirs, nats"),
    ]
    caption = (
        "8x4, train negative ELBO with 95% intervals. The authors’ runs use Eq. 27 with another"
        " last term, and centred."
    )
    folded = "Every β, ours and the authors’ runs"
    return Table("figure2-authors", shape(caption), columns, rows, folded=folded)


def table5(collected: TableReader) -> list[Table]:
    """Return the tables of our search and of the authors'."""
    return [table5_rows(collected), _selection(collected)]


def table5_rows(collected: TableReader) -> Table:
    """Return the table of the best settings of our search and the paper's settings."""
    rows = [
        [
            Cell(line["estimator"]),
            Cell(shape(line["latent"])),
            Cell(line["paper"], small=[f"run with {line['as_run']}"] if line["as_run"] else ()),
            Cell(line["best"]),
            _nats(line, "best_nelbo"),
            _nats(line, "paper_nelbo"),
            Cell(signed(to_float(line["gap"])), key(to_float(line["gap"]))),
            plain_cell(line["rank"]),
            Cell(_of(line, "finished", "points"), small=diverged(line)),
            plain_cell(line["within_half"]),
        ]
        for line in collected.lines("table5")
        if is_finite(line, "best_nelbo")
    ]
    columns = [
        Column("Estimator", "text"),
        Column("Shape", "text"),
        Column("Paper’s setting", "text"),
        Column("Best found", "text"),
        Column("Its NELBO", small="nats"),
        Column("At the paper’s", small="nats"),
        Column("Gap", small="nats"),
        Column("Rank", small="of the paper’s"),
        Column("Points", small="finished"),
        Column("Within ½ nat", small="points as good as the best"),
    ]
    caption = (
        "Train negative ELBO with one seed per point, so a gap within the spread of seeds decides"
        " nothing. If the paper’s setting is not a point of our search, its columns are empty."
    )
    return Table("table5-rows", caption, columns, rows)


def _selection(collected: TableReader) -> Table:
    """Return the table of the selection bias of ReinMax-Rao's printed means (authors' search)."""
    lines = collected.lines("selection")
    rows = [
        [
            Cell(shape(line["latent"])),
            plain_cell(line["searched"]),
            Cell(
                line["best"],
                small=[f"{fixed(to_float(line['mean']))} ± {fixed(to_float(line['plus_minus']))}"],
            ),
            Cell(line["second"], small=[fixed(to_float(line["second_mean"]))]),
            plain_cell(line["rivals"]),
            value_cell(line, 2, ("chosen_again",)),
            _nats(line, "optimism"),
        ]
        for line in lines
    ]
    columns = [
        Column("Shape", "text"),
        Column("Settings", small="with ten seeds that learned"),
        Column("Chosen, and printed", "text", small="train, nats ± standard error"),
        Column("Second", "text", small="train, nats"),
        Column("Rivals", small="within two standard errors of it"),
        Column("Chosen again", small="probability, with new seeds"),
        Column("Optimism", small="nats"),
    ]
    searched = sum(to_float(line[name]) for line in lines for name in ("searched", "left_out"))
    caption = (
        f"ReinMax-Rao in the authors’ public files ({searched:.0f} settings): settings were"
        " chosen by the mean of the same seeds that Table 2 reports. Optimism: how far the"
        " lowest of such means lies below its own expectation, if the observed means were the"
        " true ones and all seeds were drawn again. None of this was trained here."
    )
    return Table("table5-selection", caption, columns, rows)


def readings(collected: TableReader) -> Table:
    """Return the table of every reading of a formula and its final negative ELBO."""
    rows = []
    for line in collected.lines("readings"):
        base = [f"reading of {line['variant_of']}"] if line["variant_of"] else []
        rows.append(
            [
                Cell(line["label"], small=base),
                Cell(line["equation"].removeprefix("B, ")),
                *_beside_paper(line, "train"),
                *_beside_paper(line, "test"),
                Cell(_whole(line, "seeds"), small=diverged(line)),
                Cell(_closeness(line)),
            ]
        )
    columns = [
        Column("Estimator", "text"),
        Column("Formula", "text"),
        Column("Train", small="ours, nats"),
        Column("Δ"),
        Column("Test", small="ours, nats"),
        Column("Δ"),
        Column("Seeds"),
        Column("To the paper", "text", small="on train, of one estimator’s"),
    ]
    caption = (
        "Final negative ELBO, mean over seeds with 95% interval, and the paper’s for that"
        " estimator. The plain name is the reading used everywhere else."
    )
    reasons: dict[str, list[str]] = {}
    for line in collected.lines("readings"):
        if line["why"]:
            reasons.setdefault(line["why"], []).append(line["label"])
    notes = [
        f"Not compared with the paper: {', '.join(labels)}. {why}."
        for why, labels in reasons.items()
    ]
    return Table("readings-rows", caption, columns, rows, notes=notes)


def _closeness(line: dict[str, Any]) -> str:
    if not line["closest"]:
        return ""
    return "closest" if line["comparable"] else "closest, not judged"


def _beside_paper(line: dict[str, Any], name: str) -> list[Cell]:
    """Return a cell of ours with its interval, and one of the difference and the paper's number."""
    limits = interval(to_float(line[f"{name}_low"]), to_float(line[f"{name}_high"]))
    delta, paper = to_float(line[f"delta_{name}"]), fixed(to_float(line[f"paper_{name}"]))
    return [
        Cell(
            fixed(to_float(line[name])), key(to_float(line[name])), small=[limits] if limits else ()
        ),
        Cell(signed(delta), key(delta), small=[f"paper {paper}"] if paper else ()),
    ]


def _nats(line: dict[str, Any], name: str) -> Cell:
    return Cell(fixed(to_float(line[name])), key(to_float(line[name])))


def _of(line: dict[str, Any], part: str, whole: str) -> str:
    return f"{_whole(line, part)} of {_whole(line, whole)}"


def _whole(line: dict[str, Any], name: str) -> str:
    value = to_float(line[name])
    return f"{value:,.0f}" if value == value else ""
