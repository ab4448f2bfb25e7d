"""What the page shows, worked out beforehand: templates only place it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reinrelax.claims.model import NEAR, NOT_REPRODUCED, REPRODUCED, UNDECIDED, VERDICTS
from reinrelax.config import Config
from reinrelax.reporting.wording import (
    PAPER_NAMES,
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
    verdicts: list[tuple[Mark, int]]


def summary(config: Config, cells: pd.DataFrame, claims: Claims) -> Summary:
    """Coverage and verdicts at a glance."""
    states = cells["state"].value_counts()
    done, planned = cells[cells["state"] == "done"], len(cells)
    missing, unreadable = int(states.get("missing", 0)), int(states.get("unreadable", 0))
    diverged = int(cells["diverged"].sum())
    ended, seeds = int(done["seeds"].sum()) + diverged, int(cells["planned_seeds"].sum())
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
            f"{ended:,} of {count(seeds, 'seed')} ended",
            f"{diverged:,} diverged",
            f"{missing:,} missing",
            *([f"{unreadable:,} unreadable"] if unreadable else []),
            f"{duration(float(done['wall_seconds'].astype(float).sum()))} of training",
        ],
        complete=len(done) == planned and not diverged,
        claims=len(claims),
        verdicts=[(mark(verdict), verdicts.count(verdict)) for verdict in VERDICTS],
    )


def table(judged: pd.DataFrame, cells: pd.DataFrame, claims: Claims, metric: str) -> dict[str, Any]:
    """A table of the paper: `rows` in its layout, `long` with one line a cell."""
    # Of a cell in parts, the first stands for all.
    planned = {(line["estimator"], line["latent"]): line for line in cells.iloc[::-1].to_dict("records")}
    links = {
        (claim["lower"][0], claim["latents"][0]): anchor("claim", claim["id"])
        for claim in claims
        if claim["kind"] == "number" and claim["metric"] == metric
    }
    best = {column: _best(judged, column) for column in ("paper_mean", "mean")}
    lines = []
    for line in judged.to_dict("records"):
        place = (line["estimator"], line["latent"])
        cell = planned.get(place)
        lines.append(
            {
                "estimator": place[0],
                "latent": shape(place[1]),
                "paper": f"{fixed(line['paper_mean'])} ± {fixed(line['paper_plus_minus'])}".strip(" ±"),
                "paper_best": best["paper_mean"].get(place[1]) == place[0],
                "ours": fixed(line["mean"]),
                "ours_best": best["mean"].get(place[1]) == place[0],
                "interval": interval(line["ci_low"], line["ci_high"]),
                "seeds": count(int(line["seeds"]), "seed") if line["seeds"] else "",
                "diverged": f"{int(line['diverged'])} diverged" if line["diverged"] else "",
                "absence": _absence(cell["state"] if cell else None) if not line["seeds"] else "",
                "delta": signed(line["difference"]),
                "delta_interval": interval(line["difference_low"], line["difference_high"]),
                "mark": mark(line["verdict"]),
                "reason": shape(line["reason"]),
                "claim": links.get(place, ""),
                "cell": anchor("cell", cell["cell"]) if cell else "",
                "keys": {key: _key(line[key]) for key in ("paper_mean", "mean", "difference", "seeds")},
                "order": VERDICTS.index(line["verdict"]) if line["verdict"] in VERDICTS else len(VERDICTS),
            }
        )
    names = list(dict.fromkeys(line["estimator"] for line in lines))
    return {
        "columns": list(dict.fromkeys(line["latent"] for line in lines)),
        "rows": [
            {
                "estimator": name,
                "paper_name": PAPER_NAMES.get(name, ""),
                "cells": [line for line in lines if line["estimator"] == name],
            }
            for name in names
        ],
        "long": lines,
    }


def claim_rows(claims: Claims) -> list[dict[str, Any]]:
    """One line a claim, orderings first: verdict, statement, effect, seeds, rule."""
    return [_claim_row(claim) for claim in sorted(claims, key=lambda claim: claim["kind"] == "number")]


def _claim_row(claim: Mapping[str, Any]) -> dict[str, Any]:
    ordering = claim["kind"] == "ordering"
    effect, probability, minimum = claim["effect"], claim["probability"], claim["minimum"]
    return {
        **{key: claim[key] for key in ("id", "place", "rule")},
        **{key: shape(claim[key]) for key in ("statement", "reason")},
        "note": shape(claim["note"]) if claim["note"] != claim["reason"] else "",
        "anchor": anchor("claim", claim["id"]),
        "mark": mark(claim["verdict"]),
        "order": VERDICTS.index(claim["verdict"]),
        "effect": "" if effect is None else f"{'margin' if ordering else 'Δ'} {signed(effect)}",
        "interval": interval(claim["low"], claim["high"]),
        "probability": "" if probability is None else f"P = {fixed(probability)}",
        "key": _key(probability if ordering else effect),
        "seeds": str(claim["seeds"]) if claim["seeds"] else "",
        "diverged": f"{claim['diverged']} diverged" if claim["diverged"] else "",
        "minimum": (
            f"{images(minimum['dataset'])}, {minimum['train_images']:,} training and "
            f"{minimum['test_images']:,} test images, {minimum['epochs']} epochs, batches of "
            f"{minimum['batch_size']}, {minimum['draws']} draws where the estimator draws, "
            f"{minimum['seeds']} seeds or more, the paper's settings"
        ),
    }


def provenance(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a planned cell: where its numbers come from and how to compute them again."""
    return [
        {
            **{key: line[key] for key in ("estimator", "state", "message", "settings", "device", "host")},
            **{key: line[key] for key in ("versions", "started", "table", "log", "command")},
            "anchor": anchor("cell", line["cell"]),
            "latent": shape(line["latent"]),
            "part": line["cell"].rsplit("/", 1)[-1].removeprefix(line["estimator"]),
            "commit": line["commit"][:12] + ("+changes" if line["commit"].endswith("+changes") else ""),
            "seeds": f"{int(line['seeds'])} of {int(line['planned_seeds'])}",
            "diverged": int(line["diverged"]),
            "wall": duration(line["wall_seconds"]),
            "wall_key": _key(line["wall_seconds"]),
        }
        for line in cells.to_dict("records")
    ]


