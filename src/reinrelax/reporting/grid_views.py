"""Tables 2 and 3 as the page shows them: in the paper's layout, and with one line a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reinrelax.claims.model import VERDICTS
from reinrelax.reporting.blocks import Cell, Column, Table, key
from reinrelax.reporting.wording import PAPER_NAMES, Mark, anchor, count, fixed, interval, mark, shape, signed


@dataclass(frozen=True)
class Place:
    """One estimator and latent shape: paper, ours, difference, verdict; `keys` are what tables sort by."""

    estimator: str
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
    mark: Mark
    reason: str
    claim: str
    cell: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Grid:
    """A table of the paper in its layout: a row an estimator, a column a latent shape."""

    id: str
    name: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[Place]]]
    template: str = field(default="grid.html.j2", init=False)


def blocks(
    name: str,
    title: str,
    judged: pd.DataFrame,
    cells: pd.DataFrame,
    claims: Sequence[Mapping[str, Any]],
) -> list[Grid | Table]:
    """The grid, and behind a fold the same line by line.

    Args:
        name: of the collected table, `table2` or `table3`.
        title: for readers, and the place that claims on its numbers name.
        judged: its rows.
        cells: planned cells of the experiment that fills it.
        claims: to which the verdicts lead.
    """
    places = _places(judged, cells, claims, title)
    names = list(dict.fromkeys(place.estimator for place in places))
    rows = [
        (own, PAPER_NAMES.get(own, ""), [place for place in places if place.estimator == own])
        for own in names
    ]
    latents = list(dict.fromkeys(place.latent for place in places))
    return [Grid(f"{name}-grid", title, latents, rows), _long(name, title, places)]


def _places(
    judged: pd.DataFrame, cells: pd.DataFrame, claims: Sequence[Mapping[str, Any]], title: str
) -> list[Place]:
    # Of a cell in parts, the first stands for all.
    planned = {(line["estimator"], line["latent"]): line for line in cells.iloc[::-1].to_dict("records")}
    links = {
        (claim["lower"][0], claim["places"][0]): anchor("claim", claim["id"])
        for claim in claims
        if claim["judge"] == "number" and claim["place"] == title
    }
    best = {column: _best(judged, column) for column in ("paper_mean", "mean")}
    places = []
    for line in judged.to_dict("records"):
        place = (line["estimator"], line["latent"])
        cell = planned.get(place)
        verdict = line["verdict"]
        places.append(
            Place(
                estimator=place[0],
                latent=shape(place[1]),
                paper=f"{fixed(line['paper_mean'])} ± {fixed(line['paper_plus_minus'])}".strip(" ±"),
                paper_best=best["paper_mean"].get(place[1]) == place[0],
                ours=fixed(line["mean"]),
                ours_best=best["mean"].get(place[1]) == place[0],
                interval=interval(line["ci_low"], line["ci_high"]),
                seeds=_seeds(line, cell) if line["seeds"] else "",
                diverged=f"{int(line['diverged'])} diverged" if line["diverged"] else "",
                absence=_absence(cell["state"] if cell else None) if not line["seeds"] else "",
                delta=signed(line["difference"]),
                delta_interval=interval(line["difference_low"], line["difference_high"]),
                mark=mark(verdict),
                reason=shape(line["reason"]),
                claim=links.get(place, ""),
                cell=anchor("cell", cell["cell"]) if cell else "",
                keys={name: key(line[name]) for name in ("paper_mean", "mean", "difference", "seeds")}
                | {"verdict": str(VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS))},
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
        Column("Verdict"),
        Column("Reason", ""),
        Column("From", ""),
    ]
    rows = [
        [
            Cell(place.estimator),
            Cell(place.latent, str(index)),
            Cell(place.paper, place.keys["paper_mean"]),
            Cell(place.ours, place.keys["mean"]),
            Cell(place.interval),
            Cell(", ".join(filter(None, (place.seeds, place.diverged))), place.keys["seeds"]),
            Cell(place.delta, place.keys["difference"]),
            Cell(place.delta_interval),
            Cell(mark=place.mark, key=place.keys["verdict"], link=place.claim),
            Cell(place.reason, style="prose"),
            Cell("cell" if place.cell else "", link=place.cell),
        ]
        for index, place in enumerate(places)
    ]
    folded = f"{title}, one line a cell: sort it, and see every interval and reason"
    caption = "Nats per image. A click on a column’s head sorts by it."
    return Table(f"{name}-long", caption, columns, rows, folded)


def _best(judged: pd.DataFrame, column: str) -> dict[str, str]:
    """Latent shape to the estimator that has the lowest value there."""
    order = judged.dropna(subset=[column]).sort_values(column, kind="stable").drop_duplicates("latent")
    return dict(zip(order["latent"], order["estimator"], strict=True))


def _seeds(line: Mapping[Any, Any], cell: Mapping[Any, Any] | None) -> str:
    """How many seeds a place has, and of how many if not of all that are asked for."""
    ended = int(line["seeds"]) + int(line["diverged"] or 0)
    if cell and ended < int(cell["planned_seeds"]):
        return f"{int(line['seeds'])} of {count(int(cell['planned_seeds']), 'seed')}"
    return count(int(line["seeds"]), "seed")


def _absence(state: str | None) -> str:
    return {None: "not in this configuration", "missing": "not run", "unreadable": "cannot be read"}.get(
        state, "no finite seed"
    )
