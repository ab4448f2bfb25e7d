"""Tables 2 and 3 with verdicts, as printed and as run, and the curves of Figures 3 and 4."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd

from reinrelax.claims.evidence import Evidence
from reinrelax.claims.model import METRICS, Verdict
from reinrelax.config.load import AS_RUN, Config
from reinrelax.core import stats
from reinrelax.estimators import lookup
from reinrelax.results.gather import TrainingResults

NO_NUMBER = "the paper has no number for it"
# The estimator that all others are compared with, paired by seed: runs of the same seed have the
# same initial values and order of images.
BASE = "ReinMax"
PAIRED = ("to_base", "to_base_low", "to_base_high")
# The names in the tables for methods as printed and as run, and the subjects of the claims about
# them.
PRINTED, RUN = "as printed", "as run"
SUBJECTS = {PRINTED: "trainings", RUN: "trainings as run"}
METHODS = {PRINTED: "", RUN: AS_RUN}


def method_of(experiment: str) -> str:
    """Return whether the trainings of an experiment are as printed or as run."""
    return RUN if experiment.endswith(AS_RUN) else PRINTED


def paper_name(method: str, estimator: str) -> str:
    """Return the paper's name of an estimator: `ReinMax-CV-run` is its ReinMax-CV."""
    return (lookup(estimator).variant_of if method == RUN else None) or estimator


def judged_table(
    config: Config,
    evidence: Mapping[str, Evidence],
    verdicts: list[Verdict],
    metric: str,
) -> pd.DataFrame:
    """Return the paper's number, ours, Δ and the verdict, for the paper's and the planned cells.

    There is a row per estimator, method and latent shape. `to_base` is the mean over seeds of the
    difference from ReinMax as printed, with its 95% interval. `claim` and `job` name the claim of
    the verdict and the cell that is judged.

    Args:
        config: the configuration, for the planned cells.
        evidence: by subject.
        verdicts: of all claims.
        metric: of the table.
    """
    lines: list[dict[str, Any]] = []
    for method, subject in SUBJECTS.items():
        numbers = {
            (v.claim.lower[0], v.claim.places[0]): v
            for v in verdicts
            if v.claim.judge == "number" and v.claim.metric == metric and v.claim.subject == subject
        }
        for place in _places(config, method, list(numbers)):
            name = paper_name(method, place[0])
            line = _line(evidence[subject], place, metric) | {"estimator": name, "method": method}
            if place[0] != BASE:
                ours, base = evidence[subject].values(place, metric), evidence[SUBJECTS[PRINTED]]
                line.update(_paired(ours, base.values((BASE, place[1]), metric)))
            if place in numbers:
                line.update(_judged(numbers[place]))
            lines.append(line)
    names = list(dict.fromkeys(str(line["estimator"]) for line in lines))
    lines.sort(key=lambda line: names.index(str(line["estimator"])))
    return pd.DataFrame(lines)


def _places(config: Config, method: str, judged: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return estimators and shapes: all combinations as printed, or those that differ as run."""
    training = config.trainings.get(f"elbo{METHODS[method]}")
    planned = [(name, str(shape)) for name, shape in training.settings] if training else []
    places = list(dict.fromkeys([*judged, *planned]))
    if method == RUN:
        return places
    return list(product(*(dict.fromkeys(names) for names in zip(*places, strict=True))))


def _line(evidence: Evidence, place: tuple[str, str], metric: str) -> dict[str, Any]:
    values = evidence.values(place, metric)
    ours = stats.mean_interval(list(values.values()))
    return {
        "estimator": place[0],
        "method": "",
        "latent": place[1],
        **dict.fromkeys(("paper_mean", "paper_plus_minus", "paper_seeds", "paper_spread")),
        "mean": ours.estimate,
        "ci_low": ours.low,
        "ci_high": ours.high,
        "seeds": len(values),
        "diverged": len(evidence.diverged(place)),
        **dict.fromkeys(("difference", "difference_low", "difference_high", *PAIRED)),
        "verdict": "",
        "reason": NO_NUMBER,
        "claim": "",
        # A cell in several parts is represented by the first.
        "job": next(iter(evidence.jobs([place])), ""),
    }


def _paired(ours: Mapping[int, float], base: Mapping[int, float]) -> dict[str, float]:
    found = stats.mean_interval(
        [value - base[seed] for seed, value in ours.items() if seed in base]
    )
    return dict(zip(PAIRED, (found.estimate, found.low, found.high), strict=True))


def curves(gathered: TrainingResults) -> pd.DataFrame:
    """Return means over seeds with intervals: a row per metric, shape, estimator and epoch."""
    groups = dict(list(gathered.rows.groupby(["latent", "estimator"], sort=False)))
    latents, estimators = (dict.fromkeys(gathered.plan[name]) for name in ("latent", "estimator"))
    parts = []
    for place, metric in product(product(latents, estimators), METRICS):
        if place in groups:
            wide = groups[place].pivot_table(
                index="epoch", columns="run_id", values=metric, dropna=False
            )
            mean, low, high, count = stats.mean_intervals(wide.to_numpy(dtype=float))
            part = {
                "metric": metric,
                "latent": place[0],
                "estimator": place[1],
                "epoch": wide.index,
                "mean": mean,
                "ci_low": low,
                "ci_high": high,
                "seeds": count,
            }
            parts.append(pd.DataFrame(part))
    if not parts:
        return pd.DataFrame(
            columns=["metric", "latent", "estimator", "epoch", "mean", "ci_low", "ci_high", "seeds"]
        )
    return pd.concat(parts, ignore_index=True)


def _judged(verdict: Verdict) -> dict[str, Any]:
    """Return the columns of a verdict. The paper's ± is a standard error: a spread over √seeds."""
    published = verdict.claim.published
    assert published is not None
    return {
        "paper_mean": published.mean,
        "paper_plus_minus": published.plus_minus,
        "paper_seeds": published.seeds,
        "paper_spread": round(math.sqrt(published.seeds) * published.plus_minus, 4),
        "difference": verdict.effect,
        "difference_low": verdict.low,
        "difference_high": verdict.high,
        "verdict": verdict.verdict,
        "claim": verdict.claim.id,
        "reason": verdict.reason,
    }
