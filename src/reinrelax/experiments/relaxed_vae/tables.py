"""Paper A's VAEs: own losses, bounds of the discrete model, and other learned parameters."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd

from reinrelax import latents
from reinrelax.config.load import Config
from reinrelax.core import stats
from reinrelax.jobs.runs import cells
from reinrelax.latents.hyperparameters import HYPERPARAMETERS
from reinrelax.results.gather import TrainingResults, last_rows
from reinrelax.results.labels import in_words, labels
from reinrelax.results.pictures import Pictures
from reinrelax.results.read import pictures_of

HYPER = tuple(HYPERPARAMETERS)
# The columns of the cells' tables, by column of the report's table. `test` is the bound of the
# discrete model, `relaxed` the own loss on the test images, `train` the own loss during training.
_METRICS = {
    **{part: f"{part}_nelbo_nats" for part in ("train", "relaxed", "test")},
    **{f"test_{term}": f"test_{term}_nats" for term in ("reconstruction", "kl")},
}
_PLACE = ("latents", "label", "variant_of", "section", "latent")
_ENDS = tuple(
    f"{name}{end}" for name in (*_METRICS, "gap", "below_baseline") for end in ("", "_low", "_high")
)
_COLUMNS = (*_PLACE, "settings", *HYPER, "epochs", "seeds", "diverged", *_ENDS, "run_id", "seed")
_CURVES = (*_PLACE, "metric", "epoch", "mean", "ci_low", "ci_high", "seeds")
_LEARNED = (*_PLACE, "run_id", "seed", "quantity", "i", "j", "value")


def labelled(gathered: TrainingResults) -> TrainingResults:
    """Add a column `label` that tells settings of the same kind of latent variables apart."""
    return TrainingResults(gathered.rows.assign(label=labels(gathered.rows, HYPER)), gathered.plan)


def relaxations(gathered: TrainingResults, baseline: float) -> pd.DataFrame:
    """Return a row per method and setting: means over seeds after the last epoch, nats per image.

    All means have 95% intervals. `gap` is the own loss on test images minus the discrete bound,
    paired by seed; a negative gap means that the relaxation looks better than the discrete model.
    `below_baseline` is the difference between the bound of a decoder that ignores the code and the
    discrete bound. `run_id` and `seed` are those of the first seed, whose pictures are kept.

    Args:
        gathered: the result of `labelled`.
        baseline: nats per test image of a decoder that ignores the code; NaN if unknown.
    """
    out = []
    for _, rows in last_rows(gathered.rows).groupby(["latent", "label"], sort=False):
        alive = rows[~rows["diverged"].astype(bool)]
        values = {name: alive[column] for name, column in _METRICS.items()}
        values["gap"] = values["relaxed"] - values["test"]
        values["below_baseline"] = baseline - values["test"]
        line = {
            **_place(rows),
            "settings": in_words(rows.iloc[0]),
            **rows.sort_values("seed").iloc[0][["run_id", "seed", *HYPER]],
            **{
                "epochs": rows["epochs"].iloc[0],
                "seeds": len(alive),
                "diverged": len(rows) - len(alive),
            },
        }
        for name, column in values.items():
            mean = stats.mean_interval(column)
            line |= {name: mean.estimate, f"{name}_low": mean.low, f"{name}_high": mean.high}
        out.append(line)
    return pd.DataFrame(out, columns=list(_COLUMNS))


def curves(gathered: TrainingResults) -> pd.DataFrame:
    """Return the three bounds over epochs: means over seeds with intervals."""
    out = []
    for _, rows in gathered.rows.groupby(["latent", "label"], sort=False):
        for metric in ("train", "relaxed", "test"):
            wide = rows.pivot_table(
                index="epoch", columns="run_id", values=_METRICS[metric], dropna=False
            )
            mean, low, high, count = stats.mean_intervals(wide.to_numpy(dtype=float))
            part: dict[str, Any] = {**_place(rows), "metric": metric, "epoch": wide.index}
            part |= {"mean": mean, "ci_low": low, "ci_high": high, "seeds": count}
            out.append(pd.DataFrame(part))
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame(columns=list(_CURVES))


def learned(config: Config, gathered: TrainingResults) -> pd.DataFrame:
    """Return parameters learned besides the networks, a row per entry: R, η, λ, statistics of π.

    Quantities: `correlation` (i, j), `eta`, `tau`, and for binary latent variables `probability`,
    the mean of P(b_i = 1 | x) over test images, and `probability_share`, the share of all
    probabilities in the i-th twentieth of the unit interval.

    Raises:
        ResultsError: a file of pictures is damaged.
    """
    places = {str(key): _place(rows) for key, rows in gathered.rows.groupby("run_id", sort=False)}
    seeds = dict(zip(gathered.rows["run_id"], gathered.rows["seed"], strict=True))
    out = [
        {**places[run], "run_id": run, "seed": seeds[run], **entry}
        for content in stored(config, places)
        for run, entry in _entries(content)
        if run in places
    ]
    return pd.DataFrame(out, columns=list(_LEARNED))


def stored(config: Config, shown: Collection[str]) -> Iterator[Pictures]:
    """Yield what cells with any of these runs learned, as `results.pictures` describes it.

    As elsewhere in the report, the runs count regardless of their source.

    Raises:
        ResultsError: a file is damaged.
    """
    for cell in cells(config).values():
        if any(run.run_id in shown for run in cell.runs) and (
            found := pictures_of(config.folder, cell)
        ):
            yield found


def _entries(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    runs = [str(run) for run in content["run_ids"]]
    for quantity in ("correlation", "eta", "tau", "probability", "probability_share"):
        for run, values in zip(runs, content.get(quantity, ()), strict=False):
            for place, value in np.ndenumerate(values):
                i, j = (*place, None, None)[:2]
                yield run, {"quantity": quantity, "i": i, "j": j, "value": float(value)}


def _place(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    entry = latents.lookup(str(first["estimator"]))
    return {
        "latents": first["estimator"],
        "label": first["label"],
        "variant_of": entry.variant_of or "",
        "section": entry.section,
        "latent": first["latent"],
    }
