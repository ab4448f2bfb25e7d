"""The trainings of paper A: VAEs with relaxed latent variables, and pictures of the results."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reinrelax import latents
from reinrelax.config.run import Run
from reinrelax.core.rng import Streams
from reinrelax.latents.hyperparameters import HYPERPARAMETERS
from reinrelax.training.loop import Trainer
from reinrelax.training.replicas import hyper_of, products_of, replicas_of
from reinrelax.vae.autoencoder import Autoencoder
from reinrelax.vae.relaxed import RelaxedObjective

if TYPE_CHECKING:
    from reinrelax.datasets.images import Images

_COUNTS = tuple(name for name, entry in HYPERPARAMETERS.items() if entry.integer)
# The numbers of test images with reconstructions, and of samples of the prior.
SHOWN, SAMPLED = 8, 64
_BINS = 20
Pictures = dict[str, np.ndarray[Any, Any]]


def make_trainer(
    runs: Sequence[Run], images: "Images", device: str, snapshots: Collection[int] = ()
) -> Trainer:
    """Return a trainer at epoch 0, with a replica per run."""
    first, replicas = runs[0], replicas_of(runs)
    latent = latents.make(
        first.estimator, first.shape, replicas.seeds, device, **hyper_of(runs, _COUNTS)
    )
    model = Autoencoder(
        first.units,
        latent.outputs,
        latent.inputs,
        replicas.seeds,
        device,
        products_of(first),
        images.train.shape[1],
    )
    return Trainer(
        RelaxedObjective(model, latent),
        replicas,
        torch.from_numpy(images.train).to(device),
        torch.from_numpy(images.test).to(device),
        first.batch_size,
        snapshots,
    )


def pictures(runs: Sequence[Run], trainer: Trainer, first: int) -> Pictures:
    """Return what these runs learned, as in `results.pictures`, with images of the first seed."""
    objective = trainer.objective
    assert isinstance(objective, RelaxedObjective)
    originals = trainer.test_images[:SHOWN]
    batch = originals.float().div(255).expand(len(runs), -1, -1)
    streams = Streams.derive(trainer.replicas.seeds, "pictures", device=trainer.device)
    shown = [index for index, run in enumerate(runs) if run.seed == first]
    drawn = {
        name: values[shown].mul(255).round().to(torch.uint8).cpu().numpy()
        for name, values in objective.pictures(batch, SAMPLED, streams).items()
    }
    learned = {name: values.cpu().numpy() for name, values in objective.latent.facts().items()}
    if runs[0].shape.categories == 2:
        learned |= _probabilities(objective, trainer.test_images)
    return {
        "originals": originals.cpu().numpy(),
        **drawn,
        "shown_run_ids": np.array([runs[index].run_id for index in shown]),
        "run_ids": np.array([run.run_id for run in runs]),
        **learned,
    }


def _probabilities(objective: RelaxedObjective, test: Tensor) -> dict[str, np.ndarray[Any, Any]]:
    """Return statistics of P(b = 1 | x) over the test images.

    `probability`, `[R, L]`, is the mean over images; `probability_share`, `[R, 20]`, the share of
    all probabilities in each twentieth of the unit interval.
    """
    probs = []
    with torch.no_grad():
        for images in test.split(1000):
            batch = images.float().div(255).expand(objective.latent.replicas, -1, -1)
            probs.append(objective.model.encode(batch).sigmoid())
    p = torch.cat(probs, 1)
    bins = (p * _BINS).long().clamp_max(_BINS - 1).flatten(1)
    shares = (
        torch.stack([torch.bincount(row, minlength=_BINS) for row in bins]).double() / bins.shape[1]
    )
    return {"probability": p.mean(1).cpu().numpy(), "probability_share": shares.cpu().numpy()}
