"""Claims and runs made up for tests of the judging functions."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims import Claim, Evidence, Measurements, Verdict, judge
from reinrelax.claims.model import Minimum, PrintedNumber
from reinrelax.claims.queries import Query

METRIC = "train_nelbo_nats"
EXACT = {
    "dataset": "mnist",
    "train_images": 60000,
    "test_images": 10000,
    "batch_size": 100,
    "epochs": 160,
    "draws": 100,
}
NUMBER = {"reproduced_within": 0.5, "near_within": 1.5, "level": 0.95}
PRINTED = {"reproduced_within": 0.25, "near_within": 0.75, "level": 0.95}
ORDERING = {"reproduced_from": 0.95, "not_reproduced_to": 0.05}

Values = dict[tuple[str, str], Collection[float]]


def evidence(
    values: Values,
    *,
    diverged: dict[tuple[str, str], Collection[int]] | None = None,
    planned: int | None = None,
    **facts: Any,
) -> Evidence:
    """Runs at the paper's scale that arrive at these values, one a seed; NaN for a diverged one."""
    runs, plan = [], []
    for (estimator, latent), numbers in values.items():
        dead = (diverged or {}).get((estimator, latent), ())
        for seed, value in enumerate(numbers):
            ends = np.nan if seed in dead else value
            line = {
                "estimator": estimator,
                "latent": latent,
                "seed": seed,
                "diverged": seed in dead,
            }
            settings = {"optimizer": "Adam", "learning_rate": 0.0005, "tau": 1.3, "eta": np.nan}
            runs.append({**EXACT, **settings, **line, METRIC: ends, **facts})
        plan.append(
            {
                "estimator": estimator,
                "latent": latent,
                "state": "done",
                "message": "",
                "planned_seeds": planned or len(numbers),
            }
        )
    return Evidence(pd.DataFrame(runs), pd.DataFrame(plan))


def number(mean: float = 100.0, plus_minus: float = 0.06, **changes: Any) -> Claim:
    return Claim(
        **{
            **{
                "id": "n",
                "paper": "p",
                "subject": "trainings",
                "place": "t",
                "statement": "s",
                "type": "number",
                "judge": "number",
            },
            **{"metric": METRIC, "rule": NUMBER, "minimum": Minimum(EXACT, 5, {})},
            **{
                "lower": ("ReinMax",),
                "places": ("8x4",),
                "published": PrintedNumber(mean, plus_minus, 10),
            },
            **changes,
        }
    )


def ordering(**changes: Any) -> Claim:
    return Claim(
        **{
            **{
                "id": "o",
                "paper": "p",
                "subject": "trainings",
                "place": "t",
                "statement": "s",
                "type": "ordering",
            },
            **{
                "judge": "every_below",
                "metric": METRIC,
                "rule": ORDERING,
                "minimum": Minimum(EXACT, 5, {}),
            },
            **{"lower": ("ReinMax",), "higher": ("ST",), "places": ("8x4",)},
            **changes,
        }
    )


def spread(mean: float, count: int = 10, std: float = 0.2, seed: int = 0) -> list[float]:
    """Values with exactly this mean and standard deviation."""
    values = np.random.default_rng(seed).normal(size=count)
    values = (values - values.mean()) / values.std(ddof=1)
    return (mean + std * values).tolist()


def verdict(claim: Claim, values: Values, **changes: Any) -> Verdict:
    return judge(claim, evidence(values, **changes))


def threshold(judge_name: str, limit: float, **changes: Any) -> Claim:
    return ordering(
        **{"judge": judge_name, "higher": (), "parameters": {"limit": limit}, **changes}
    )


def measured(rows: list[dict[str, Any]], **plan: Any) -> Measurements:
    """One collected table `t` that one finished job `study` filled."""
    job = {
        "job": "study",
        "experiment": "study",
        "state": "done",
        "message": "",
        "estimator": "",
        "latent": "",
    }
    return Measurements(
        {"t": pd.DataFrame(rows)}, {}, {"t": "study"}, pd.DataFrame([{**job, **plan}])
    )


def claimed(judge_name: str, *, query: dict[str, Any] | None = None, **changes: Any) -> Claim:
    """A claim on the table `t`."""
    names = {"id": "m", "paper": "p", "place": "t", "statement": "s", "type": "ordering"}
    return Claim(
        **{
            **{
                **names,
                "subject": "measurements",
                "judge": judge_name,
                "rule": {**ORDERING, **PRINTED},
            },
            **{"minimum": Minimum({}, 0, {}), "query": Query(**{"table": "t", **(query or {})})},
            **changes,
        }
    )


def estimate(value: float, error: float = 1.0, **columns: Any) -> dict[str, Any]:
    """A row with its 95% interval."""
    return {**columns, "value": value, "low": value - 1.96 * error, "high": value + 1.96 * error}
