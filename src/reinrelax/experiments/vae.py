"""Train the discrete VAEs of one cell as replicas; a tidy table with one row a run and epoch comes out."""

import csv
import io
import json
import sys
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from reinrelax import estimators, files
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.experiments import provenance
from reinrelax.images import Images
from reinrelax.models.vae import DiscreteVAE
from reinrelax.run import Run, digest
from reinrelax.training import checkpoint
from reinrelax.training.loop import Replicas, Trainer
from reinrelax.training.memory import keep_freed_memory
from reinrelax.training.products import prefer_onednn
from reinrelax.types import LatentShape

HYPER = tuple(HYPERPARAMETERS)
COLUMNS = (
    *("run_id", "experiment", "dataset", "train_images", "test_images", "categories", "latents", "estimator"),
    *HYPER,
    *("optimizer", "learning_rate", "batch_size", "epochs", "seed", "status", "epoch"),
    *("train_nelbo_nats", "train_reconstruction_nats", "train_kl_nats"),
    *("test_nelbo_nats", "test_reconstruction_nats", "test_kl_nats"),
)


def train_cell(
    runs: Sequence[Run],
    images: Images,
    *,
    table: Path,
    fingerprint: str,
    device: str,
    checkpoint_every: int,
    extra: dict[str, Any],
    snapshots: Collection[int] = (),
) -> dict[str, Any]:
    """Train the runs, which share all but replica settings; write `table` and, beside it, a `.json` record.

    A checkpoint beside the table lets a killed job go on; it is removed once the table is there.

    Args:
        runs: rows of the run table.
        images: training and test images.
        table: where the CSV goes.
        fingerprint: of rows and source; recorded, and required of a checkpoint.
        device: "cpu" or "cuda".
        checkpoint_every: epochs between checkpoints.
        extra: what else the record should say.
        snapshots: epochs whose parameters go into a `.pt` beside the table; see `read_snapshot`.

    Returns:
        The record.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    prepare_process()
    trainer = make_trainer(runs, images, device, snapshots)
    state = table.with_suffix(".checkpoint")
    identity = digest([fingerprint, images.sha256, device])
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
    seconds = time.perf_counter() - clock
    record = {
        **extra,
        "fingerprint": fingerprint,
        "estimator": runs[0].estimator,
        "latent": str(runs[0].shape),
        "draws": dict(runs[0].hyper).get("draws", 0),
        **provenance.describe(describe_device(device)),
        "threads": torch.get_num_threads(),
        "dataset": {"name": images.name, "sha256": images.sha256},
        "run_ids": [run.run_id for run in runs],
        "seeds": [run.seed for run in runs],
        "diverged": {
            run.run_id: epoch
            for run, epoch in zip(runs, trainer.history.diverged.tolist(), strict=True)
            if epoch
        },
        "started": started.isoformat(timespec="seconds"),
        "wall_seconds": round(seconds, 3),
        "resumed_after_epoch": resumed,
        # Image presentations of all replicas, those before a resume left out: what a time estimate needs.
        "images_trained": len(runs) * (trainer.history.epochs - resumed) * len(images.train),
        "peak_memory_mb": round(provenance.peak_memory_mb(), 1),
    }
    if snapshots:
        with files.atomic(table.with_suffix(".pt")) as file:
            torch.save({"seeds": record["seeds"], "kept": trainer.kept}, file)
    files.write_text(table, to_csv(runs, images, trainer))
    files.write_text(table.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    state.unlink(missing_ok=True)
    return record


def prepare_process() -> None:
    """Settings of the process that make training fast and leave its numbers the same to rounding."""
    # Edge pixels are almost always zero, so Adam's moments decay into denormals, which are slow.
    torch.set_flush_denormal(True)
    keep_freed_memory()
    prefer_onednn()


def read_snapshot(path: Path, shape: LatentShape, epoch: int, device: str) -> tuple[DiscreteVAE, list[int]]:
    """The replicas as they were after an epoch, and their seeds.

    Raises:
        ResultsError: the file is missing or damaged, or holds no such epoch.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        seeds, kept = content["seeds"], content["kept"][epoch]
        model = DiscreteVAE(shape, seeds, device)
        for target, saved in zip(model.stack.parameters, kept, strict=True):
            target.copy_(saved)
    except Exception as error:  # a damaged archive raises whatever its damaged part leads to
        raise ResultsError(
            f"{path}: no usable snapshot of epoch {epoch} ({type(error).__name__}: {error}). "
            "Delete the file and run snakemake again; if all its replicas diverged, change their settings"
        ) from None
    return model, seeds


def make_trainer(
    runs: Sequence[Run], images: Images, device: str, snapshots: Collection[int] = ()
) -> Trainer:
    """A trainer with one replica a run, at epoch 0."""
    first = runs[0]
    hyper: dict[str, Any] = {}
    for name, value in first.hyper:
        values = [dict(run.hyper)[name] for run in runs]
        hyper[name] = (
            value if isinstance(value, int) and name in ("draws", "samples") else torch.tensor(values)
        )
    replicas = Replicas(
        seeds=[run.seed for run in runs],
        optimizers=[run.optimizer for run in runs],
        learning_rates=[run.learning_rate for run in runs],
        hyper=hyper,
    )
    return Trainer(
        DiscreteVAE(first.shape, replicas.seeds, device),
        estimators.get(first.estimator),
        replicas,
        torch.from_numpy(images.train).to(device),
        torch.from_numpy(images.test).to(device),
        first.batch_size,
        snapshots,
    )


def to_csv(runs: Sequence[Run], images: Images, trainer: Trainer) -> str:
    """The tidy table: one row a run and epoch, nats per image, numbers in full precision."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    metrics = {name: torch.stack(values).tolist() for name, values in trainer.history.metrics.items()}
    for replica, run in enumerate(runs):
        diverged = int(trainer.history.diverged[replica])
        hyper = dict(run.hyper)
        shared = {
            "run_id": run.run_id,
            "experiment": run.experiment,
            "dataset": images.name,
            "train_images": len(images.train),
            "test_images": len(images.test),
            "categories": run.shape.categories,
            "latents": run.shape.latents,
            "estimator": run.estimator,
            **{name: hyper.get(name) for name in HYPER},
            "optimizer": run.optimizer,
            "learning_rate": run.learning_rate,
            "batch_size": run.batch_size,
            "epochs": run.epochs,
            "seed": run.seed,
        }
        for index in range(trainer.history.epochs):
            epoch = index + 1
            terms = {f"{name}_nats": values[index][replica] for name, values in metrics.items()}
            sums = {
                f"{part}_nelbo_nats": terms[f"{part}_reconstruction_nats"] + terms[f"{part}_kl_nats"]
                for part in ("train", "test")
            }
            status = "diverged" if diverged and epoch >= diverged else "ok"
            writer.writerow({**shared, "status": status, "epoch": epoch, **sums, **terms})
    return buffer.getvalue()


def describe_device(device: str) -> str:
    """The device's name, for a record."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"
