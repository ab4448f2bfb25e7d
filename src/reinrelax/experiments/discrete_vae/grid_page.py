"""Tables 2 and 3 on the page: in the paper's layout, as printed and as run, and as a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import pandas as pd

from reinrelax.claims.model import VERDICTS
from reinrelax.display.table_blocks import Cell, Column, Table, key
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_table
from reinrelax.display.text_format import (
    PAPER_NAMES,
    Badge,
    anchor,
    count,
    fixed,
    interval,
    mark,
    shape,
    signed,
)
from reinrelax.experiments.discrete_vae.elbo import BASE, PAIRED, RUN


@dataclass(frozen=True)
class Place:
    """The paper's number, ours, difference and verdict at a latent shape; `keys` are sort keys."""

    estimator: str
    method: str
    latent: str
    paper: str
    paper_best: bool
    ours: str
    ours_best: bool
    interval: str
    seeds: str
    diverged: str
    absence: str
    delta: str
    delta_interval: str
    paired: str
    paired_interval: str
    mark: Badge
    reason: str
    claim: str
    cell: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Grid:
    """A table in the paper's layout: a row per estimator and method, a column per latent shape.

    Attributes:
        rows: estimator, a note on it, and a place per column; None if it was run as printed.
    """

    id: str
    name: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[Place | None]]]
    template: str = field(default="grid.html.j2", init=False)


def blocks(name: str, title: str, judged: pd.DataFrame, jobs: pd.DataFrame) -> list[Grid | Table]:
    """Return the grid, and a folded table of the same with a row per cell.

    Args:
        name: of the collected table, `table2` or `table3`.
        title: for readers.
        judged: the rows of the table.
        jobs: the planned jobs.
    """
    places = _places(judged, jobs)
    found = {(place.estimator, place.method, place.latent): place for place in places}
    latents = list(dict.fromkeys(place.latent for place in places))
    rows = [
        (
            estimator,
            method if method == RUN else _named(estimator),
            [found.get((estimator, method, latent)) for latent in latents],
        )
        for estimator, method in dict.fromkeys((place.estimator, place.method) for place in places)
    ]
    return [Grid(f"{name}-grid", title, latents, rows), _long(name, title, places)]


def table2(collected: TableReader) -> Table:
    """Return Table 2 in the paper's layout, without links."""
    return _crossed(collected, "table2")


def table3(collected: TableReader) -> Table:
    """Return Table 3 in the paper's layout, without links."""
    return _crossed(collected, "table3")


def _crossed(collected: TableReader, name: str) -> Table:
    """Return rows of the paper's numbers, ours, and ours minus ReinMax's; a column per shape."""
    places = _places(
        *(read_table(collected.folder / f"tables/{read}.csv") for read in (name, "jobs"))
    )
    latents = list(dict.fromkeys(place.latent for place in places))
    rows = []
    for estimator, method in dict.fromkeys((place.estimator, place.method) for place in places):
        found = {p.latent: p for p in places if (p.estimator, p.method) == (estimator, method)}
        for index, (part, cell) in enumerate(_PARTS.items()):
            named = (estimator, method) if index == 0 else ("", "")
            beside = [cell(found[latent]) if latent in found else Cell() for latent in latents]
            if index == 0 or any(map(attrgetter("text"), beside)):
                rows.append([*map(Cell, named), Cell(part), *beside])
    columns = [
        *(Column(head, "text") for head in ("Estimator", "Method", "")),
        *map(Column, latents),
    ]
    caption = (
        "± is the paper’s standard error. Bold: the lowest of a column. As run: where the public"
        " code differs from the paper in formula or settings. Minus ReinMax: ours minus"
        " ReinMax’s, paired by seed. In brackets: 95% intervals."
    )
    return Table(f"{name}-crossed", caption, columns, rows)


def _ours(place: Place) -> Cell:
    if place.absence:
        return Cell(place.absence)
    style = "best" if place.ours_best else ""
    return Cell(place.ours, style=style, mark=place.mark, small=[place.interval, place.diverged])


_PARTS: Mapping[str, Callable[[Place], Cell]] = {
    "paper": lambda place: Cell(place.paper, style="best" if place.paper_best else ""),
    "ours": _ours,
    f"minus {BASE}": lambda place: Cell(place.paired, small=[place.paired_interval]),
}


