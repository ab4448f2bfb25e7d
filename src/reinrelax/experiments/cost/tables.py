"""Table 4: seconds per epoch of each estimator."""

from pathlib import Path

import pandas as pd

from reinrelax.core import stats
from reinrelax.results.labels import reference

COLUMNS = (
    *("estimator", "paper_seconds", "paper_ratio", "seconds", "seconds_low", "seconds_high"),
    *("ratio", "ratio_low", "ratio_high", "replicas", "batched_seconds", "batched_ratio"),
    *("rounds", "latent", "draws", "images"),
)
_UNIT = "STGS"


def table4(cost: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return seconds per epoch of 60,000 images, and ratios to STGS's, of the paper and ours.

    There is a row per estimator. Values are medians over rounds, with the fastest and slowest round
    as the interval. Ratios are taken within rounds, because the speed of the machine varies.
    `batched_` columns are per replica, with `replicas` trained together.
    """
    if cost.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    paper = {
        row["estimator"]: float(row["seconds"])
        for row in reference(root, "table4_seconds_per_epoch")
    }
    each = cost.assign(seconds=cost["seconds"] / cost["replicas"].astype(float))
    per_round = each.pivot_table(index="round", columns=["replicas", "estimator"], values="seconds")
    batch = int(cost["replicas"].max())
    out = []
    for estimator in dict.fromkeys([*paper, *cost["estimator"]]):
        own = cost[cost["estimator"] == estimator]
        seconds, ratio = _median(per_round, 1, estimator)
        batched, batched_ratio = (
            _median(per_round, batch, estimator) if batch > 1 else (_NONE, _NONE)
        )
        out.append(
            {
                "estimator": estimator,
                "paper_seconds": paper.get(estimator),
                "paper_ratio": paper[estimator] / paper[_UNIT] if estimator in paper else None,
                **_named("seconds", seconds),
                **_named("ratio", ratio),
                "replicas": batch if batch > 1 and len(own) else None,
                "batched_seconds": batched.estimate,
                "batched_ratio": batched_ratio.estimate,
                "rounds": own["round"].nunique(),
                **{
                    key: own[key].iloc[0] if len(own) else None
                    for key in ("latent", "draws", "images")
                },
            }
        )
    return pd.DataFrame(out, columns=list(COLUMNS)).astype(
        dict.fromkeys(("replicas", "draws", "images"), "Int64")
    )


_NONE = stats.median_interval([])


def _median(
    per_round: pd.DataFrame, replicas: int, estimator: str
) -> tuple[stats.Interval, stats.Interval]:
    """Return the seconds per replica, and their ratio to STGS's in the same round."""
    if (replicas, estimator) not in per_round:
        return _NONE, _NONE
    seconds = per_round[replicas, estimator]
    unit = per_round.get((replicas, _UNIT), pd.Series(float("nan"), per_round.index))
    return stats.median_interval(seconds.dropna()), stats.median_interval((seconds / unit).dropna())


def _named(name: str, interval: stats.Interval) -> dict[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
