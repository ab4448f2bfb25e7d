"""Figure 2: the train negative ELBO over β, the weight of the end points, and its minimum."""

from pathlib import Path

import numpy as np
import pandas as pd

from reinrelax.core import stats
from reinrelax.results.labels import AUTHORS, beside_authors, published, reference

PAPER = "about 0.5"
_METRIC = "train_nelbo_nats"


def figure2(ended: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return the mean over seeds after the last epoch, with the authors' at the same shape and β.

    There is a row per estimator, latent shape and β. The authors' numbers are from their public
    files.

    Args:
        ended: the ended runs of the experiment `beta`.
        root: the project's folder.
    """
    columns = ["estimator", "latent", "beta", "mean", "ci_low", "ci_high", "seeds", "diverged"]
    theirs = {
        (row["latent"], float(row["beta"])): published(row, "train")
        for row in reference(root, "authors_figure2")
    }
    out = []
    for (estimator, latent, beta), group in ended.groupby(
        ["estimator", "latent", "beta"], sort=False
    ):
        dead = group["diverged"].astype(bool)
        alive = group.loc[~dead, _METRIC]
        mean = stats.mean_interval(alive)
        counts = [int((~dead).sum()), int(dead.sum())]
        beside = beside_authors(alive, theirs.get((str(latent), float(group["beta"].iloc[0]))))
        out.append(
            [estimator, latent, beta, mean.estimate, mean.low, mean.high, *counts, *beside.values()]
        )
    return pd.DataFrame(out, columns=[*columns, *AUTHORS]).sort_values(
        ["latent", "estimator", "beta"], key=_planned, kind="stable", ignore_index=True
    )


def minimum(ended: pd.DataFrame) -> pd.DataFrame:
    """Return the β of the lowest mean, with its bootstrap interval: a row per estimator and shape.

    The bootstrap is over seeds. A seed that diverged at some β counts as infinitely high there; a
    seed that has not ended at every β is left out.
    """
    out = []
    for place, group in ended.groupby(["estimator", "latent"], sort=False):
        finite = group.assign(value=group[_METRIC].where(~group["diverged"].astype(bool), np.inf))
        curves = finite.pivot_table(
            index="seed", columns="beta", values="value", dropna=False
        ).dropna()
        lowest = stats.minimum_interval(curves.columns, curves)
        if np.isfinite(lowest.estimate):
            nelbo = float(curves[lowest.estimate].mean())
            out.append([*place, lowest.estimate, lowest.low, lowest.high, nelbo, PAPER])
    return pd.DataFrame(
        out, columns=["estimator", "latent", "beta", "low", "high", "nelbo", "paper"]
    )


def _planned(column: pd.Series) -> pd.Series:
    """Sort β by size, and names in planned order."""
    return column if column.name == "beta" else pd.Series(pd.factorize(column)[0], column.index)
