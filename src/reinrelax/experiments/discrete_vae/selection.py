"""Table 5: how optimistic a mean is that was chosen for being the lowest, by the authors' own search.

ReinMax-Rao's settings were chosen by the mean train loss of the very seeds whose mean is then printed. Were
the means that a search found the true ones, and all seeds drawn anew, the lowest of the new means would lie
below the true mean of the setting that has it: by how much on average is the optimism.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_ndtr

from reinrelax.results.labels import in_words, reference

SEEDS = 10
# Above it some seed has not learned, and means are not distributed normally.
_MOST_ERROR_NATS = 1.0
_STEPS = 4_000
_COLUMNS = (
    *("latent", "searched", "left_out", "best", "mean", "plus_minus", "second", "second_mean"),
    *("rivals", "optimism", "chosen_again"),
)


def selection(root: Path) -> pd.DataFrame:
    """One row a latent shape of ReinMax-Rao's search in the authors' public files; nats per image.

    `searched` are the settings with all seeds and a standard error of at most a nat, `left_out` the others;
    `plus_minus` is the standard error as the paper prints it, `rivals` the settings less than two standard
    errors of the difference above the best, `chosen_again` the probability that the same one would be chosen.
    """
    table = pd.DataFrame(reference(root, "authors_reinmax_rao_grid"))
    numbers = ["learning_rate", "temperature", "seeds", "train_mean", "train_se"]
    table = table.astype(dict.fromkeys(numbers, float)).rename(columns={"temperature": "tau"})
    return pd.DataFrame([_row(str(name), rows) for name, rows in table.groupby("latent")], columns=_COLUMNS)


def _row(latent: str, rows: pd.DataFrame) -> dict[str, Any]:
    kept = rows[(rows["seeds"] == SEEDS) & (rows["train_se"] <= _MOST_ERROR_NATS)].sort_values("train_mean")
    first, second = kept.iloc[0], kept.iloc[1]
    means = kept["train_mean"].to_numpy()
    # The printed standard error is that of the population: √(n − 1) in the place of √n makes it a sample's.
    errors = kept["train_se"].to_numpy() * (SEEDS / (SEEDS - 1)) ** 0.5
    lowest, chance = optimism(means, errors)
    apart = (means - means[0]) / np.hypot(errors, errors[0])
    return {
        **{"latent": latent, "searched": len(kept), "left_out": len(rows) - len(kept)},
        **{"best": in_words(first), "mean": first["train_mean"], "plus_minus": first["train_se"]},
        **{"second": in_words(second), "second_mean": second["train_mean"]},
        **{"rivals": int((apart[1:] < 2).sum()), "optimism": lowest, "chosen_again": float(chance[0])},
    }


def optimism(means: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """What the lowest of independent normal means is expected to lie below its own true mean.

    Σ_k ∫ (μ_k − x) φ_k(x) Π_{j≠k} (1 − Φ_j(x)) dx, by the trapezoid rule.

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
    density = np.exp(-(z**2) / 2 + above.sum(1, keepdims=True) - above) / (errors * (2 * np.pi) ** 0.5)
    chance = np.trapezoid(density, x, axis=0)
    below = np.trapezoid(density * (means - x), x, axis=0)
    return float(below.sum()), chance
