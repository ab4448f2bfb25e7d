"""What the page shows, worked out beforehand: templates only place it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reinrelax.claims.model import NEAR, NOT_REPRODUCED, REPRODUCED, UNDECIDED, VERDICTS
from reinrelax.config import Config
from reinrelax.reporting.wording import (
    PURPOSES,
    Mark,
    anchor,
    count,
    duration,
    fixed,
    images,
    interval,
    mark,
    shape,
    signed,
)

Claims = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Summary:
    """What stands above everything else.

    Attributes:
        judged: whether any claim was held against finished runs; `begun`, whether there are any.
        dataset: the images that the finished cells used.
        fallback: whether any of them are not MNIST.
        coverage: what is there of what was planned, in words.
        complete: whether nothing is missing, unreadable or diverged.
        papers: each paper with how many claims are about it.
        verdicts: each verdict with how many claims have it.
    """

    scale: str
    begun: bool
    judged: bool
    dataset: str
    fallback: bool
    coverage: list[str]
    complete: bool
    claims: int
    papers: list[tuple[str, int]]
    verdicts: list[tuple[Mark, int]]


def summary(config: Config, cells: pd.DataFrame, studies: pd.DataFrame, claims: Claims) -> Summary:
    """Coverage and verdicts at a glance."""
    states = pd.concat([cells["state"], studies["state"]]).value_counts()
    done, planned = cells[cells["state"] == "done"], len(cells)
    missing, unreadable = int(states.get("missing", 0)), int(states.get("unreadable", 0))
    diverged = int(cells["diverged"].sum())
    ended, trainings = int(done["seeds"].sum()) + diverged, int(cells["planned_seeds"].sum())
    studied = int((studies["state"] == "done").sum())
    datasets = sorted(set(done["dataset"])) or [config.dataset.name]
    facts = done.drop_duplicates(["dataset", "train_images", "test_images"])
    used = [
        f"{images(name)} ({train:,.0f} training and {test:,.0f} test images)"
        for name, train, test in zip(
            facts["dataset"], facts["train_images"], facts["test_images"], strict=True
        )
    ]
    verdicts = [claim["verdict"] for claim in claims]
    return Summary(
        scale=config.scale,
        begun=len(done) > 0,
        judged=bool({REPRODUCED, NEAR, NOT_REPRODUCED, UNDECIDED} & set(verdicts)),
        dataset="; ".join(used) or f"{images(config.dataset.name)} (nothing has been run yet)",
        fallback=any(name != "mnist" for name in datasets),
        coverage=[
            f"{len(done)} of {count(planned, 'cell')} done",
            f"{ended:,} of {count(trainings, 'training')} ended",
            f"{studied} of {len(studies)} studies done",
            f"{diverged:,} diverged",
            f"{missing:,} missing",
            *([f"{unreadable:,} unreadable"] if unreadable else []),
            f"{duration(float(done['wall_seconds'].astype(float).sum()))} of training",
        ],
        complete=len(done) == planned and studied == len(studies) and not diverged,
        claims=len(claims),
        papers=list(Counter(claim["paper"] for claim in claims).items()),
        verdicts=[(mark(verdict), verdicts.count(verdict)) for verdict in VERDICTS],
    )


def claim_rows(claims: Claims) -> list[dict[str, Any]]:
    """One line a claim, orderings first: verdict, statement, effect, seeds, rule."""
    return [claim_row(claim) for claim in sorted(claims, key=lambda claim: claim["type"] == "number")]


def claim_row(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A claim's line."""
    measured = claim["measure"] == "Δ"
    effect, probability = claim["effect"], claim["probability"]
    return {
        **{key: claim[key] for key in ("id", "place", "rule")},
        **{key: shape(claim[key]) for key in ("statement", "reason")},
        "note": shape(claim["note"]) if claim["note"] != claim["reason"] else "",
        "anchor": anchor("claim", claim["id"]),
        "mark": mark(claim["verdict"]),
        "order": VERDICTS.index(claim["verdict"]),
        "effect": "" if effect is None else f"{'Δ' if measured else 'margin'} {signed(effect)}",
        "interval": interval(claim["low"], claim["high"]),
        "probability": "" if probability is None else f"P = {fixed(probability)}",
        "key": _key(effect if measured else probability),
        "seeds": str(claim["seeds"]) if claim["seeds"] else "",
        "diverged": f"{claim['diverged']} diverged" if claim["diverged"] else "",
        "minimum": claim["minimum"],
    }


