"""Tables 2 and 3 judged, as printed and as run, and the curves of Figures 3 and 4."""

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
from reinrelax.results.gather import Gathered

NO_NUMBER = "the paper has no number for it"
# What all others are held against, seed by seed, since runs of one seed start alike and see the same images.
BASE = "ReinMax"
PAIRED = ("to_base", "to_base_low", "to_base_high")
# Of an experiment and of what the authors ran differently: what the tables call it, and the claims' subject.
PRINTED, RUN = "as printed", "as run"
SUBJECTS = {PRINTED: "trainings", RUN: "trainings as run"}
METHODS = {PRINTED: "", RUN: AS_RUN}


def method_of(experiment: str) -> str:
    """Whether an experiment's trainings are as printed or as run."""
    return RUN if experiment.endswith(AS_RUN) else PRINTED


def paper_name(method: str, estimator: str) -> str:
    """The paper's name of an estimator: what is run as `ReinMax-CV-run` is the paper's ReinMax-CV."""
    return (lookup(estimator).variant_of if method == RUN else None) or estimator


def judged_table(
    config: Config,
    evidence: Mapping[str, Evidence],
    verdicts: list[Verdict],
    metric: str,
) -> pd.DataFrame:
    """Paper, ours, Δ and verdict: one row an estimator, method and latent shape, of paper or configuration.

    `to_base` is the mean over seeds of the difference from ReinMax as printed, with its 95% interval.
    `claim` and `job` name the claim that the verdict is of and the cell that is judged.

    Args:
        config: says what is planned.
        evidence: by subject.
        verdicts: of all claims.
        metric: the table's.
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
    """Estimators and latent shapes: what is printed in all combinations, what was run where it differs."""
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
        # Of a cell in parts, the first stands for all.
        "job": next(iter(evidence.jobs([place])), ""),
    }


def _paired(ours: Mapping[int, float], base: Mapping[int, float]) -> dict[str, float]:
    found = stats.mean_interval([value - base[seed] for seed, value in ours.items() if seed in base])
    return dict(zip(PAIRED, (found.estimate, found.low, found.high), strict=True))


def curves(gathered: Gathered) -> pd.DataFrame:
    """Mean over seeds and its interval, in planned order: one row a metric, shape, estimator and epoch."""
    groups = dict(list(gathered.rows.groupby(["latent", "estimator"], sort=False)))
    latents, estimators = (dict.fromkeys(gathered.plan[name]) for name in ("latent", "estimator"))
    parts = []
    for place, metric in product(product(latents, estimators), METRICS):
        if place in groups:
            wide = groups[place].pivot_table(index="epoch", columns="run_id", values=metric, dropna=False)
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
    """The paper's ± is a standard error: times the root of its seeds, the spread of one."""
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
