"""Paper B's trainings: discrete VAEs with one of the estimators."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch

from reinrelax import estimators
from reinrelax.errors import ResultsError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.experiments.training import hyper_of, products_of, replicas_of, train_replicas
from reinrelax.images import Images
from reinrelax.models.vae import DiscreteVAE
from reinrelax.run import Run
from reinrelax.training.checkpoint import read_archive
from reinrelax.training.discrete import DiscreteObjective
from reinrelax.training.loop import Trainer
from reinrelax.types import LatentShape

# Columns of the tables.
HYPER = tuple(HYPERPARAMETERS)
_COUNTS = tuple(name for name, entry in HYPERPARAMETERS.items() if entry.integer)


def train_cell(runs: Sequence[Run], images: Images, **options: Any) -> dict[str, Any]:
    """`training.train_replicas` of discrete VAEs, which takes the options; the record."""
    return train_replicas(runs, images, make_trainer, hyper=HYPER, **options)


def make_trainer(
    runs: Sequence[Run], images: Images, device: str, snapshots: Collection[int] = ()
) -> Trainer:
    """A trainer with one replica a run, at epoch 0."""
    first, replicas = runs[0], replicas_of(runs)
    model = DiscreteVAE(first.shape, replicas.seeds, device, products_of(first))
    return Trainer(
        DiscreteObjective(model, estimators.get(first.estimator), hyper_of(runs, _COUNTS)),
        replicas,
        torch.from_numpy(images.train).to(device),
        torch.from_numpy(images.test).to(device),
        first.batch_size,
        snapshots,
    )


def read_snapshot(path: Path, shape: LatentShape, epoch: int, device: str) -> tuple[DiscreteVAE, list[int]]:
    """The replicas as they were after an epoch, and their seeds.

    Raises:
        ResultsError: the file is missing or damaged, or holds no such epoch.
    """
    try:
        content = read_archive(path)
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