def not_run(cells: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> dict[str, list[str]]:
    """What must not pass for done: missing, unreadable and diverged cells, and what was not planned."""
    planned = set(zip(cells["estimator"], cells["latent"], strict=True))
    asked = dict.fromkeys(
        (e, s) for judged in tables for e, s in zip(judged["estimator"], judged["latent"], strict=True)
    )
    unplanned: dict[str, list[str]] = {}
    for estimator, latent in asked:
        if (estimator, latent) not in planned:
            unplanned.setdefault(estimator, []).append(shape(latent))
    missing: dict[str, list[str]] = {}
    for line in cells[cells["state"] == "missing"].itertuples():
        missing.setdefault(str(line.estimator), []).append(shape(str(line.latent)))
    return {
        "missing": [f"{name}: {', '.join(latents)}" for name, latents in missing.items()],
        "unreadable": [str(message) for message in cells.loc[cells["state"] == "unreadable", "message"]],
        "diverged": [
            f"{line.estimator} at {shape(str(line.latent))}: {line.diverged} of {line.planned_seeds} seeds"
            for line in cells[cells["diverged"] > 0].itertuples()
        ],
        "unplanned": [f"{name}: {', '.join(latents)}" for name, latents in unplanned.items()],
    }


def _best(judged: pd.DataFrame, column: str) -> dict[str, str]:
    """Latent shape to the estimator that has the lowest value there."""
    order = judged.dropna(subset=[column]).sort_values(column, kind="stable").drop_duplicates("latent")
    return dict(zip(order["latent"], order["estimator"], strict=True))


def _absence(state: str | None) -> str:
    return {None: "not in this configuration", "missing": "not run", "unreadable": "cannot be read"}.get(
        state, "no finite seed"
    )


def _key(value: float | None) -> str:
    """What a table sorts by: a plain number, or nothing."""
    return "" if value is None or pd.isna(value) else f"{value:.10g}"
