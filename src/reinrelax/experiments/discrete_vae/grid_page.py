"""Tables 2 and 3 as the page shows them: in the paper's layout, as printed and as run, and a line a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from reinrelax.claims.model import VERDICTS
from reinrelax.display.blocks import Cell, Column, Table, key
from reinrelax.display.wording import PAPER_NAMES, Mark, anchor, count, fixed, interval, mark, shape, signed
from reinrelax.experiments.discrete_vae.elbo import BASE, PAIRED, RUN


@dataclass(frozen=True)
class Place:
    """One estimator and latent shape: paper, ours, difference, verdict; `keys` are what tables sort by."""

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
    mark: Mark
    reason: str
    claim: str
    cell: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Grid:
    """A table of the paper in its layout: a row an estimator, a column a latent shape.

    Attributes:
        rows: estimator, a word on the row, and a place a column; None where nothing was run differently.
    """

    id: str
    name: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[Place | None]]]
    template: str = field(default="grid.html.j2", init=False)


def blocks(name: str, title: str, judged: pd.DataFrame, jobs: pd.DataFrame) -> list[Grid | Table]:
    """The grid, and behind a fold the same line by line.

    Args:
        name: of the collected table, `table2` or `table3`.
        title: for readers.
        judged: its rows.
        jobs: planned ones.
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


def _places(judged: pd.DataFrame, jobs: pd.DataFrame) -> list[Place]:
    states = dict(zip(jobs["job"], jobs["state"], strict=True))
    planned = dict(zip(jobs["job"], jobs["planned_seeds"], strict=True))
    lowest = judged.groupby("latent")[["paper_mean", "mean"]].min()
    places = []
    for line in judged.to_dict("records"):
        place = (line["estimator"], line["method"], line["latent"])
        verdict = line["verdict"]
        places.append(
            Place(
                estimator=place[0],
                method=place[1],
                latent=shape(place[2]),
                paper=f"{fixed(line['paper_mean'])} ± {fixed(line['paper_plus_minus'])}".strip(" ±"),
                paper_best=line["paper_mean"] == lowest["paper_mean"][place[2]],
                ours=fixed(line["mean"]),
                ours_best=line["mean"] == lowest["mean"][place[2]],
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
                    name: key(line[name]) for name in ("paper_mean", "mean", "difference", "seeds", PAIRED[0])
                }
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
        Column(f"Less {BASE}", small="seed by seed, with 95% interval"),
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
            Cell(place.paired, place.keys[PAIRED[0]], small=list(filter(None, [place.paired_interval]))),
            Cell(mark=place.mark, key=place.keys["verdict"], link=place.claim),
            Cell(place.reason, style="prose"),
            Cell("cell" if place.cell else "", link=place.cell),
        ]
        for index, place in enumerate(places)
    ]
    folded = f"{title}, one line a cell: sort it, and see every interval and reason"
    caption = "Nats per image. A click on a column’s head sorts by it."
    return Table(f"{name}-long", caption, columns, rows, folded)


def _named(estimator: str) -> str:
    return f"in the paper: {PAPER_NAMES[estimator]}" if estimator in PAPER_NAMES else ""


def _seeds(alive: float, diverged: float, planned: int) -> str:
    """How many seeds a place has, and of how many if not of all that are asked for."""
    if not alive:
        return ""
    some = f"{alive:.0f} of " if alive + diverged < planned else ""
    return some + count(int(planned if some else alive), "seed")


def _absence(state: str | None) -> str:
    return {None: "not in this configuration", "missing": "not run", "unreadable": "cannot be read"}.get(
        state, "no finite seed"
    )
