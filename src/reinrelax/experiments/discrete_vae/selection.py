"""Table 5: the optimism of a mean that was selected for being the lowest, from the authors' search.

ReinMax-Rao's settings were selected by the mean train loss of the same seeds whose mean is printed.
Suppose the means found by the search are the true ones, and all seeds are drawn anew. The lowest of
the new means then lies below the true mean of its setting. The optimism is the expected distance.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_ndtr

from reinrelax.results.labels import in_words, reference

SEEDS = 10
# With a larger standard error some seed has not learned, and means are not normally distributed.
_MOST_ERROR_NATS = 1.0
_STEPS = 4_000
_COLUMNS = (
    *("latent", "searched", "left_out", "best", "mean", "plus_minus", "second", "second_mean"),
    *("rivals", "optimism", "chosen_again"),
)


def selection(root: Path) -> pd.DataFrame:
    """Return a row per latent shape of the authors' public search for ReinMax-Rao; nats per image.

    `searched` counts the settings with all seeds and a standard error of at most a nat, `left_out`
    the others. `plus_minus` is the standard error as the paper prints it. `rivals` counts the
    settings less than two standard errors of the difference above the best. `chosen_again` is the
    probability that the same setting would be chosen again.
    """
    table = pd.DataFrame(reference(root, "authors_reinmax_rao_grid"))
    numbers = ["learning_rate", "temperature", "seeds", "train_mean", "train_se"]
    table = table.astype(dict.fromkeys(numbers, float)).rename(columns={"temperature": "tau"})
    return pd.DataFrame(
        [_row(str(name), rows) for name, rows in table.groupby("latent")], columns=_COLUMNS
    )


def _row(latent: str, rows: pd.DataFrame) -> dict[str, Any]:
    kept = rows[(rows["seeds"] == SEEDS) & (rows["train_se"] <= _MOST_ERROR_NATS)].sort_values(
        "train_mean"
    )
    first, second = kept.iloc[0], kept.iloc[1]
    means = kept["train_mean"].to_numpy()
    # The printed standard error uses the population's deviation; √(n − 1) instead of √n corrects
    # it.
    errors = kept["train_se"].to_numpy() * (SEEDS / (SEEDS - 1)) ** 0.5
    lowest, chance = optimism(means, errors)
    apart = (means - means[0]) / np.hypot(errors, errors[0])
    return {
        **{"latent": latent, "searched": len(kept), "left_out": len(rows) - len(kept)},
        **{"best": in_words(first), "mean": first["train_mean"], "plus_minus": first["train_se"]},
        **{"second": in_words(second), "second_mean": second["train_mean"]},
        **{
            "rivals": int((apart[1:] < 2).sum()),
            "optimism": lowest,
            "chosen_again": float(chance[0]),
        },
    }


def optimism(
    means: NDArray[np.float64], errors: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return how far the lowest of independent normal means is expected to lie below its true mean.

    This is Σ_k ∫ (μ_k − x) φ_k(x) Π_{j≠k} (1 − Φ_j(x)) dx, by the trapezoid rule.

    Args:
        means: true means μ, `[n]`.
        errors: standard errors, `[n]`, positive.

    Returns:
        The optimism, and the probability that each is the lowest, `[n]`.
    """
    ends = (means - 8 * errors).min(), (means + 8 * errors).min()
    x = np.linspace(*ends, _STEPS + 1)[:, None]
    z = (x - means) / errors
    above = log_ndtr(-z)
    density = np.exp(-(z**2) / 2 + above.sum(1, keepdims=True) - above) / (
        errors * (2 * np.pi) ** 0.5
    )
    chance = np.trapezoid(density, x, axis=0)
    below = np.trapezoid(density * (means - x), x, axis=0)
    return float(below.sum()), chance
