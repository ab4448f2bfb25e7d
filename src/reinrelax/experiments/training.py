"""Train the runs of one cell as replicas, and write a tidy table with a row per run and epoch."""

import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from reinrelax.config.run import PIXELS, Run
from reinrelax.core import files, records
from reinrelax.datasets.images import Images
from reinrelax.errors import ResultsError
from reinrelax.experiments.discrete_vae import measure as vae
from reinrelax.experiments.record import begun, ended
from reinrelax.experiments.relaxed_vae import measure as relaxations
from reinrelax.experiments.snapshots import write_snapshots
from reinrelax.jobs.job import Job
from reinrelax.kernels.gpu import support
from reinrelax.results import cell_table, finished, pictures
from reinrelax.results.finished import Finished
from reinrelax.training import checkpoint, progress
from reinrelax.training.loop import Trainer
from reinrelax.training.process import prepare_process
from reinrelax.training.products import warn_if_slow
from reinrelax.training.progress import COMPILED
from reinrelax.training.replicas import products_of


def train_cell(
    cell: Job,
    images: Images,
    *,
    table: Path,
    known: Mapping[str, Finished],
    device: str,
    checkpoint_every: int,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """Train the runs of a cell, which differ only in replica settings; write `table` and a record.

    A checkpoint next to the table lets a killed job resume; it is removed once the table is
    written. Known runs on the same images and kind of device are not trained again, unless
    snapshots of them are requested or the cell is marked to be retrained.

    Args:
        cell: the cell. If it requests snapshots, its parameters at these epochs are written to a
            `.pt` next to the table; if it belongs to paper A, what it learned is written to a
            `.npz`.
        images: training and test images.
        table: the path of the CSV.
        known: finished runs with this cell's source, by run_id.
        device: "cpu" or "cuda".
        checkpoint_every: the number of epochs between checkpoints.
        extra: further entries for the record.

    Returns:
        The record.

    Raises:
        ResultsError: a file cannot be written.
    """
    clock = time.perf_counter()
    prepare_process()
    if device == "cpu":
        warn_if_slow(products_of(cell.first))
    runs, described = cell.runs, begun(cell, device, extra)
    drawn = _kept_pictures(table) if cell.first.experiment == "relaxations" else None
    forced = finished.marked(table)
    done = {} if cell.snapshots or forced else _reusable(cell, known, images, device, drawn)
    reused = {run_id: dict(entry.origin) for run_id, entry in done.items()}
    missing = [run for run in runs if run.run_id not in done]
    trained = None
    if missing:
        state = table.with_suffix(".checkpoint")
        trained = _train(cell, missing, images, device, state, checkpoint_every, forced)
    seconds = time.perf_counter() - clock
    if trained:
        origin = {
            **{name: described[name] for name in cell_table.ORIGIN},
            "wall_seconds": round(seconds / len(missing), 3),
        }
        done |= finished_runs(trained.trainer, missing, images, origin)
    record = {
        **described,
        **finished.told(cell, done),
        **({"pixels": images.train.shape[1]} if images.train.shape[1] != PIXELS else {}),
        "dataset": {"name": images.name, "sha256": images.sha256},
        "reused": reused,
        **ended(device, seconds),
        "resumed_after_epoch": trained.resumed if trained else 0,
        # Images presented to all replicas since the start or resume, for estimates of time.
        "images_trained": trained.presented if trained else 0,
    }
    if drawn is not None:
        _write_pictures(table, runs, missing, trained.trainer if trained else None, drawn)
    if cell.snapshots and trained:
        write_snapshots(table.with_suffix(".pt"), record["seeds"], trained.trainer.kept)
    finished.write(table, done)
    files.write_text(table, cell_table.to_csv(runs, done))
    suffixes = [
        ".csv",
        *([".npz"] if drawn is not None else []),
        *([".pt"] if cell.snapshots else []),
    ]
    records.write(table.with_suffix(".json"), record, map(table.with_suffix, suffixes))
    table.with_suffix(".checkpoint").unlink(missing_ok=True)
    finished.unmark(table)
    return record


def make_trainer(
    runs: Sequence[Run], images: Images, device: str, snapshots: Collection[int] = ()
) -> Trainer:
    """Return a trainer at epoch 0 with a replica per run, for the paper that the runs belong to."""
    if runs[0].experiment == "relaxations":
        return relaxations.make_trainer(runs, images, device, snapshots)
    return vae.make_trainer(runs, images, device, snapshots)


@dataclass(frozen=True)
class _Trained:
    """A trainer at its last epoch.

    Attributes:
        resumed: the epoch from which a checkpoint was resumed.
        presented: the number of images presented to all replicas since then.
    """

    trainer: Trainer
    resumed: int
    presented: int


def _reusable(
    cell: Job,
    known: Mapping[str, Finished],
    images: Images,
    device: str,
    drawn: pictures.Pictures | None,
) -> dict[str, Finished]:
    """Return the runs that need not be retrained.

    In paper A, `drawn` must contain what a run learned and, for the first seed, its images.
    """
    first = min(run.seed for run in cell.runs)
    return {
        run.run_id: known[run.run_id]
        for run in cell.runs
        if run.run_id in known
        and known[run.run_id].dataset["sha256"] == images.sha256
        and known[run.run_id].on_gpu == (device != "cpu")
        and (
            drawn is None
            or run.run_id in drawn.get("shown_run_ids" if run.seed == first else "run_ids", ())
        )
    }


def finished_runs(
    trainer: Trainer, runs: Sequence[Run], images: Images, origin: Mapping[str, Any]
) -> dict[str, Finished]:
    """Return the results of a trainer whose replicas are these runs, by run_id."""
    history = trainer.history
    dataset = {
        "name": images.name,
        "train_images": len(images.train),
        "test_images": len(images.test),
        "sha256": images.sha256,
    }
    out = {}
    for replica, run in enumerate(runs):
        metrics = {
            name: [float(value[replica]) for value in values]
            for name, values in history.metrics.items()
        }
        out[run.run_id] = Finished(
            cell_table.results(metrics), int(history.diverged[replica]), dataset, dict(origin)
        )
    return out


def _kept_pictures(table: Path) -> pictures.Pictures:
    """Return the pictures of runs trained before; empty if their file is missing or damaged."""
    path = pictures.kept(table)
    if not path.exists():
        return {}
    try:
        return pictures.read(path)
    except ResultsError as error:
        print(f"WARNING: {error}. Its runs are trained again", file=sys.stderr)
        return {}


def _write_pictures(
    table: Path,
    runs: Sequence[Run],
    trained: Sequence[Run],
    trainer: Trainer | None,
    before: pictures.Pictures,
) -> None:
    first = min(run.seed for run in runs)
    now = [relaxations.pictures(trained, trainer, first)] if trainer else []
    content = pictures.joined(runs, [*now, *([before] if before else [])])
    for path in (pictures.kept(table), table.with_suffix(".npz")):
        pictures.write(path, content)


def _train(
    cell: Job,
    runs: Sequence[Run],
    images: Images,
    device: str,
    state: Path,
    checkpoint_every: int,
    forced: str,
) -> _Trained:
    """Train these runs of a cell to their last epoch, resuming from a checkpoint if one exists."""
    trainer = make_trainer(runs, images, device, cell.snapshots)
    run_ids = [run.run_id for run in runs]
    noise = COMPILED if support.serves(torch.device(device)) else device
    identity = progress.identity(cell.fingerprint, images.sha256, noise, run_ids, forced)
    checkpoint.restore(state, trainer, identity)
    resumed = trainer.history.epochs
    steps = -(-len(images.train) // runs[0].batch_size)
    total = runs[0].epochs
    with tqdm(
        total=total * steps, initial=resumed * steps, unit="step", mininterval=2, file=sys.stderr
    ) as bar:
        for epoch in range(resumed + 1, total + 1):
            trainer.run_epoch(on_step=bar.update)
            if epoch % checkpoint_every == 0 and epoch < total:
                checkpoint.save(state, trainer, identity)
            if bool((trainer.history.diverged > 0).all()):
                break
    presented = len(runs) * (trainer.history.epochs - resumed) * len(images.train)
    return _Trained(trainer, resumed, presented)
