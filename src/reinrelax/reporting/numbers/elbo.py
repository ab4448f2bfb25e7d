"""Tables 2 and 3 judged, and the curves of Figures 3 and 4."""

from itertools import product
from typing import Any

import pandas as pd

from reinrelax import stats
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.model import METRICS, Verdict
from reinrelax.config import Config
from reinrelax.reporting.gather import Gathered

NO_NUMBER = "the paper has no number for it"


def judged_table(config: Config, evidence: Evidence, verdicts: list[Verdict], metric: str) -> pd.DataFrame:
    """Paper, ours, Δ and verdict: one row an estimator and latent shape, of paper or configuration."""
    numbers = {
        (v.claim.lower[0], v.claim.places[0]): v
        for v in verdicts
        if v.claim.published and v.claim.metric == metric
    }
    estimators = dict.fromkeys([*(e for e, _ in numbers), *config.trainings["elbo"].estimators])
    latents = dict.fromkeys([*(s for _, s in numbers), *map(str, config.trainings["elbo"].latent_shapes)])
    lines = []
    for place in ((estimator, latent) for estimator in estimators for latent in latents):
        values = evidence.values(place, metric)
        ours = stats.mean_interval(list(values.values()))
        line: dict[str, Any] = {
            "estimator": place[0],
            "latent": place[1],
            **dict.fromkeys(("paper_mean", "paper_plus_minus")),
            "mean": ours.estimate,
            "ci_low": ours.low,
            "ci_high": ours.high,
            "seeds": len(values),
            "diverged": len(evidence.diverged(place)),
            **dict.fromkeys(("difference", "difference_low", "difference_high")),
            "verdict": "",
            "reason": NO_NUMBER,
        }
        if place in numbers:
            line.update(_judged(numbers[place]))
        lines.append(line)
    return pd.DataFrame(lines)


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
    published = verdict.claim.published
    return {
        "paper_mean": published.mean if published else None,
        "paper_plus_minus": published.plus_minus if published else None,
        "difference": verdict.effect,
        "difference_low": verdict.low,
        "difference_high": verdict.high,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
    }
