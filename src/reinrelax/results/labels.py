"""Labels and settings in words, published settings, and means over seeds, for several tables."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reinrelax.core import stats
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS

HYPER = tuple(HYPERPARAMETERS)
_MORE = tuple(name for name in OF_LATENTS if name not in HYPERPARAMETERS)
_OPTIMIZER = ("optimizer", "learning_rate")
_SYMBOLS = {name: entry.symbol for name, entry in (HYPERPARAMETERS | OF_LATENTS).items()}
_REFERENCE = Path("report/reference")
# Columns on the authors' public results: their mean with its 95% interval, and our mean minus
# theirs with Welch's interval.
AUTHORS = (
    *("authors_mean", "authors_low", "authors_high", "authors_seeds"),
    *("difference", "difference_low", "difference_high"),
)
AUTHORS_INTERVAL = AUTHORS[:3]
# Mean, sample standard deviation and number of seeds.
Published = tuple[float, float, int]


def reference(root: Path, name: str) -> list[dict[str, str]]:
    """Read the rows of one of the paper's tables.

    Raises:
        ResultsError: the table is missing or damaged.
    """
    path = root / _REFERENCE / f"{name}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise ResultsError(
            f"{path}: cannot be read ({error}). Restore it from the repository"
        ) from None


def published_settings(
    root: Path, name: str = "table5_hyperparameters"
) -> dict[tuple[str, str], dict[str, Any]]:
    """Read Table 5: (estimator, latent) to optimizer, learning_rate and, where given, tau and eta.

    Args:
        root: the project's folder.
        name: name of the table; `as_run_hyperparameters` has the settings of runs that differ from
            the paper.
    """
    names = {"learning_rate": "learning_rate", "temperature": "tau", "eta": "eta"}
    return {
        (row["estimator"], row["latent"]): {
            "optimizer": row["optimizer"],
            **{name: float(row[key]) for key, name in names.items() if row[key]},
        }
        for row in reference(root, name)
    }


def published(row: Mapping[str, str], name: str) -> Published:
    """Return `<name>_mean`, `<name>_sd` and `seeds` of a row of the authors' summaries."""
    return float(row[f"{name}_mean"]), float(row[f"{name}_sd"]), int(row["seeds"])


def beside_authors(values: ArrayLike, theirs: Published | None) -> dict[str, Any]:
    """Return the columns `AUTHORS` of one row: the authors' public values, and ours minus theirs.

    Args:
        values: our values, one per seed; those that are not finite are left out.
        theirs: mean, sample standard deviation and number of their seeds; None if there are none.
    """
    if theirs is None or not np.isfinite(theirs[:2]).all():
        return dict.fromkeys(AUTHORS, np.nan)
    ours = np.asarray(values, dtype=float)
    interval = stats.interval_of(*theirs)
    difference = stats.difference_interval(ours[np.isfinite(ours)], *theirs)
    numbers = (interval.estimate, interval.low, interval.high, theirs[2])
    return dict(
        zip(AUTHORS, (*numbers, difference.estimate, difference.low, difference.high), strict=True)
    )


def in_words(
    setting: "Mapping[str, Any] | pd.Series[Any]",
    names: Sequence[str] = (*_OPTIMIZER, *HYPER, *_MORE),
) -> str:
    """Return the settings among `names` in words, such as `Adam, 0.0005, τ 1.0, η 1.5`."""

    def symbol(name: str) -> str:
        return _SYMBOLS.get(name, "" if name in _OPTIMIZER else name)

    words = [
        " ".join(filter(None, (symbol(name), _number(name, setting[name]))))
        for name in names
        if name in setting and pd.notna(setting[name])
    ]
    return ", ".join(words)


def labels(table: pd.DataFrame, names: Sequence[str] = HYPER) -> "pd.Series[str]":
    """Return a label per row that distinguishes settings.

    It is the estimator, followed by the settings of which the estimator has several values.
    """
    out = table["estimator"].astype(str)
    for estimator, group in table.groupby("estimator", sort=False):
        told = [name for name in names if len(group[name].unique()) > 1]
        for _, row in group[told].drop_duplicates().iterrows() if told else ():
            same = ((group[told] == row) | (group[told].isna() & row.isna())).all(axis=1)
            words = in_words(row, told)
            out[same.index[same.astype(bool)]] = (
                f"{estimator}, {words}" if words else str(estimator)
            )
    return out


def over_seeds(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the mean of `value` over seeds for each combination of `keys`.

    The result has `keys`, `value`, `low`, `high` and `seeds`. The interval is Student's for several
    seeds, and the row's own, if any, for a single seed. The mean of several p-values has no
    meaning: their result is the smallest one times their number (Bonferroni).

    Args:
        table: has `keys`, `seed`, `value`, and optionally `low` and `high`.
        keys: columns that distinguish rows apart from the seed.
    """
    keys = list(keys)
    if table.empty:
        return pd.DataFrame(columns=[*keys, "value", "low", "high", "seeds"])
    groups = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    seeds, _ = pd.factorize(table["seed"])
    values = np.full((groups.max() + 1, seeds.max() + 1), np.nan)
    values[groups, seeds] = table["value"].to_numpy(dtype=float)
    mean, low, high, count = stats.mean_intervals(values)
    out = table[keys].iloc[np.unique(groups, return_index=True)[1]].reset_index(drop=True)
    own = (
        table[["low", "high"]]
        if "low" in table
        else pd.DataFrame(np.nan, table.index, ["low", "high"])
    )
    own = own.groupby(groups).first()
    alone = count < 2
    out = out.assign(
        value=mean,
        low=np.where(alone, own["low"].to_numpy(dtype=float), low),
        high=np.where(alone, own["high"].to_numpy(dtype=float), high),
        seeds=count,
    )
    chance = (
        (out["quantity"] == "p_unbiased").to_numpy() & ~alone
        if "quantity" in out
        else np.zeros_like(alone)
    )
    if chance.any():
        smallest = np.nanmin(values[chance], axis=-1)
        out.loc[chance, "value"] = np.minimum(1.0, smallest * count[chance])
        out.loc[chance, ["low", "high"]] = np.nan
    return out


def _number(name: str, value: Any) -> str:
    return (
        str(value)
        if name == "optimizer"
        else f"{int(value)}"
        if name in ("draws", "samples", "k")
        else str(float(value))
    )
