"""The trainings of paper B: discrete VAEs with one of the estimators."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import torch

from reinrelax import estimators
from reinrelax.config.run import Run
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS
from reinrelax.training.loop import Trainer
from reinrelax.training.replicas import hyper_of, products_of, replicas_of
from reinrelax.vae.autoencoder import DiscreteVAE
from reinrelax.vae.discrete import DiscreteObjective

if TYPE_CHECKING:
    from reinrelax.datasets.images import Images

_COUNTS = tuple(name for name, entry in HYPERPARAMETERS.items() if entry.integer)


def make_trainer(
    runs: Sequence[Run], images: "Images", device: str, snapshots: Collection[int] = ()
) -> Trainer:
    """Return a trainer at epoch 0, with a replica per run."""
    first, replicas = runs[0], replicas_of(runs)
    network = {"hidden": first.units, "pixels": images.train.shape[1]}
    model = DiscreteVAE(first.shape, replicas.seeds, device, products_of(first), **network)
    return Trainer(
        DiscreteObjective(model, estimators.get(first.estimator), hyper_of(runs, _COUNTS)),
        replicas,
        torch.from_numpy(images.train).to(device),
        torch.from_numpy(images.test).to(device),
        first.batch_size,
        snapshots,
    )