def _places(judged: pd.DataFrame, jobs: pd.DataFrame) -> list[Place]:
    states = dict(zip(jobs["job"], jobs["state"], strict=True))
    planned = dict(zip(jobs["job"], jobs["planned_seeds"], strict=True))
    # An estimator with diverged seeds is not the best, however low its mean.
    sound = judged.assign(mean=judged["mean"].where(judged["diverged"] == 0))
    lowest = sound.groupby("latent")[["paper_mean", "mean"]].min()
    places = []
    for line in judged.to_dict("records"):
        place = (line["estimator"], line["method"], line["latent"])
        verdict = line["verdict"]
        places.append(
            Place(
                estimator=place[0],
                method=place[1],
                latent=shape(place[2]),
                paper=f"{fixed(line['paper_mean'])} ± {fixed(line['paper_plus_minus'])}".strip(
                    " ±"
                ),
                paper_best=line["paper_mean"] == lowest["paper_mean"][place[2]],
                ours=fixed(line["mean"]),
                ours_best=not line["diverged"] and line["mean"] == lowest["mean"][place[2]],
                interval=interval(line["ci_low"], line["ci_high"]),
                seeds=_seeds(line["seeds"], line["diverged"], planned.get(line["job"], 0)),
                diverged=f"{int(line['diverged'])} diverged" if line["diverged"] else "",
                absence=_absence(states.get(line["job"])) if not line["seeds"] else "",
                delta=signed(line["difference"]),
                delta_interval=interval(line["difference_low"], line["difference_high"]),
                paired=signed(line[PAIRED[0]]),
                paired_interval=interval(line[PAIRED[1]], line[PAIRED[2]]),
                mark=mark(verdict),
                reason=shape(line["reason"]),
                claim=anchor("claim", line["claim"]) if line["claim"] else "",
                cell=anchor("cell", line["job"]) if line["job"] else "",
                keys={
                    name: key(line[name])
                    for name in ("paper_mean", "mean", "difference", "seeds", PAIRED[0])
                }
                | {
                    "verdict": str(
                        VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS)
                    )
                },
            )
        )
    return places


def _long(name: str, title: str, places: Sequence[Place]) -> Table:
    columns = [
        Column("Estimator", "text"),
        Column("Shape"),
        Column("Paper ±"),
        Column("Ours"),
        Column("95% interval", ""),
        Column("Seeds"),
        Column("Δ"),
        Column("95% interval of Δ", ""),
        Column(f"Minus {BASE}", small="paired by seed, with 95% interval"),
        Column("Verdict"),
        Column("Reason", ""),
        Column("From", ""),
    ]
    rows = [
        [
            Cell(place.estimator, small=[place.method] if place.method == RUN else ()),
            Cell(place.latent, str(index)),
            Cell(place.paper, place.keys["paper_mean"]),
            Cell(place.ours, place.keys["mean"]),
            Cell(place.interval),
            Cell(", ".join(filter(None, (place.seeds, place.diverged))), place.keys["seeds"]),
            Cell(place.delta, place.keys["difference"]),
            Cell(place.delta_interval),
            Cell(
                place.paired,
                place.keys[PAIRED[0]],
                small=list(filter(None, [place.paired_interval])),
            ),
            Cell(mark=place.mark, key=place.keys["verdict"], link=place.claim),
            Cell(place.reason, style="prose"),
            Cell("cell" if place.cell else "", link=place.cell),
        ]
        for index, place in enumerate(places)
    ]
    folded = f"{title} as a sortable list of cells, with every interval and reason"
    caption = "Nats per image. Click the head of a column to sort by it."
    return Table(f"{name}-long", caption, columns, rows, folded)


def _named(estimator: str) -> str:
    return f"in the paper: {PAPER_NAMES[estimator]}" if estimator in PAPER_NAMES else ""


def _seeds(alive: float, diverged: float, planned: int) -> str:
    """Return the number of seeds of a place and, if some are missing, the number requested."""
    if not alive:
        return ""
    some = f"{alive:.0f} of " if alive + diverged < planned else ""
    return some + count(int(planned if some else alive), "seed")


def _absence(state: str | None) -> str:
    return {
        None: "not in this configuration",
        "missing": "not run",
        "unreadable": "cannot be read",
    }.get(state, "no finite seed")
