"""Results of trainings that never happened: tidy tables and records such as an experiment leaves."""

import json
import math
import zlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.config import Config
from reinrelax.run import Run
from reinrelax.runs import Cell, cells, table_path

# Final train and test negative ELBO of a run, nats per image.
Final = Callable[[Run], tuple[float, float]]


def noise(run: Run, std: float = 0.2) -> float:
    """A normal number of its own for each estimator, latent shape and seed."""
    name = zlib.crc32(f"{run.estimator} {run.shape}".encode())
    return std * float(np.random.default_rng([name, run.seed]).normal())


def published(run: Run, root: Path) -> tuple[float, float]:
    """The paper's own numbers, with seeds scattered about them."""
    out = []
    for name in ("table2_train_elbo", "table3_test_elbo"):
        table = pd.read_csv(root / f"report/reference/{name}.csv").set_index(["estimator", "latent"])
        out.append(float(table["mean"][run.estimator, str(run.shape)]) + noise(run))
    return out[0], out[1]


def write_results(
    config: Config,
    final: Final,
    *,
    only: Callable[[Cell], bool] = lambda cell: True,
    diverged: Collection[tuple[str, str, int]] = (),
    epochs: Iterable[int] | None = None,
    **record: Any,
) -> None:
    """Write table and record of the configuration's cells.

    Args:
        config: whose cells.
        final: what each run arrives at.
        only: which cells.
        diverged: estimator, latent shape and seed of runs that end in NaN.
        epochs: which epochs get a row; the last is always among them.
        record: entries over those of the provenance record; `dataset` also goes into the rows.
    """
    for cell in cells(config).values():
        if only(cell):
            write_cell(config, cell, final, diverged, epochs, record)


def write_cell(
    config: Config,
    cell: Cell,
    final: Final,
    diverged: Collection[tuple[str, str, int]] = (),
    epochs: Iterable[int] | None = None,
    record: dict[str, Any] | None = None,
) -> None:
    """Write table and record of one cell."""
    record = record or {}
    total = cell.first.epochs
    shown = sorted({*(range(1, total + 1) if epochs is None else epochs), total})
    lines = []
    for run in cell.runs:
        train, test = final(run)
        dead = (run.estimator, str(run.shape), run.seed) in diverged
        for epoch in shown:
            above = 90 * math.exp(-5 * epoch / total) - 90 * math.exp(-5) + 4 * noise(run) / epoch
            status = "diverged" if dead and epoch == total else "ok"
            gap = math.nan if status == "diverged" else above
            lines.append(
                _line(run, record.get("dataset", run.dataset), epoch, status, train + gap, test + gap)
            )
    path = table_path(config, cell.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(lines).to_csv(path, index=False)
    known = {
        "fingerprint": cell.fingerprint,
        "reinrelax": "0.1.0",
        "commit": "0" * 40,
        "host": "somewhere",
        "device": "cpu",
        "python": "3.11.7",
        "torch": "2.15.0",
        "numpy": "2.4.6",
        "started": "2026-01-02T03:04:05+00:00",
        "wall_seconds": 12.5,
        "images_trained": 1,
    }
    path.with_suffix(".json").write_text(json.dumps({**known, **record}), encoding="utf-8")


def _line(run: Run, dataset: str, epoch: int, status: str, train: float, test: float) -> dict[str, Any]:
    hyper = dict(run.hyper)
    return {
        "run_id": run.run_id,
        "experiment": run.experiment,
        "dataset": dataset,
        "train_images": run.train_images or 60_000,
        "test_images": run.test_images or 10_000,
        "categories": run.shape.categories,
        "latents": run.shape.latents,
        "estimator": run.estimator,
        **{name: hyper.get(name) for name in ("tau", "eta", "beta", "draws", "samples")},
        "optimizer": run.optimizer,
        "learning_rate": run.learning_rate,
        "batch_size": run.batch_size,
        "epochs": run.epochs,
        "seed": run.seed,
        "status": status,
        "epoch": epoch,
        "train_nelbo_nats": train,
        "test_nelbo_nats": test,
    }
