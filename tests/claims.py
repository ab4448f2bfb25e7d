"""Claims and runs made up for tests of the judging functions."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims import Claim, Evidence, Verdict, judge
from reinrelax.claims.model import Minimum, Published

METRIC = "train_nelbo_nats"
EXACT = {
    "dataset": "mnist",
    "train_images": 60000,
    "test_images": 10000,
    "batch_size": 100,
    "epochs": 160,
    "draws": 100,
}
NUMBER = {"reproduced_within": 0.5, "near_within": 1.5, "level": 0.95, "published_seeds": 10}
ORDERING = {"reproduced_from": 0.95, "not_reproduced_to": 0.05, "level": 0.95}

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
            line = {"estimator": estimator, "latent": latent, "seed": seed, "diverged": seed in dead}
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


def number(mean: float = 100.0, plus_minus: float = 0.2, **changes: Any) -> Claim:
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
            **{"lower": ("ReinMax",), "places": ("8x4",), "published": Published(mean, plus_minus)},
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
            **{"judge": "every_below", "metric": METRIC, "rule": ORDERING, "minimum": Minimum(EXACT, 5, {})},
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
    return ordering(**{"judge": judge_name, "higher": (), "parameters": {"limit": limit}, **changes})