def provenance(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a planned cell: where its numbers come from and how to compute them again."""
    return [
        {
            **{key: line[key] for key in ("estimator", "settings", "table")},
            **_origin(line),
            "experiment": line["experiment"],
            "anchor": anchor("cell", line["cell"]),
            "latent": shape(line["latent"]),
            "part": line["cell"].rsplit("/", 1)[-1].removeprefix(line["estimator"]),
            "trainings": f"{int(line['seeds'])} of {int(line['planned_seeds'])}",
            "diverged": int(line["diverged"]),
        }
        for line in cells.to_dict("records")
    ]


def study_rows(studies: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a planned study."""
    return [
        {
            **_origin(line),
            "study": line["study"],
            "folder": line["folder"],
            "anchor": anchor("study", line["study"]),
        }
        for line in studies.to_dict("records")
    ]


def _origin(line: Mapping[Any, Any]) -> dict[str, Any]:
    """What cells and studies have in common: state, machine, source, time, command."""
    return {
        **{
            key: line[key]
            for key in ("state", "message", "device", "host", "versions", "started", "log", "command")
        },
        "commit": line["commit"][:12] + ("+changes" if line["commit"].endswith("+changes") else ""),
        "wall": duration(line["wall_seconds"]),
        "wall_key": _key(line["wall_seconds"]),
    }


def not_run(
    cells: pd.DataFrame, studies: pd.DataFrame, tables: Sequence[pd.DataFrame]
) -> dict[str, list[str]]:
    """What must not pass for done: missing, unreadable and diverged jobs, and what was not planned."""
    elbo = cells[cells["experiment"] == "elbo"]
    planned = set(zip(elbo["estimator"], elbo["latent"], strict=True))
    asked = dict.fromkeys(
        (e, s) for judged in tables for e, s in zip(judged["estimator"], judged["latent"], strict=True)
    )
    unplanned: dict[str, list[str]] = {}
    for estimator, latent in asked:
        if (estimator, latent) not in planned:
            unplanned.setdefault(estimator, []).append(shape(latent))
    missing: dict[str, list[str]] = {}
    for line in cells[cells["state"] == "missing"].itertuples():
        name = f"{PURPOSES[str(line.experiment)]}, {line.estimator}"
        missing.setdefault(name, []).append(shape(str(line.latent)))
    return {
        "missing": [
            *(f"{name}: {', '.join(dict.fromkeys(latents))}" for name, latents in missing.items()),
            *(_study(str(name)) for name in studies.loc[studies["state"] == "missing", "study"]),
        ],
        "unreadable": [
            str(message)
            for table in (cells, studies)
            for message in table.loc[table["state"] == "unreadable", "message"]
        ],
        "diverged": [
            f"{PURPOSES[str(line.experiment)]}, {line.estimator} at {shape(str(line.latent))}: "
            f"{line.diverged} of {count(int(str(line.planned_seeds)), 'training')}"
            for line in cells[cells["diverged"] > 0].itertuples()
        ],
        "unplanned": [f"{name}: {', '.join(latents)}" for name, latents in unplanned.items()],
    }


def _study(name: str) -> str:
    source, _, part = name.partition("/")
    return f"{PURPOSES[source]}: {part.replace('-', ' ')}" if part else PURPOSES[source]


def _key(value: float | None) -> str:
    """What a table sorts by: a plain number, or nothing."""
    return "" if value is None or pd.isna(value) else f"{value:.10g}"
