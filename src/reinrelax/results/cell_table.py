"""The tidy table of a cell, with one row per run and epoch, and the finished runs in it."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reinrelax.config.run import Run, in_words
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS as OF_ESTIMATORS
from reinrelax.latents.hyperparameters import HYPERPARAMETERS as OF_LATENTS
from reinrelax.results.finished import Finished

_RUN = (
    "run_id",
    "experiment",
    "dataset",
    "train_images",
    "test_images",
    "categories",
    "latents",
    "estimator",
)
_SETTING = (
    "optimizer",
    "learning_rate",
    "batch_size",
    "products",
    "epochs",
    "seed",
    "status",
    "epoch",
)
# Significant digits of a metric. All 17 of a float64 would double the size of the published tables.
_DIGITS = 10
_TERMS = ("nelbo", "reconstruction", "kl")
_RESULT = "_nats"
# Fields of a record that say how its job was computed.
ORIGIN = (
    *("commit", "source_hash", "host", "processor", "device", "threads", "started"),
    *("python", "torch", "numpy"),
)


def results(metrics: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return the result columns of a table, rounded as in the table.

    The negative ELBO of a part of the images is the sum of its two terms.

    Args:
        metrics: values by name of the metric, in nats per image.
    """
    parts = [name.removesuffix("_kl") for name in metrics if name.endswith("_kl")]
    sums = {
        f"{part}_nelbo": [
            a + b
            for a, b in zip(metrics[f"{part}_reconstruction"], metrics[f"{part}_kl"], strict=True)
        ]
        for part in parts
    }
    named = [f"{part}_{term}" for part in parts for term in _TERMS]
    values = {**sums, **metrics}
    return {f"{name}{_RESULT}": [float(_text(value)) for value in values[name]] for name in named}


def hyper_columns(experiment: str) -> tuple[str, ...]:
    """Return the hyper-parameters that tables have columns for.

    Paper A's tables have paper B's columns as well, so that the tables can be joined.
    """
    return tuple(OF_ESTIMATORS | (OF_LATENTS if experiment == "relaxations" else {}))


def to_csv(runs: Sequence[Run], done: Mapping[str, Finished]) -> str:
    """Return the table of finished runs, given by run_id, as CSV in the order of `runs`."""
    hyper_names = hyper_columns(runs[0].experiment)
    buffer = io.StringIO()
    names = list(done[runs[0].run_id].results)
    own = {"hidden": units} if (units := in_words(runs[0].hidden)) else {}
    columns = [*_RUN, *hyper_names, *own, *_SETTING, *names]
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    for run in runs:
        entry, hyper = done[run.run_id], dict(run.hyper)
        shared = {
            "run_id": run.run_id,
            "experiment": run.experiment,
            "dataset": entry.dataset["name"],
            "train_images": entry.dataset["train_images"],
            "test_images": entry.dataset["test_images"],
            "categories": run.shape.categories,
            "latents": run.shape.latents,
            "estimator": run.estimator,
            **{name: hyper.get(name) for name in hyper_names},
            **own,
            "optimizer": run.optimizer,
            "learning_rate": run.learning_rate,
            "batch_size": run.batch_size,
            "products": run.products,
            "epochs": run.epochs,
            "seed": run.seed,
        }
        for epoch, values in enumerate(zip(*entry.results.values(), strict=True), 1):
            status = "diverged" if entry.diverged and epoch >= entry.diverged else "ok"
            numbers = {
                name: _text(value) for name, value in zip(entry.results, values, strict=True)
            }
            writer.writerow({**shared, "status": status, "epoch": epoch, **numbers})
    return buffer.getvalue()


def from_table(table: pd.DataFrame, record: Mapping[str, Any]) -> dict[str, Finished]:
    """Return the finished runs in a table with this provenance record, by run_id.

    Raises:
        KeyError, ValueError, TypeError: the table or record is not of this form.
    """
    names = [str(name) for name in table.columns if str(name).endswith(_RESULT)]
    sha256 = dict(record.get("dataset") or {}).get("sha256", "")
    found = {}
    for run_id, rows in table.groupby("run_id", sort=False):
        rows = rows.sort_values("epoch")
        ended = rows.loc[rows["status"] == "diverged", "epoch"]
        dataset = {name: rows[name].iloc[0] for name in ("train_images", "test_images")}
        found[str(run_id)] = Finished(
            {name: rows[name].astype(float).tolist() for name in names},
            int(ended.iloc[0]) if len(ended) else 0,
            {
                "name": str(rows["dataset"].iloc[0]),
                **{k: int(v) for k, v in dataset.items()},
                "sha256": sha256,
            },
            origin_of(record, str(run_id)),
        )
    return found


def origin_of(record: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Return how a run was computed, from the record of a table that contains it."""
    reused = record.get("reused", {})
    own = len(record.get("run_ids", (run_id,))) - len(reused)
    shared = {name: record[name] for name in ORIGIN if name in record}
    wall_seconds = 0.0 if run_id in reused else record["wall_seconds"] / max(own, 1)
    return {"threads": 1, "wall_seconds": wall_seconds, **shared, **reused.get(run_id, {})}


def _text(value: float) -> str:
    return f"{value:.{_DIGITS}g}"
