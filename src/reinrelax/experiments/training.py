"""Train the runs of one cell as replicas; a tidy table with one row a run and epoch comes out."""

import csv
import io
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from reinrelax import files, native, records
from reinrelax.experiments import finished, provenance
from reinrelax.experiments.finished import Finished
from reinrelax.gpu import support
from reinrelax.images import Images
from reinrelax.run import Run, digest
from reinrelax.training import checkpoint
from reinrelax.training.loop import Replicas, Trainer
from reinrelax.training.memory import keep_freed_memory
from reinrelax.training.products import prefer_onednn

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
_SETTING = ("optimizer", "learning_rate", "batch_size", "products", "epochs", "seed", "status", "epoch")
# Of a metric; all 17 would double the size of what is published.
_DIGITS = 10
_TERMS = ("nelbo", "reconstruction", "kl")
Then = Callable[[Sequence[Run], Trainer | None], None]
Make = Callable[[Sequence[Run], Images, str, Collection[int]], Trainer]


def train_replicas(
    runs: Sequence[Run],
    images: Images,
    make_trainer: Make,
    *,
    hyper: Sequence[str],
    table: Path,
    fingerprint: str,
    source: str,
    device: str,
    checkpoint_every: int,
    extra: dict[str, Any],
    snapshots: Collection[int] = (),
    then: Then | None = None,
    reusable: Collection[str] | None = None,
) -> dict[str, Any]:
    """Train the runs, which share all but replica settings; write `table` and, beside it, a `.json` record.

    A checkpoint beside the table lets a killed job go on; it is removed once the table is there. Runs that
    have been trained before, of the same source and images, are not trained again, unless snapshots of them
    are asked for.

    Args:
        runs: rows of the run table.
        images: training and test images.
        make_trainer: from runs, images, device and snapshots, a trainer with one replica a run.
        hyper: names of hyper-parameters that the table has columns for.
        table: where the CSV goes.
        fingerprint: of rows and source; recorded, and required of a checkpoint.
        source: of the source alone.
        device: "cpu" or "cuda".
        checkpoint_every: epochs between checkpoints.
        extra: what else the record should say.
        snapshots: epochs whose parameters go into a `.pt` beside the table; see `vae.read_snapshot`.
        then: called before anything is written, with those of the runs that were trained now and their
            replicas (None where there are none).
        reusable: run_ids that need not be trained again, if not all.

    Returns:
        The record.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    prepare_process()
    identities = {run.run_id: digest([source, run.run_id, images.sha256, device]) for run in runs}
    known = {} if snapshots else finished.read(table, runs, identities)
    if reusable is not None:
        known = {run_id: entry for run_id, entry in known.items() if run_id in reusable}
    missing = [run for run in runs if run.run_id not in known]
    described = provenance.describe(describe_device(device))
    origin = {
        **{name: described[name] for name in ("commit", "host")},
        "started": started.isoformat(timespec="seconds"),
    }
    done, presented, resumed = dict(known), 0, 0
    trainer: Trainer | None = None
    if missing:
        identity = digest([fingerprint, images.sha256, device, [run.run_id for run in missing]])
        state = table.with_suffix(".checkpoint")
        trainer, resumed = _trained(
            missing, images, make_trainer, device, snapshots, state, identity, checkpoint_every
        )
        presented = len(missing) * (trainer.history.epochs - resumed) * len(images.train)
        new = finished.of(trainer, [identities[run.run_id] for run in missing], origin)
        done |= {run.run_id: entry for run, entry in zip(missing, new, strict=True)}
    if then:
        then(missing, trainer)
    record = {
        **extra,
        "fingerprint": fingerprint,
        "estimator": runs[0].estimator,
        "latent": str(runs[0].shape),
        "draws": dict(runs[0].hyper).get("draws", 0),
        **described,
        "threads": torch.get_num_threads(),
        "kernels": kernels(device),
        "dataset": {"name": images.name, "sha256": images.sha256},
        "run_ids": [run.run_id for run in runs],
        "seeds": [run.seed for run in runs],
        "diverged": {run.run_id: done[run.run_id].diverged for run in runs if done[run.run_id].diverged},
        "reused": {run_id: dict(entry.origin) for run_id, entry in known.items()},
        "started": origin["started"],
        "wall_seconds": round(time.perf_counter() - clock, 3),
        "resumed_after_epoch": resumed,
        # Image presentations of all replicas, those before a resume left out: what a time estimate needs.
        "images_trained": presented,
        "peak_memory_mb": round(provenance.peak_memory_mb(), 1),
    }
    if snapshots and trainer:
        with files.atomic(table.with_suffix(".pt")) as file:
            torch.save({"seeds": record["seeds"], "kept": trainer.kept}, file)
    finished.write(table, done)
    files.write_text(table, to_csv(runs, images, done, hyper))
    records.write(table.with_suffix(".json"), record, [table])
    table.with_suffix(".checkpoint").unlink(missing_ok=True)
    return record


def _trained(
    runs: Sequence[Run],
    images: Images,
    make_trainer: Make,
    device: str,
    snapshots: Collection[int],
    state: Path,
    identity: str,
    checkpoint_every: int,
) -> tuple[Trainer, int]:
    """A trainer that has come to its last epoch, and the epoch from which a checkpoint let it go on."""
    trainer = make_trainer(runs, images, device, snapshots)
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
    return trainer, resumed


def prepare_process() -> None:
    """Settings of the process that make training fast and leave its numbers the same to rounding."""
    # Edge pixels are almost always zero, so Adam's moments decay into denormals, which are slow.
    torch.set_flush_denormal(True)
    keep_freed_memory()
    prefer_onednn()


def replicas_of(runs: Sequence[Run]) -> Replicas:
    """What the trainer wants to know of its runs."""
    return Replicas(
        seeds=[run.seed for run in runs],
        optimizers=[run.optimizer for run in runs],
        learning_rates=[run.learning_rate for run in runs],
    )


def products_of(run: Run) -> torch.dtype:
    """What the layers of its VAE multiply."""
    found: torch.dtype = getattr(torch, run.products)
    return found


def hyper_of(runs: Sequence[Run], counts: Collection[str]) -> dict[str, Tensor | int]:
    """Hyper-parameters by name: a tensor `[R]`, or for `counts`, which all runs share, a number."""
    out: dict[str, Tensor | int] = {}
    for name, value in runs[0].hyper:
        values = [dict(run.hyper)[name] for run in runs]
        out[name] = int(value) if name in counts else torch.tensor(values, dtype=torch.float32)
    return out


def to_csv(
    runs: Sequence[Run], images: Images, done: Mapping[str, Finished], hyper_names: Sequence[str]
) -> str:
    """The tidy table: one row a run and epoch, nats per image, in more digits than float32 has."""
    names = list(done[runs[0].run_id].metrics)
    parts = [name.removesuffix("_kl") for name in names if name.endswith("_kl")]
    terms_of = [f"{part}_{term}_nats" for part in parts for term in _TERMS]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*_RUN, *hyper_names, *_SETTING, *terms_of], lineterminator="\n")
    writer.writeheader()
    for run in runs:
        metrics, diverged = done[run.run_id].metrics, done[run.run_id].diverged
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
            **{name: hyper.get(name) for name in hyper_names},
            "optimizer": run.optimizer,
            "learning_rate": run.learning_rate,
            "batch_size": run.batch_size,
            "products": run.products,
            "epochs": run.epochs,
            "seed": run.seed,
        }
        for epoch, values in enumerate(zip(*metrics.values(), strict=True), 1):
            terms = {f"{name}_nats": value for name, value in zip(metrics, values, strict=True)}
            sums = {
                f"{part}_nelbo_nats": terms[f"{part}_reconstruction_nats"] + terms[f"{part}_kl_nats"]
                for part in parts
            }
            status = "diverged" if diverged and epoch >= diverged else "ok"
            numbers = {name: f"{value:.{_DIGITS}g}" for name, value in {**sums, **terms}.items()}
            writer.writerow({**shared, "status": status, "epoch": epoch, **numbers})
    return buffer.getvalue()


def kernels(device: str) -> list[str]:
    """What of this package's compiled code this process computes with, for a record."""
    return [*native.loaded(), *(["triton"] if support.serves(torch.device(device)) else [])]


def describe_device(device: str) -> str:
    """The device's name, for a record."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"
