"""Paper A's trainings: VAEs with relaxed latent variables, and pictures of what they learn."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from reinrelax import files, latents
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS as OF_ESTIMATORS
from reinrelax.experiments.training import hyper_of, products_of, replicas_of, train_replicas
from reinrelax.images import Images
from reinrelax.latents.hyperparameters import HYPERPARAMETERS
from reinrelax.models.vae import Autoencoder
from reinrelax.rng import Streams
from reinrelax.run import Run
from reinrelax.training.loop import Trainer
from reinrelax.training.relaxed import RelaxedObjective

# Not in the paper: those of its authors' public demonstration.
HIDDEN = (400,)
# Columns of the tables; those of the other trainings are among them, so that all tables can be joined.
HYPER = tuple(OF_ESTIMATORS | HYPERPARAMETERS)
_COUNTS = tuple(name for name, entry in HYPERPARAMETERS.items() if entry.integer)
# Test images whose reconstruction is shown, and samples of the prior.
SHOWN, SAMPLED = 8, 64
_BINS = 20
_DRAWN = ("hard", "relaxed", "samples")
Pictures = dict[str, np.ndarray[Any, Any]]


def train_cell(runs: Sequence[Run], images: Images, *, table: Path, **options: Any) -> dict[str, Any]:
    """`training.train_replicas`, which takes the options, with pictures in a `.npz` beside the table.

    The file holds pixel probabilities as uint8: `originals` `[8, 784]`; of the first seed of each setting S,
    `hard` and `relaxed` reconstructions `[S, 8, 784]` and `samples` of the discrete prior `[S, 64, 784]`;
    and, of every run, `run_ids`, what `Latent.facts` says and, of binary latent variables, `probability` and
    `probability_share`. A second copy is kept for when a run is not trained again.
    """

    kept = table.with_suffix(".runs.npz")
    before = _kept(kept)

    def draw_pictures(trained: Sequence[Run], trainer: Trainer | None) -> None:
        first = min(run.seed for run in runs)
        drawn = [pictures(trained, trainer, first)] if trainer else []
        content = _joined(runs, first, [*drawn, *([before] if before else [])])
        for path in (kept, table.with_suffix(".npz")):
            with files.atomic(path) as file:
                np.savez_compressed(file, **content)  # type: ignore[arg-type]

    reusable = set(before["run_ids"].tolist()) if before else set()
    options |= {"table": table, "then": draw_pictures, "reusable": reusable}
    return train_replicas(runs, images, make_trainer, hyper=HYPER, **options)


def make_trainer(
    runs: Sequence[Run], images: Images, device: str, snapshots: Collection[int] = ()
) -> Trainer:
    """A trainer with one replica a run, at epoch 0."""
    first, replicas = runs[0], replicas_of(runs)
    latent = latents.make(first.estimator, first.shape, replicas.seeds, device, **hyper_of(runs, _COUNTS))
    model = Autoencoder(HIDDEN, latent.outputs, latent.inputs, replicas.seeds, device, products_of(first))
    return Trainer(
        RelaxedObjective(model, latent),
        replicas,
        torch.from_numpy(images.train).to(device),
        torch.from_numpy(images.test).to(device),
        first.batch_size,
        snapshots,
    )


def pictures(runs: Sequence[Run], trainer: Trainer, first: int) -> Pictures:
    """The content of the pictures' file, of these runs; shown are those with the first seed."""
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


def _joined(runs: Sequence[Run], first: int, parts: Sequence[Pictures]) -> Pictures:
    """The pictures of `runs`, each from the first part that has it."""
    shown = [run.run_id for run in runs if run.seed == first]
    out: dict[str, Any] = {"originals": parts[0]["originals"], "shown_run_ids": np.array(shown)}
    out["run_ids"] = np.array([run.run_id for run in runs])
    for name in parts[0]:
        if name not in out:
            names, wanted = ("shown_run_ids", shown) if name in _DRAWN else ("run_ids", out["run_ids"])
            rows: dict[str, Any] = {}
            for part in reversed(parts):
                rows |= dict(zip(part[names].tolist(), part[name], strict=True))
            out[name] = np.stack([rows[str(run)] for run in wanted])
    return out


def _kept(path: Path) -> Pictures:
    """What was kept of runs that were trained before; nothing where the file is missing or damaged."""
    if not path.exists():
        return {}
    try:
        with path.open("rb") as file, np.load(file) as content:
            return dict(content)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        print(f"WARNING: {path} cannot be read ({error!r}); its runs are trained again", file=sys.stderr)
        return {}


def _probabilities(objective: RelaxedObjective, test: Tensor) -> dict[str, np.ndarray[Any, Any]]:
    """`probability` `[R, L]`, the mean of P(b = 1 | x) over test images, and `probability_share` `[R, 20]`,
    the share of all of them in each twentieth of the unit interval.
    """
    probs = []
    with torch.no_grad():
        for images in test.split(1000):
            batch = images.float().div(255).expand(objective.latent.replicas, -1, -1)
            probs.append(objective.model.encode(batch).sigmoid())
    p = torch.cat(probs, 1)
    bins = (p * _BINS).long().clamp_max(_BINS - 1).flatten(1)
    shares = torch.stack([torch.bincount(row, minlength=_BINS) for row in bins]).double() / bins.shape[1]
    return {"probability": p.mean(1).cpu().numpy(), "probability_share": shares.cpu().numpy()}
