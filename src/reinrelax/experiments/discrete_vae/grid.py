"""Table 5: the searches for the paper's settings, point by point."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.config.load import Config
from reinrelax.experiments.discrete_vae.elbo import RUN, paper_name
from reinrelax.jobs.runs import run_table
from reinrelax.results.labels import in_words, published_settings

NEAR_NATS = 0.5
_POINT = ("optimizer", "learning_rate", "tau", "eta")
_GRID = (
    *("estimator", "latent", *_POINT, "seeds", "diverged"),
    *("train_nelbo", "test_nelbo", "is_best", "is_paper", "above_best"),
)
_TABLE5 = (
    *("estimator", "latent", "paper", "as_run", "best", "best_nelbo", "paper_nelbo", "gap", "rank"),
    *("points", "finished", "diverged", "within_half", "in_grid"),
)
_METRICS = {"train_nelbo": "train_nelbo_nats", "test_nelbo": "test_nelbo_nats"}


def grid(config: Config, ended: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return a row per point of every search with an ended run; nats per image, means over seeds.

    The best point has the lowest train negative ELBO of those without a diverged seed.

    Args:
        config: the configuration, for the planned points.
        ended: the ended runs of the experiment `grid`.
        root: the project's folder.
    """
    paper = published_settings(root)
    runs = {str(run_id): row for run_id, row in ended.set_index("run_id").iterrows()}
    searches: dict[tuple[str, str], dict[tuple[Any, ...], list[str]]] = {}
    for run in run_table(config):
        if run.experiment == "grid":
            hyper = dict(run.hyper)
            point = (run.optimizer, run.learning_rate, hyper.get("tau"), hyper.get("eta"))
            search = searches.setdefault((run.estimator, str(run.shape)), {})
            search.setdefault(point, []).append(run.run_id)
    out = []
    for place, points in searches.items():
        if not any(run_id in runs for ids in points.values() for run_id in ids):
            continue
        rows = [
            {
                **dict(zip(("estimator", "latent", *_POINT), (*place, *point), strict=True)),
                **_outcome([runs[run_id] for run_id in ids if run_id in runs]),
                "is_paper": _same(dict(zip(_POINT, point, strict=True)), paper.get(place)),
            }
            for point, ids in points.items()
        ]
        sound = [index for index, row in enumerate(rows) if _sound(row)]
        best = min(sound, key=lambda index: rows[index]["train_nelbo"], default=None)
        lowest = rows[best]["train_nelbo"] if best is not None else float("nan")
        out += [
            {**row, "is_best": index == best, "above_best": row["train_nelbo"] - lowest}
            for index, row in enumerate(rows)
        ]
    return pd.DataFrame(out, columns=list(_GRID))


def table5(config: Config, points: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Compare the paper's choices with ours: a row per estimator and shape of Table 5 or a search.

    `as_run` has the public code's settings if they differ from the paper's. `finished` counts the
    points whose seeds have all ended, `diverged` those with a diverged seed, `within_half` those
    within 0.5 nats of the best. `rank` is that of the paper's point; 1 is the best.

    Args:
        config: the configuration, for the planned searches.
        points: the result of `grid`.
        root: the project's folder.
    """
    paper = published_settings(root)
    run = published_settings(root, "as_run_hyperparameters")
    # Keep Table 5's estimators, which have a temperature; Figure 2's does not.
    run = {
        (paper_name(RUN, name), latent): own for (name, latent), own in run.items() if "tau" in own
    }
    changed = {
        place: in_words(own, _POINT) for place, own in run.items() if own != paper.get(place)
    }
    training = config.trainings.get("grid")
    planned = {
        (estimator, str(shape)): [
            {
                "optimizer": setting.optimizer,
                "learning_rate": setting.learning_rate,
                **dict(setting.hyper),
            }
            for setting in settings
        ]
        for (estimator, shape), settings in (training.settings.items() if training else ())
    }
    out = []
    for place in dict.fromkeys([*paper, *planned]):
        line: dict[str, Any] = dict(zip(("estimator", "latent"), place, strict=True))
        line["paper"] = in_words(paper[place], _POINT) if place in paper else ""
        line["as_run"] = changed.get(place, "")
        if training and place in planned:
            own = points[(points["estimator"] == place[0]) & (points["latent"] == place[1])]
            line["points"] = len(planned[place])
            line["in_grid"] = any(_same(setting, paper.get(place)) for setting in planned[place])
            line.update(_search(own, len(training.seeds)))
        out.append(line)
    counts = dict.fromkeys(("rank", "points", "finished", "diverged", "within_half"), "Int64")
    return pd.DataFrame(out, columns=list(_TABLE5)).astype(counts)


def _outcome(rows: list[pd.Series]) -> dict[str, Any]:
    dead = [bool(row["diverged"]) for row in rows]
    alive = [row for row, diverged in zip(rows, dead, strict=True) if not diverged]
    return {
        "seeds": len(alive),
        "diverged": sum(dead),
        **{
            name: float(np.mean([row[metric] for row in alive])) if alive else float("nan")
            for name, metric in _METRICS.items()
        },
    }


def _search(points: pd.DataFrame, seeds: int) -> dict[str, Any]:
    """Return the columns of Table 5 about our search."""
    sound = points[[_sound(row) for row in points.to_dict("records")]]
    line: dict[str, Any] = {
        "finished": int((points["seeds"] + points["diverged"] >= seeds).sum()),
        "diverged": int((points["diverged"] > 0).sum()),
    }
    if sound.empty:
        return line
    best = sound.iloc[int(sound["train_nelbo"].argmin())]
    line["best"], line["best_nelbo"] = in_words(best, _POINT), best["train_nelbo"]
    line["within_half"] = int((sound["train_nelbo"] <= best["train_nelbo"] + NEAR_NATS).sum())
    theirs = sound[sound["is_paper"].astype(bool)]
    if len(theirs):
        nelbo = theirs["train_nelbo"].iloc[0]
        line.update(paper_nelbo=nelbo, gap=nelbo - best["train_nelbo"])
        line["rank"] = 1 + int((sound["train_nelbo"] < nelbo).sum())
    return line


def _sound(row: Mapping[Any, Any]) -> bool:
    return bool(row["seeds"] > 0 and row["diverged"] == 0)


def _same(point: Mapping[str, Any], published: Mapping[str, Any] | None) -> bool:
    """Return whether a point has the published settings."""
    return published is not None and all(
        point[key] == value
        if isinstance(value, str)
        else bool(np.isclose(point[key], value, rtol=1e-9))
        for key, value in published.items()
    )
