"""The first epochs of Tables 2 and 3, compared with the curves of the authors' public seeds."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims.model import METRICS
from reinrelax.core import stats
from reinrelax.experiments.discrete_vae.elbo import method_of, paper_name
from reinrelax.results.gather import TrainingResults
from reinrelax.results.labels import reference

PUBLIC = "public code"
_PARTS = dict(zip(("train", "test"), METRICS, strict=True))
_CELL = ("estimator", "method", "latent")
_DIFFERENCE = ("difference", "difference_low", "difference_high")
_RATIO = ("spread_ratio", "spread_ratio_low", "spread_ratio_high")
_COMPARED = (
    *("metric", *_CELL, "epoch", "mean", "ci_low", "ci_high", "sd", "seeds", "diverged"),
    *("authors_mean", "authors_sd", "authors_seeds", *_DIFFERENCE, *_RATIO),
)
_CURVES = ("metric", "estimator", "latent", "series", "epoch", "mean", "ci_low", "ci_high", "seeds")
_LAST = ("mean", "authors_mean", *_DIFFERENCE, *_RATIO)
# (metric, value) to the column of the table.
LAST = {(part, name): f"{part}_{name}" for part in _PARTS for name in _LAST}

# (estimator, latent shape) to epoch to the row of the public results.
Authors = Mapping[tuple[str, str], Mapping[int, Mapping[str, float]]]


def authors(root: Path) -> Authors:
    """Read the mean and standard deviation over the authors' seeds, nats per image.

    Raises:
        ResultsError: the table is missing or damaged.
    """
    out: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for row in reference(root, "authors_curves"):
        values = {
            name: float(row[name]) for name in row if name.endswith(("_mean", "_sd", "seeds"))
        }
        out.setdefault((row["estimator"], row["latent"]), {})[int(row["epoch"])] = values
    return out


def early(begun: TrainingResults, theirs: Authors) -> pd.DataFrame:
    """Compare ours with theirs: a row per metric, cell and epoch of the public results.

    `difference` is that of the means, with Welch's 95% interval; `spread_ratio` is that of the
    standard deviations, with the F interval, which assumes normal seeds. Without a public curve,
    only our columns are filled.

    Args:
        begun: the experiment `early`, as printed and as run.
        theirs: the result of `authors`.
    """
    epochs = {epoch for curve in theirs.values() for epoch in curve}
    lines = []
    for place, part, values in _values(begun):
        curve = theirs.get((place["estimator"], place["latent"]), {})
        dead = int((~np.isfinite(values.iloc[-1])).sum())
        for epoch in sorted(epochs & set(values.index)):
            row = values.loc[epoch].to_numpy(dtype=float)
            row = row[np.isfinite(row)]
            ours = stats.mean_interval(row)
            line = {
                **{"metric": part, **place, "epoch": epoch},
                **{"mean": ours.estimate, "ci_low": ours.low, "ci_high": ours.high},
                **{
                    "sd": row.std(ddof=1) if len(row) > 1 else np.nan,
                    "seeds": len(row),
                    "diverged": dead,
                },
            }
            lines.append(line | (_compared(row, curve[epoch], part) if epoch in curve else {}))
    table = pd.DataFrame(lines, columns=list(_COMPARED))
    return table.astype({"authors_seeds": "Int64"})


def last(compared: pd.DataFrame) -> pd.DataFrame:
    """Return a row per cell: training and test images at the last epoch compared.

    Args:
        compared: the result of `early`.
    """
    lines = []
    for place, rows in compared.groupby(list(_CELL), sort=False):
        end = rows[rows["epoch"] == rows["epoch"].max()].set_index("metric")
        first = end.iloc[0]
        line = {**dict(zip(_CELL, place, strict=True)), "epoch": first["epoch"]}
        line |= {name: first[name] for name in ("seeds", "diverged", "authors_seeds")}
        lines.append(line | {column: end[name].get(part) for (part, name), column in LAST.items()})
    names = [*_CELL, "epoch", "seeds", "diverged", "authors_seeds", *LAST.values()]
    return pd.DataFrame(lines, columns=names).astype({"authors_seeds": "Int64"})


def curves(begun: TrainingResults, theirs: Authors) -> pd.DataFrame:
    """Return means over seeds with 95% intervals: ours at every epoch, theirs up to our last one.

    The column `series` is `as printed`, `as run` or `public code`.
    """
    parts: list[pd.DataFrame] = []
    ends: dict[tuple[str, str, str], int] = {}
    for place, part, values in _values(begun):
        mean, low, high, count = stats.mean_intervals(values.to_numpy(dtype=float))
        own: dict[str, Any] = {
            "metric": part,
            "estimator": place["estimator"],
            "latent": place["latent"],
        }
        own |= {"series": place["method"], "epoch": values.index}
        parts.append(
            pd.DataFrame({**own, "mean": mean, "ci_low": low, "ci_high": high, "seeds": count})
        )
        key = (part, place["estimator"], place["latent"])
        ends[key] = max(ends.get(key, 0), int(values.index.max()))
    for (part, estimator, latent), end in ends.items():
        shown = [
            {
                **{"metric": part, "estimator": estimator, "latent": latent, "series": PUBLIC},
                **{"epoch": epoch, "seeds": int(row["seeds"]), **_interval(row, part)},
            }
            for epoch, row in theirs.get((estimator, latent), {}).items()
            if epoch <= end
        ]
        if shown:
            parts.append(pd.DataFrame(shown))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.reindex(columns=list(_CURVES))


def _values(begun: TrainingResults) -> Iterator[tuple[dict[str, str], str, pd.DataFrame]]:
    """Yield each cell in planned order, `train` or `test`, and the values by epoch and run."""
    groups = dict(list(begun.rows.groupby(["experiment", "estimator", "latent"], sort=False)))
    planned = (
        begun.plan[["experiment", "estimator", "latent"]].drop_duplicates().itertuples(index=False)
    )
    for key, (part, metric) in product(map(tuple, planned), _PARTS.items()):
        if key in groups:
            experiment, estimator, latent = key
            method = method_of(experiment)
            place = {"estimator": paper_name(method, estimator), "method": method, "latent": latent}
            wide = groups[key].pivot_table(
                index="epoch", columns="run_id", values=metric, dropna=False
            )
            yield place, part, wide


def _compared(
    ours: "np.ndarray[Any, Any]", theirs: Mapping[str, float], part: str
) -> dict[str, float]:
    mean, sd, count = theirs[f"{part}_mean"], theirs[f"{part}_sd"], int(theirs["seeds"])
    difference = stats.difference_interval(ours, mean, sd, count)
    ratio = stats.spread_ratio_interval(ours, sd, count)
    ends = [(found.estimate, found.low, found.high) for found in (difference, ratio)]
    return {
        **{"authors_mean": mean, "authors_sd": sd, "authors_seeds": count},
        **dict(zip((*_DIFFERENCE, *_RATIO), (*ends[0], *ends[1]), strict=True)),
    }


def _interval(row: Mapping[str, float], part: str) -> dict[str, float]:
    found = stats.interval_of(row[f"{part}_mean"], row[f"{part}_sd"], int(row["seeds"]))
    return {"mean": found.estimate, "ci_low": found.low, "ci_high": found.high}
